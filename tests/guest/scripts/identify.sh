# SPDX-License-Identifier: BSD-2-Clause
# What nvme-cli shows of the controller (kept in /out/identify); each of these
# commands must succeed.
. /job/lib.sh
await $disk
commands=0
run() {
	nvme "$@" >/tmp/o 2>&1 || { cat /tmp/o; fail "nvme $*"; }
	[ -s /tmp/o ] || fail "nvme $* printed nothing"
	{ echo "--- nvme $*"; cat /tmp/o; } >>/out/identify
	commands=$((commands + 1))
}
run list
cat /tmp/o
run list -v
run id-ctrl /dev/$ctrl
run id-ns $disk
run list-ns /dev/$ctrl
run ns-descs $disk
run smart-log /dev/$ctrl
run error-log /dev/$ctrl -e 1
run fw-log /dev/$ctrl
# Without -c it maps the registers itself, which this kernel doesn't allow.
run effects-log /dev/$ctrl -c 0
# Arbitration, power management, temperature threshold, error recovery, number
# of queues, interrupt coalescing and vector, atomicity, asynchronous events.
for f in 1 2 4 5 7 8 9 0xa 0xb; do
	run get-feature /dev/$ctrl -n 1 -f $f
done
# Namespace 1's size as the kernel sees it and as nvme-cli reads it.
nsze=$(nvme id-ns $disk | sed -n 's/^nsze *: *//p')
lbads=$(nvme id-ns $disk | sed -n 's/^lbaf .*lbads:\([0-9]*\).*in use.*/\1/p')
sectors=$(cat /sys/block/${disk#/dev/}/size)
[ $((nsze << lbads)) = $((sectors * 512)) ] || fail "nsze $nsze of 2^$lbads bytes, but the kernel has $sectors sectors"
echo "$commands nvme commands, all answered"
check_log
