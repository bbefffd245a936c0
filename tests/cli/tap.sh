# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# For script tests: TAP lines from checks. Source it, use check/refused, end with `done_testing`.
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$top" || exit 1
build=${BUILD:-$top/build}
nvmetap=$build/nvmetap
work=$(mktemp -d "${TMPDIR:-/tmp}/nvmetap-test.XXXXXX")
trap 'rm -rf "$work"' EXIT
tap_count=0
tap_status=0

# report STATUS WHAT [FILE]: one TAP line; FILE's end explains a failure.
report() {
  tap_count=$((tap_count + 1))
  if [ "$1" = 0 ]; then
    echo "ok $tap_count - $2"
  else
    echo "not ok $tap_count - $2"
    [ -n "${3:-}" ] && tail -20 "$3" | sed 's/^/# /'
    tap_status=1
  fi
}
# check WHAT COMMAND…: passes when COMMAND does.
check() {
  local what=$1
  shift
  "$@" >"$work/check.log" 2>&1
  report $? "$what" "$work/check.log"
}
# exits WANTED PATTERN WHAT COMMAND…: the exit status, and PATTERN (extended regular expression)
# in what it prints.
exits() {
  local wanted=$1 pattern=$2 what=$3 got=0
  shift 3
  "$@" >"$work/exits.log" 2>&1 </dev/null || got=$?
  if [ "$got" = "$wanted" ] && grep -qE -- "$pattern" "$work/exits.log"; then
    report 0 "$what"
  else
    echo "# exit status $got (wanted $wanted); wanted to see: $pattern" >>"$work/exits.log"
    report 1 "$what" "$work/exits.log"
  fi
}
done_testing() {
  echo "1..$tap_count"
  exit $tap_status
}
