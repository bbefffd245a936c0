# SPDX-License-Identifier: BSD-2-Clause
# Each of NAMESPACES namespaces holds its own data.
. /job/lib.sh
n=1
while [ $n -le "$NAMESPACES" ]; do
	await /dev/${ctrl}n$n
	yes "namespace $n" | head -c 65536 >/tmp/ns$n
	dd if=/tmp/ns$n of=/dev/${ctrl}n$n bs=64k oflag=direct 2>/dev/null || fail "write to namespace $n"
	n=$((n + 1))
done
n=1
while [ $n -le "$NAMESPACES" ]; do
	dd if=/dev/${ctrl}n$n of=/tmp/back bs=64k count=1 iflag=direct 2>/dev/null || fail "read from namespace $n"
	cmp /tmp/ns$n /tmp/back || fail "namespace $n holds something else"
	n=$((n + 1))
done
[ ! -e /dev/${ctrl}n$n ] || fail "there is a namespace $n"
echo "$NAMESPACES namespaces, each with its own data"
check_log
