# SPDX-License-Identifier: BSD-2-Clause
# nvmetap replay --target device: on the guest's drive, by the guest kernel's passthrough. /nvmetap has the command,
# what it is linked with, and traces.
. /job/lib.sh
await $disk
replay() { # WANTED PATTERN WHAT OPTION...: exit status, and what is printed
	wanted=$1 pattern=$2 what=$3 status=0
	shift 3
	/nvmetap/ld.so --library-path /nvmetap/lib /nvmetap/nvmetap replay "$@" >/tmp/replay 2>&1 || status=$?
	if [ $status != "$wanted" ] || ! grep -qE "$pattern" /tmp/replay; then
		cat /tmp/replay
		fail "$what: status $status, wanted $wanted and: $pattern"
	fi
	echo "$what: $(grep -E "$pattern" /tmp/replay | head -1)"
}
sum() {
	sha256sum $disk | cut -d' ' -f1
}
t=/nvmetap/trace.pcap
empty=$(sum)
replay 2 "would overwrite.*--yes-destroy-data" "without the option" --target device:/dev/ng0n1 $t
[ "$(sum)" = "$empty" ] || fail "it wrote without the option"
replay 0 " 0 differences" "reading alone" --target device:/dev/ng0n1 --read-only $t
[ "$(sum)" = "$empty" ] || fail "it wrote with --read-only"
replay 0 " 0 differences" "a namespace" --target device:/dev/ng0n1 --yes-destroy-data $t
[ "$(sum)" != "$empty" ] || fail "it wrote nothing"
replay 0 " 0 differences" "a drive" --target device:/dev/nvme0 --yes-destroy-data $t
replay 1 "^record $FALSE_STATUS: completion.status: " "a wrong status" --target device:/dev/ng0n1 --yes-destroy-data /nvmetap/status.pcap
replay 1 "^record $FALSE_DATA: data: " "a wrong byte" --target device:/dev/ng0n1 --yes-destroy-data /nvmetap/data.pcap
replay 2 "blocks of 512 bytes in the target, of 4096 in the trace" "other blocks" --target device:/dev/ng0n1 --yes-destroy-data /nvmetap/blocks.pcap
# 4096 blocks further on, as namespace 1 for a trace's namespace 2: the same, and there alone.
start=$(dd if=$disk bs=512 count=4096 2>/dev/null | sha256sum)
behind=$(dd if=$disk bs=512 skip=4096 2>/dev/null | sha256sum)
replay 0 " 0 differences" "remapped" --target device:/dev/ng0n1 --yes-destroy-data --map-ns 2:1 --lba-offset 4096 /nvmetap/second.pcap
[ "$(dd if=$disk bs=512 count=4096 2>/dev/null | sha256sum)" = "$start" ] || fail "it wrote before --lba-offset"
[ "$(dd if=$disk bs=512 skip=4096 2>/dev/null | sha256sum)" != "$behind" ] || fail "it wrote nothing behind --lba-offset"
replay 2 "has $(($(cat /sys/block/nvme0n1/size) - 12289)) blocks in the target" "beyond the end" --target device:/dev/ng0n1 --yes-destroy-data --map-ns 2:1 --lba-offset 12289 /nvmetap/second.pcap
replay 2 "namespace 2 can't be identified" "no such namespace" --target device:/dev/ng0n1 --yes-destroy-data /nvmetap/second.pcap
# Random bytes that are nowhere in this drive: they are put there before they are read.
replay 0 "medium" "reads from before, not compared" --target device:/dev/ng0n1 --read-only /nvmetap/before.pcap
replay 0 " 0 differences" "reads from before, preloaded" --target device:/dev/ng0n1 --yes-destroy-data /nvmetap/before.pcap
[ "$(dd if=$disk bs=16k 2>/dev/null | tr -d '\\0' | wc -c)" -gt 500000 ] || fail "nothing was preloaded"
# Without the block device's node nobody can tell whether it is mounted.
mv /dev/nvme0n1 /tmp/hidden
replay 2 "nobody can tell whether it is in use" "no block device to look at" --target device:/dev/ng0n1 --read-only $t
mv /tmp/hidden /dev/nvme0n1
replay 1 "^record [0-9]*: loss: " "a gap" --target device:/dev/ng0n1 --yes-destroy-data /nvmetap/gap.pcap
mkfs.ext4 -q -F $disk || fail "mkfs.ext4"
mkdir -p /mnt
mount -t ext4 $disk /mnt || fail "mount"
for way in --yes-destroy-data --read-only; do
	for device in /dev/ng0n1 /dev/nvme0; do
		replay 2 "nvme0n1 is in use" "mounted, $way" --target device:$device $way $t
	done
done
umount /mnt
e2fsck -f -n $disk >/tmp/fsck 2>&1 || { cat /tmp/fsck; fail "e2fsck"; }
check_log
