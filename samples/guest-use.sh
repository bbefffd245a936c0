# SPDX-License-Identifier: BSD-2-Clause
# What the guest of the Linux sample does: looks at the drive, uses it a little, resets it.
. /job/lib.sh
await $disk
nvme list
nvme id-ctrl /dev/nvme0 >/dev/null
nvme id-ns $disk >/dev/null
nvme smart-log /dev/nvme0 >/dev/null
dd if=/dev/urandom of=$disk bs=64k count=8 oflag=direct conv=fsync 2>/dev/null
dd if=$disk of=/dev/null bs=4k count=16 iflag=direct 2>/dev/null
blkdiscard -o 0 -l 65536 $disk
mkfs.ext4 -q -F $disk
mkdir -p /mnt
mount -t ext4 $disk /mnt
cp /bin/busybox /mnt/
sync
umount /mnt
echo 1 >/sys/class/nvme/nvme0/reset_controller
dd if=$disk of=/dev/null bs=4k count=4 iflag=direct 2>/dev/null
check_log
