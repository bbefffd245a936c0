# SPDX-License-Identifier: BSD-2-Clause
# The driver is taken off the device and put back, and the data is still there.
. /job/lib.sh
await $disk
pci=$(basename "$(readlink -f /sys/class/nvme/$ctrl/device)")
driver=/sys/bus/pci/drivers/nvme
dd if=/dev/urandom of=/tmp/data bs=64k count=8 2>/dev/null
dd if=/tmp/data of=$disk bs=64k oflag=direct 2>/dev/null || fail "write before"
for n in 1 2; do
	echo $pci >$driver/unbind || fail "unbind"
	[ ! -e $disk ] || fail "$disk is still there without a driver"
	echo $pci >$driver/bind || fail "bind"
	await $disk
	dd if=$disk of=/tmp/back bs=64k count=8 iflag=direct 2>/dev/null || fail "read after"
	cmp /tmp/data /tmp/back || fail "data differs after rebinding"
done
echo "rebound twice: $pci"
check_log
