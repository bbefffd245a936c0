# SPDX-License-Identifier: BSD-2-Clause
# What the scripts that run in the guest share. They run under `sh -eu`.

ctrl=nvme0
disk=/dev/nvme0n1

fail() {
	echo "FAILED: $*"
	exit 1
}

# Waits for a file to appear: devices come and go with resets and rebinds.
await() {
	for i in $(seq 200); do
		[ -e "$1" ] && return
		sleep 0.1
	done
	fail "$1 did not appear within 20 s"
}

# Another drive than the first: sets disk and ctrl to those of a serial number.
choose() {
	for i in $(seq 200); do
		for disk in $(ls -d /sys/block/nvme*n1 2>/dev/null); do
			[ "$(tr -d ' ' <$disk/device/serial)" = "$1" ] || continue
			disk=/dev/${disk##*/}
			ctrl=$(grep -l "^$1 *$" /sys/class/nvme/*/serial)
			ctrl=$(basename "${ctrl%/serial}")
			await $disk
			return
		done
		sleep 0.1
	done
	fail "no drive $1 appeared within 20 s"
}

# The kernel's log since this script began.
log_of_script() {
	dmesg | awk '/nvmetap-guest: begin / { text = "" } { text = text $0 "\n" } END { printf "%s", text }'
}

# Nothing in the kernel's log since the script began may speak of trouble.
check_log() {
	log_of_script | grep -v 'nvmetap-guest: ' >/tmp/log || true
	if grep -iE 'time-?out|error|fail|abort|invalid|unable|cannot|corrupt|reset|not ready|frozen|hung|stall|dropping|WARNING|BUG|Oops|Call Trace' /tmp/log |
		grep -vE "${1:-^nothing is allowed$}" >/tmp/bad; then
		echo "the kernel's log has:"
		cat /tmp/bad
		exit 1
	fi
}

queues() {
	ls -d /sys/block/${disk#/dev/}/mq/* | wc -l
}
