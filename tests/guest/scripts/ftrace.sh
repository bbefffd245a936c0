# SPDX-License-Identifier: BSD-2-Clause
# Sends the account that account.sh started to the host: raw pages per processor,
# the format that they are in, and the start of it as text.
. /job/lib.sh
t=/sys/kernel/tracing
sync
echo 0 >$t/tracing_on
out=/out/ftrace
mkdir -p $out
cp $t/events/nvme/nvme_setup_cmd/format $out/nvme_setup_cmd
cp $t/events/nvme/nvme_complete_rq/format $out/nvme_complete_rq
cp $t/events/header_page $out/header_page
head -n 2000 $t/trace >$out/text
pids=
for c in $t/per_cpu/cpu*; do
	# Reading an empty buffer waits for ever, so the readers are ended. A page
	# is 4096 bytes, and dd reads and writes one at a time.
	timeout 2 dd if=$c/trace_pipe_raw of=$out/${c##*/} bs=4096 2>/dev/null &
	pids="$pids $!"
done
for p in $pids; do wait $p || true; done
for c in $t/per_cpu/cpu*; do
	cat $c/stats >$out/${c##*/}.stats
	for n in entries overrun 'commit overrun' 'dropped events'; do
		grep -q "^$n: 0$" $c/stats || fail "${c##*/}: $(grep "^$n:" $c/stats): the kernel's account has a hole"
	done
done
echo "kernel's account: $(cat $out/cpu? | wc -c) bytes"
check_log
