# SPDX-License-Identifier: BSD-2-Clause
# A file system: made, filled, unmounted, checked, mounted again and compared.
. /job/lib.sh
await $disk
mkfs.ext4 -q -F $disk || fail "mkfs.ext4"
mkdir -p /mnt
mount -t ext4 $disk /mnt || fail "mount"
mkdir /mnt/bin /mnt/lib
cp /bin/busybox /bin/nvme /mnt/bin/
cp /usr/lib/x86_64-linux-gnu/libcrypto.so.3 /mnt/lib/
dd if=/dev/urandom of=/mnt/random bs=64k count=32 2>/dev/null
for i in $(seq 50); do echo "file $i" >/mnt/small$i; done
(cd /mnt && find . -type f | sort | xargs sha256sum) >/tmp/before
cmp /bin/busybox /mnt/bin/busybox || fail "a copied file differs"
umount /mnt || fail "umount"
e2fsck -f -n $disk >/tmp/fsck 2>&1 || { cat /tmp/fsck; fail "e2fsck"; }
mount -t ext4 $disk /mnt || fail "mount again"
(cd /mnt && find . -type f | sort | xargs sha256sum) >/tmp/after
rm /mnt/small1 /mnt/random
# For ext4-again.sh, which may run in another guest.
(cd /mnt && find . -type f ! -name sums | sort | xargs sha256sum >sums)
fstrim /mnt 2>/dev/null || true
umount /mnt || fail "umount again"
cmp /tmp/before /tmp/after || { diff /tmp/before /tmp/after; fail "files differ after mounting again"; }
echo "ext4: $(wc -l </tmp/after) files equal after mounting again"
check_log
