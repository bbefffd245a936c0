# SPDX-License-Identifier: BSD-2-Clause
# The no_writes_errors plug-in: after the 5,000th write fsync fails, the journal aborts, and the
# file system is read-only; the drive can still be read.
. /job/lib.sh
choose errors
mkfs.ext4 -q -F $disk || fail "mkfs.ext4"
mkdir -p /mnt
mount -t ext4 -o errors=remount-ro $disk /mnt || fail "mount"
dd if=/dev/zero of=/mnt/filler bs=4k count=4600 oflag=direct 2>/dev/null || fail "4,600 writes"
n=0
while [ $n -lt 1000 ] && dd if=/dev/urandom of=/mnt/late$n bs=4k count=1 conv=fsync 2>/tmp/dd; do
	n=$((n + 1))
done
echo "after $n files with fsync: $(cat /tmp/dd)"
[ $n -gt 0 ] && [ $n -lt 1000 ] || fail "$n files"
grep -q 'Input/output error\|Read-only file system' /tmp/dd || fail "another error"
# The journal aborts a moment later. (Since Linux 6.12 /proc/mounts doesn't say so.)
for i in $(seq 100); do
	touch /mnt/more 2>/tmp/touch || break
	sleep 0.1
done
cat /tmp/touch
grep -q 'Read-only file system' /tmp/touch || fail "the file system isn't read-only"
# Not through the page cache: its dirty pages fail first.
nvme read $disk -s 0 -c 7 -z 4096 -d /tmp/back >/dev/null || fail "the drive can't be read"
log_of_script | grep -E 'nvme|EXT4|I/O error|JBD2' | head -12
log_of_script | grep -q "${disk#/dev/}: .*(0x1) .*sct 0x1 / sc 0x82" || fail "no sct 0x1 / sc 0x82 in the kernel's log"
umount /mnt || fail "umount"
