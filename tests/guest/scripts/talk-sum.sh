# SPDX-License-Identifier: BSD-2-Clause
# The sum plug-in: an admin command 80h adds.
. /job/lib.sh
choose sum
nvme admin-passthru /dev/$ctrl --opcode=0x80 --cdw10=10 --cdw11=5 >/tmp/o 2>&1 || { cat /tmp/o; fail "the command"; }
cat /tmp/o
sum=$(sed -n 's/.*result: *\(0x[0-9a-f]*\).*/\1/p' /tmp/o)
echo "10 + 5 = $((sum))"
[ $((sum)) = 15 ] || fail "10 + 5"
# Something for the trace plug-in, which is on this drive too.
dd if=/dev/urandom of=/tmp/data bs=64k count=8 2>/dev/null
dd if=/tmp/data of=$disk bs=64k oflag=direct 2>/dev/null || fail "write"
dd if=$disk of=/tmp/back bs=64k count=8 iflag=direct 2>/dev/null || fail "read"
cmp /tmp/data /tmp/back || fail "data differs"
check_log
