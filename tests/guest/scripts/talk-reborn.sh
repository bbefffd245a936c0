# SPDX-License-Identifier: BSD-2-Clause
# The reincarnation plug-in: 5,000 writes pass and 12 fail, then 4,999 pass and 12 fail. Linux tries
# a write six times in all, as nothing says Do Not Retry, so 12 failed commands are 2 failed writes.
. /job/lib.sh
choose reborn
write() { dd if=/dev/zero of=$disk bs=4k count=$1 oflag=direct 2>/dev/null; }
for life in 5000 4999; do
	write $life || fail "one of the $life writes of this life failed"
	for n in 1 2; do
		! write 1 || fail "write $n after $life passed"
	done
	echo "$life writes passed, 2 failed"
done
write 100 || fail "no third life"
log_of_script | grep "${disk#/dev/}: .*(0x1) .*sct 0x1 / sc 0x82" || fail "no sct 0x1 / sc 0x82 in the kernel's log"
