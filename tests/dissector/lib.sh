# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# For the plug-in's tests: Wireshark's tools with the plug-in just built, as an ordinary user.
. "$(dirname "${BASH_SOURCE[0]}")/../cli/tap.sh"
chmod 755 "$work"
export WIRESHARK_ABORT_ON_DISSECTOR_BUG=1
export LC_ALL=C.UTF-8 TZ=UTC

# with COMMAND…: its standard error goes to $work/err
with() {
  BUILD=$build timeout 300 mk/with-plugin "$@" 2>"$work/err"
}
# make_trace KIND [N]: a synthetic trace, readable by anybody; its name is printed
make_trace() {
  tests/dissector/make_trace.py "$@" "$work/${*// /-}.pcap" && chmod 644 "$work/${*// /-}.pcap"
  echo "$work/${*// /-}.pcap"
}
# clean FILE: no abort, no dissector bug, no exception, in this verbose output or in $work/err
clean() {
  ! grep -nE 'Dissector bug|Exception occurred|\[Malformed Packet|Assertion|AddressSanitizer' \
    "$1" "$work/err"
}
# "${plain[@]}" COMMAND…: without the plug-in, as the same user
plain=()
[ "$(id -u)" != 0 ] || plain=(setpriv --reuid nobody --regid nogroup --clear-groups)
