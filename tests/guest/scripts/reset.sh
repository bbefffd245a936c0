# SPDX-License-Identifier: BSD-2-Clause
# Controller resets while fio writes; what it wrote is verified afterwards.
# Settings: RESETS, FIO_SIZE.
. /job/lib.sh
await $disk
options="--filename=$disk --direct=1 --ioengine=libaio --iodepth=32 --numjobs=2
	--size=${FIO_SIZE:-4M} --offset_increment=${FIO_SIZE:-4M} --bs=4k
	--verify=crc32c --verify_fatal=1 --verify_header_seed=0 --group_reporting
	--output-format=terse --terse-version=3"
fio --name=fill $options --rw=write --do_verify=0 >/tmp/fio 2>&1 || { cat /tmp/fio; fail "fio before"; }
fio --name=load $options --rw=randwrite --do_verify=0 --time_based --runtime=120 >/tmp/fio 2>&1 &
load=$!
n=0
while [ $n -lt ${RESETS:-5} ]; do
	before=$(awk '{ print $7 }' /sys/block/${disk#/dev/}/stat)
	# Only a reset that finds commands in flight proves anything.
	for i in $(seq 100); do
		now=$(awk '{ print $7 }' /sys/block/${disk#/dev/}/stat)
		[ "$now" -gt $((before + 1000)) ] && break
		sleep 0.05
	done
	[ "$now" -gt "$before" ] || fail "no writes between resets $n and $((n + 1))"
	echo 1 >/sys/class/nvme/$ctrl/reset_controller || fail "reset $n"
	n=$((n + 1))
	[ "$(cat /sys/class/nvme/$ctrl/state)" = live ] || fail "state $(cat /sys/class/nvme/$ctrl/state) after reset $n"
done
kill -TERM $load
# 128: ended by a signal, as it was told.
wait $load && r=0 || r=$?
[ $r = 0 ] || [ $r = 128 ] || { cat /tmp/fio; fail "fio under resets: status $r"; }
grep -qiE 'error|verify:' /tmp/fio && { cat /tmp/fio; fail "fio under resets"; }
echo "$n resets under load"
# Whatever order the writes and the resets came in, each block is a whole one.
fio --name=after $options --rw=read >/tmp/fio 2>&1 || { cat /tmp/fio; fail "data after the resets"; }
awk -F\; 'NF > 50 { print "fio after: " $6 " KiB read and verified" }' /tmp/fio
check_log 'resetting controller'
