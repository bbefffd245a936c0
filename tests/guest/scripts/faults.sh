# SPDX-License-Identifier: BSD-2-Clause
# Touches one block after the other on which fault.test has put a fault, and looks at what the
# kernel made of it: its log, the time, the data. Then all of the disk works.
. /job/lib.sh
await $disk
head -c 4096 /dev/urandom >/tmp/data
w() { dd if=/tmp/data of=$disk bs=4k count=1 seek=$1 oflag=direct conv=notrunc 2>/dev/null; }
r() { dd if=$disk of=/tmp/back bs=4k count=1 skip=$1 iflag=direct 2>/dev/null; }
now() { awk '{ print int($1 * 100) }' /proc/uptime; }
step() {
	echo "nvmetap-step: $1" >/dev/kmsg
	what=$1
	start=$(now)
}
log_of_step() {
	dmesg | awk '/nvmetap-step: / { text = ""; next } { text = text $0 "\n" } END { printf "%s", text }'
}
# logged PATTERN...: each is in the kernel's log of this step, within 10 s.
logged() {
	for pattern; do
		for i in $(seq 100); do
			log_of_step | grep -E "$pattern" >/tmp/line && break
			sleep 0.1
		done
		[ -s /tmp/line ] || { log_of_step; fail "$what: the kernel's log has no '$pattern'"; }
		echo "$what: $(head -1 /tmp/line)"
	done
}
quiet() {
	log_of_step | grep -iE 'nvme|blk|error' >/tmp/line || return 0
	cat /tmp/line
	fail "$what: the kernel's log should have nothing"
}
took() {
	ms=$((($(now) - start) * 10))
	echo "$what: $ms ms"
	[ $ms -ge $1 ] || fail "$what: took $ms ms, not $1"
}

step status
w 100 && fail "a write that fails succeeded"
logged 'sct 0x1 / sc 0x82'
w 100 || fail "the next write of that block failed"

step delay
r 110 || fail "a late read failed"
took 700
quiet

step corrupt-write
w 120 && r 120 || fail "I/O"
cmp -l /tmp/data /tmp/back >/tmp/diff && fail "what was written corruptly is whole"
[ "$(wc -l </tmp/diff)" = 3 ] || fail "$(wc -l </tmp/diff) bytes differ, not 3"
[ "$(awk 'NR == 1 { print $1 }' /tmp/diff)" = 513 ] || fail "byte $(head -1 /tmp/diff) differs first"
r 120 && cmp -s /tmp/data /tmp/back && fail "it isn't on the medium"
echo "$what: md5 $(md5sum </tmp/data | cut -c1-8) written, $(md5sum </tmp/back | cut -c1-8) read, again and again"

step corrupt-read
w 130 && r 130 || fail "I/O"
cmp -s /tmp/data /tmp/back && fail "what was read corruptly is whole"
echo "$what: md5 $(md5sum </tmp/data | cut -c1-8) written, $(md5sum </tmp/back | cut -c1-8) read once"
r 130 && cmp /tmp/data /tmp/back || fail "the medium was changed"
quiet

step event
w 140 || fail "I/O"
logged 'rescanning namespaces'

step spurious-interrupt
for i in $(seq 20); do r 150 || fail "I/O"; done
quiet

step lost-interrupt
w 160 || fail "I/O"
took 1500
logged 'timeout, completion polled'

step duplicate
w 170 || fail "I/O"
for i in $(seq 30); do w 171 || fail "I/O"; done
logged 'invalid id [0-9]+ completed on queue'

step wrong-id
w 180 || fail "I/O after the controller's reset"
took 1500
logged 'invalid id 65535 completed on queue' 'timeout, (aborting|reset controller)'

step drop
w 190 || fail "I/O after the controller's reset"
took 1500
logged 'timeout, aborting' 'timeout, reset controller'
[ "$(cat /sys/class/nvme/$ctrl/state)" = live ] || fail "state $(cat /sys/class/nvme/$ctrl/state)"

step fatal
w 200 || fail "I/O after the controller's reset"
logged 'controller is down; will reset: CSTS=0x3'

step after
for k in 100 110 120 130 140 150 160 170 180 190 200; do
	w $k && r $k && cmp /tmp/data /tmp/back || fail "block $k doesn't work"
done
quiet
echo "all blocks work again"
