# SPDX-License-Identifier: BSD-2-Clause
# Faults that the driver gives up: CSTS.RDY sticks, so that a reset fails; the device is pulled out.
# Each time the disk comes back, with its data, when the bus is looked at again.
. /job/lib.sh
await $disk
pci=$(readlink -f /sys/class/nvme/$ctrl/device)
head -c 4096 /dev/urandom >/tmp/data
w() { dd if=/tmp/data of=$disk bs=4k count=1 seek=$1 oflag=direct conv=notrunc 2>/dev/null; }
r() { dd if=$disk of=/tmp/back bs=4k count=1 skip=$1 iflag=direct 2>/dev/null; }
# dead WHAT PATTERN: the driver has given the controller up, and said so; the disk is useless.
dead() {
	for i in $(seq 300); do
		[ "$(cat /sys/class/nvme/$ctrl/state 2>/dev/null || echo gone)" = live ] || break
		sleep 0.1
	done
	for i in $(seq 100); do
		dmesg | grep -q 'Disabling device after reset failure' && break
		sleep 0.1
	done
	dmesg | grep -E "$2" | tail -1 >/tmp/line
	[ -s /tmp/line ] || { dmesg | tail -20; fail "$1: the kernel's log has no '$2'"; }
	echo "$1: $(cat /tmp/line)"
	dmesg | grep 'Disabling device after reset failure' | tail -1 | sed "s/^/$1: /"
	state=$(cat /sys/class/nvme/$ctrl/state 2>/dev/null || echo gone)
	[ "$state" = dead ] || [ "$state" = gone ] || fail "$1: state $state"
	# A disk without blocks ends before its first one.
	rm -f /tmp/back
	r 50 && [ -s /tmp/back ] && fail "$1: the disk can still be read"
	echo "$1: the controller is $state, the disk can't be read"
}
back() {
	echo 1 >$pci/remove
	[ ! -e $disk ] || fail "the disk is there without its device"
	sleep ${1}
	echo 1 >/sys/bus/pci/rescan
	await $disk
	r 50 && cmp /tmp/data /tmp/back || fail "the data isn't there any more"
	echo "back, with its data"
}
w 50 || fail "I/O"

w 100 || fail "I/O"
echo 1 >/sys/class/nvme/$ctrl/reset_controller && fail "a reset that can't end succeeded"
dead stuck-ready 'Device not ready; aborting reset, CSTS=0x1'
back 7
dmesg -c >/dev/null

w 200 && fail "a write to a device that isn't there succeeded"
dead removal 'controller is down; will reset: CSTS=0xffffffff'
back 5
