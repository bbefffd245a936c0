# SPDX-License-Identifier: BSD-2-Clause
# The temperamental plug-in, with a seed that lets nine writes pass: then never again one.
. /job/lib.sh
choose temper
passed=0
while [ $passed -lt 20 ] && dd if=/dev/urandom of=$disk bs=4k seek=$passed count=1 oflag=direct 2>/dev/null; do
	passed=$((passed + 1))
done
echo "$passed writes passed"
[ $passed = 9 ] || fail "$passed writes passed, not 9"
# Few, as the kernel's log takes ten such errors in five seconds, from all drives.
for n in 1 2; do
	! dd if=/dev/urandom of=$disk bs=4k seek=$n count=1 oflag=direct 2>/dev/null || fail "write $n passed after one that failed"
done
dd if=$disk of=/tmp/back bs=4k count=9 iflag=direct 2>/dev/null || fail "a drive that is read-only isn't read"
log_of_script | grep "${disk#/dev/}: .*(0x1) .*sct 0x1 / sc 0x82" || fail "no sct 0x1 / sc 0x82 in the kernel's log"
