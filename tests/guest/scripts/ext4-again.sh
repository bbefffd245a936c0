# SPDX-License-Identifier: BSD-2-Clause
# The file system that ext4.sh left is whole.
. /job/lib.sh
await $disk
e2fsck -f -n $disk >/tmp/fsck 2>&1 || { cat /tmp/fsck; fail "e2fsck"; }
mkdir -p /mnt
mount -t ext4 -o ro $disk /mnt || fail "mount"
cd /mnt
sha256sum -c sums >/tmp/checked 2>&1 || { grep -v ': OK' /tmp/checked; fail "files differ"; }
echo "ext4: $(grep -c ': OK' /tmp/checked) files as they were written"
cd /
umount /mnt
check_log
