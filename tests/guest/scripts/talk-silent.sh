# SPDX-License-Identifier: BSD-2-Clause
# The no_writes plug-in: after the 5,000th write an overwritten and synchronised file is there, as
# long as the page cache is, and the old one after that. No error anywhere.
. /job/lib.sh
choose silent
mkfs.ext4 -q -F $disk || fail "mkfs.ext4"
mkdir -p /mnt
mount -t ext4 $disk /mnt || fail "mount"
yes 'the first content' | head -c 65536 >/tmp/first
yes 'the second content' | head -c 65536 >/tmp/second
dd if=/tmp/first of=/mnt/file bs=64k conv=fsync 2>/dev/null || fail "write the first"
dd if=/dev/zero of=/mnt/filler bs=4k count=5000 oflag=direct 2>/dev/null || fail "5,000 writes"
dd if=/tmp/second of=/mnt/file bs=64k conv=notrunc,fsync 2>/dev/null || fail "write and fsync don't succeed"
cmp /tmp/second /mnt/file || fail "the page cache has something else"
echo "write and fsync succeeded; the page cache has the second content"
echo 1 >/proc/sys/vm/drop_caches
cmp /tmp/first /mnt/file || fail "the file isn't the first one again"
echo "without the page cache the file has the first content: the second was lost silently"
check_log
umount /mnt || fail "umount"
