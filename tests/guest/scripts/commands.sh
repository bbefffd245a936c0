# SPDX-License-Identifier: BSD-2-Clause
# I/O and admin commands one by one through nvme-cli, those that must fail too,
# each with the status that the specification gives it.
. /job/lib.sh
await $disk
block=$(cat /sys/block/${disk#/dev/}/queue/logical_block_size)
blocks=$(($(cat /sys/block/${disk#/dev/}/size) * 512 / block))
size=$((8 * block))
head -c $size /dev/urandom >/tmp/a
head -c $size /dev/urandom >/tmp/b
head -c $size /dev/zero >/tmp/zero
checks=0

# gives STATUS COMMAND...: the NVMe status, in hexadecimal, that nvme-cli reports
gives() {
	want=$1
	shift
	nvme "$@" >/tmp/o 2>&1 && got=0 || got=$(sed -n 's/.*NVMe status:.*(\(0x[0-9a-f]*\)).*/\1/p' /tmp/o | tail -1)
	# Without Do Not Retry and More, which say nothing about the cause.
	[ -z "$got" ] || got=$((got & 0x7ff))
	[ "$got" = $((want)) ] || { cat /tmp/o; fail "nvme $*: status ${got:-none}, not $((want))"; }
	checks=$((checks + 1))
}
holds() {
	rm -f /tmp/back
	nvme read $disk -s $1 -c 7 -z $size -d /tmp/back >/dev/null 2>&1 || fail "read of block $1"
	cmp /tmp/back $2 || fail "blocks from $1 are not those of $2"
	checks=$((checks + 1))
}
gives 0 write $disk -s 0 -c 7 -z $size -d /tmp/a
gives 0 write $disk -s 8 -c 7 -z $size -d /tmp/b
gives 0 flush $disk -n 1
holds 0 /tmp/a
holds 8 /tmp/b
gives 0 compare $disk -s 0 -c 7 -z $size -d /tmp/a
gives 0x285 compare $disk -s 0 -c 7 -z $size -d /tmp/b
gives 0 write-zeroes $disk -s 0 -c 7
holds 0 /tmp/zero
holds 8 /tmp/b
gives 0 dsm $disk -n 1 -d -s 8 -b 8
gives 0 write $disk -s $((blocks - 8)) -c 7 -z $size -d /tmp/a
holds $((blocks - 8)) /tmp/a
# LBA Out of Range, one block too far; and far too far.
gives 0x80 read $disk -s $((blocks - 7)) -c 7 -z $size -d /tmp/back
gives 0x80 write $disk -s 0x7fffffffffffffff -c 7 -z $size -d /tmp/a
gives 0x80 write-zeroes $disk -s $blocks -c 0
# Invalid Namespace or Format; Invalid Command Opcode; Invalid Field.
gives 0x0b id-ns /dev/$ctrl -n 77
gives 0x0b id-ns /dev/$ctrl -n 0xffffffff
gives 0x01 admin-passthru /dev/$ctrl --opcode=0xd5
gives 0x01 io-passthru $disk --opcode=0x95 -n 1
gives 0x02 admin-passthru /dev/$ctrl --opcode=0x06 --cdw10=0xee -l 4096 -r
gives 0x02 get-feature /dev/$ctrl -f 0x7b
# Invalid Log Page.
gives 0x109 get-log /dev/$ctrl -i 0xbe -l 512
# Invalid Queue Identifier: deleting a queue that isn't there, and the admin queue.
gives 0x101 admin-passthru /dev/$ctrl --opcode=0x00 --cdw10=60000
gives 0x101 admin-passthru /dev/$ctrl --opcode=0x04 --cdw10=0
# What is set is what is got.
gives 0 set-feature /dev/$ctrl -f 4 -V 0x150
gives 0 get-feature /dev/$ctrl -f 4
grep -q '0x0*150' /tmp/o || { cat /tmp/o; fail "temperature threshold"; }
gives 0 set-feature /dev/$ctrl -f 1 -V 0x1020303
gives 0 get-feature /dev/$ctrl -f 1
grep -q '0x0*1020303' /tmp/o || { cat /tmp/o; fail "arbitration"; }
# Format NVM: Invalid Format, a secure erase that isn't claimed, and one after which all is gone.
gives 0 write $disk -s 0 -c 7 -z $size -d /tmp/a
gives 0x10a admin-passthru /dev/$ctrl --opcode=0x80 -n 1 --cdw10=1
gives 0x02 admin-passthru /dev/$ctrl --opcode=0x80 -n 1 --cdw10=0x400
holds 0 /tmp/a
gives 0 format $disk -n 1 -s 1 --force
await $disk
holds 0 /tmp/zero
holds $((blocks - 8)) /tmp/zero
gives 0 write $disk -s 0 -c 7 -z $size -d /tmp/b
holds 0 /tmp/b
echo "$checks commands with the result that they must have"
check_log
