# SPDX-License-Identifier: BSD-2-Clause
# Faults that the disk doesn't survive: CSTS.RDY sticks, so that a reset fails; the device is
# pulled out. Each time it comes back when the bus is looked at again.
. /job/lib.sh
await $disk
pci=$(readlink -f /sys/class/nvme/$ctrl/device)
head -c 4096 /dev/urandom >/tmp/data
w() { dd if=/tmp/data of=$disk bs=4k count=1 seek=$1 oflag=direct conv=notrunc 2>/dev/null; }
r() { dd if=$disk of=/tmp/back bs=4k count=1 skip=$1 iflag=direct 2>/dev/null; }
gone() {
	for i in $(seq 300); do
		[ -e $disk ] || break
		sleep 0.1
	done
	[ ! -e $disk ] || { dmesg | tail -20; fail "$1: the disk is still there"; }
	dmesg | grep -E "$2" | tail -1 >/tmp/line
	[ -s /tmp/line ] || { dmesg | tail -20; fail "$1: the kernel's log has no '$2'"; }
	echo "$1: $(cat /tmp/line); the disk is gone"
}
back() {
	echo 1 >$pci/remove
	sleep ${1}
	echo 1 >/sys/bus/pci/rescan
	await $disk
	r 50 && cmp /tmp/data /tmp/back || fail "the data isn't there any more"
	echo "back, with its data"
}
w 50 || fail "I/O"

w 100 || fail "I/O"
echo 1 >/sys/class/nvme/$ctrl/reset_controller && fail "a reset that can't end succeeded"
dmesg | grep 'Device not ready; aborting reset, CSTS=0x1' || fail "the kernel didn't notice"
gone stuck-ready 'Disabling device after reset failure'
back 6

w 200 && fail "a write to a device that isn't there succeeded"
gone removal 'controller is down; will reset: CSTS=0xffffffff'
back 6
