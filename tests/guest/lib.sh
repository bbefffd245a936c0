# SPDX-License-Identifier: BSD-2-Clause
# What the guest tests share; source it from bash, in tests/guest/NAME.test.
set -uo pipefail

guest=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$guest/../.." && pwd)
build=${BUILD:-$top/build}
[[ $build = /* ]] || build=$top/$build
export BUILD=$build
nvmetap=$build/nvmetap
name=$(basename "$0" .test)
dir=$build/guest/tests/$name
rm -rf "$dir"
mkdir -p "$dir"
# A socket's path may have 107 bytes, which a build directory's may exceed.
sockets=$(mktemp -d "${TMPDIR:-/tmp}/nvmetap-test.XXXXXX")
recorder=
cleanup() {
    [[ -z $recorder ]] || kill -KILL "$recorder" 2> /dev/null
    rm -rf "$sockets"
}
trap cleanup EXIT

cases=0
failures=0
# check WHAT COMMAND...: one case; what the command prints is shown
check() {
    local what=$1 r=0
    shift
    cases=$((cases + 1))
    "$@" > "$dir/output" 2>&1 || r=$?
    sed 's/^/# /' "$dir/output"
    if [[ $r = 0 ]]; then
        echo "ok $cases - $name: $what"
    else
        echo "not ok $cases - $name: $what (status $r)"
        failures=$((failures + 1))
    fi
    return $r
}
finish() {
    echo "1..$cases"
    [[ $failures = 0 ]] || echo "# files of this test: $dir"
    exit $((failures != 0))
}

# record NAME OPTION...: starts a recording controller; $socket and $trace are its. With --once
# among the options it has to end by itself when its guest has gone, otherwise when it is told.
record() {
    socket=$sockets/$1
    trace=$dir/$1.pcap
    record_log=$dir/$1.record
    shift
    once=no
    [[ " $* " != *" --once "* ]] || once=yes
    "$nvmetap" record --socket "$socket" --trace "$trace" "$@" > "$record_log" 2>&1 &
    recorder=$!
}
recorded() {
    local r=0 i
    [[ $once = yes ]] || kill -TERM "$recorder" 2> /dev/null
    for ((i = 0; i < 300; i++)); do
        kill -0 "$recorder" 2> /dev/null || break
        sleep 0.1
    done
    # A recorder that doesn't end must not hang the test.
    [[ $i -lt 300 ]] || kill -KILL "$recorder"
    wait "$recorder" || r=$?
    recorder=
    cat "$record_log"
    return $r
}
dump_json() {
    "$nvmetap" dump --json "$trace" > "${trace%.pcap}.jsonl"
}
replayed() {
    "$nvmetap" replay --json "$trace" > "${trace%.pcap}.replay"
    local r=$?
    python3 - "${trace%.pcap}.replay" << 'EOF' || return 1
import json, sys
with open(sys.argv[1]) as f:
    report = json.load(f)
print(f"{report['records']} records, {report['commands']} commands replayed, "
      f"{report['compared']} compared, {report['differences']} differences, {report['seconds']:.1f} s")
for finding in report["findings"][:10]:
    print(finding)
sys.exit(report["differences"] != 0 or report["compared"] == 0)
EOF
    return $r
}
# What is asked of every trace.
judged() {
    check "the recording ends cleanly" recorded
    check "the trace can be dumped" dump_json
    check "nothing lost, every command completed or outstanding at a reset" \
        "$guest/judge" "${trace%.pcap}.jsonl"
    check "replay without a difference" replayed
}
# agrees [sed-script]: the guest kernel's account with the trace, or with the trace so changed
agrees() {
    sed "${1:-}" "${trace%.pcap}.jsonl" > "$dir/compared.jsonl"
    "$guest/compare-ftrace" "$dir/out/ftrace" "$dir/compared.jsonl"
}
# The comparison can fail: a changed field, a command missing, a command too many.
disagreement_noticed() {
    local n
    n=$(grep -n '"type":"command".*"opcode":2,' "${trace%.pcap}.jsonl" | tail -5 | head -1 | cut -d: -f1)
    ! agrees "${n}s/\"cdw10\":/\"cdw10\":1/" && ! agrees "${n}s/\"cid\":/\"cid\":1/" && ! agrees "${n}d" &&
        ! agrees "$n,\$s/\"type\":\"completion\".*\"status\":/&1/" &&
        ! agrees "${n}{p;s/\"cid\":[0-9]*/\"cid\":5/}"
}
# Set before the power went: the last value of CC with SHN set.
shut_down() {
    python3 - "${trace%.pcap}.jsonl" << 'EOF'
import json, sys
last = None
for line in open(sys.argv[1]):
    if '"CC"' in line and "write" in line.lower():
        last = json.loads(line)
number = lambda v: int(v, 0) if isinstance(v, str) else v
if last is None:
    sys.exit("no write of CC in the trace")
print(f"last write of CC: record {last['seq']}, {number(last['value']):#x}")
sys.exit((number(last["value"]) >> 14 & 3) == 0)
EOF
}
