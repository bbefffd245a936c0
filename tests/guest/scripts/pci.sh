# SPDX-License-Identifier: BSD-2-Clause
# Resets from the PCI side and device removal; the data is still there.
. /job/lib.sh
await $disk
device=$(readlink -f /sys/class/nvme/$ctrl/device)
head -c 65536 /dev/urandom >/tmp/data
dd if=/tmp/data of=$disk bs=64k oflag=direct 2>/dev/null || fail "write before"
same() {
	await $disk
	dd if=$disk of=/tmp/back bs=64k count=1 iflag=direct 2>/dev/null || fail "read after $1"
	cmp /tmp/data /tmp/back || fail "data differs after $1"
	echo "data is there after $1"
}
methods=$(cat $device/reset_method)
echo "reset methods: ${methods:-none}"
for m in $methods; do
	echo $m >$device/reset_method
	echo 1 >$device/reset || fail "$m reset"
	same "$m reset"
done
echo 1 >$device/remove
[ ! -e $disk ] || fail "$disk is still there without the device"
echo 1 >/sys/bus/pci/rescan
same "removal and rescan"
check_log 'resetting controller|restart after'
