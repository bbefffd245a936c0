#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""sharkd_check.py WITH-PLUGIN ALL BENCH: what a window does, by sharkd: jump about, filter, reload.
sharkd_check.py growth WITH-PLUGIN PLAIN BENCH: what one process adds while it loads a file over and over.

sharkd keeps some memory of each frame that it loaded by itself, so growth is judged beside a sharkd
without us; without Wireshark's lists of vendors and services, which are read and kept anew with each
file (WIRESHARK_DATA_DIR). To the byte it is judged by tests/fuzz/reload.test.
"""
import glob
import json
import sys

from sharkd import Sharkd


class Measured(Sharkd):
    def memory(self):
        """KiB of the sharkd below the wrapper."""
        parents = {}
        for status in glob.glob("/proc/[0-9]*/status"):
            try:
                with open(status, encoding="utf-8") as lines:
                    row = dict(line.rstrip("\n").split(":\t", 1) for line in lines if ":\t" in line)
            except OSError:
                continue
            parents[int(row["Pid"])] = row
        for row in parents.values():
            above = row
            while above is not None and row["Name"] == "sharkd":
                if int(above["Pid"]) == self.process.pid:
                    return int(row["VmRSS"].split()[0])
                above = parents.get(int(above["PPid"]))
        raise SystemExit("sharkd isn't there")


WARM_UP, LOADS = 5, 20
LIMIT = 80  # KiB a load beyond what sharkd itself keeps: 20 bytes for each of BENCH's 4000 frames


def growth(with_plugin, trace):
    """KiB that a load of the trace adds, after some to warm up; each is shown and filtered."""
    sharkd = Measured(with_plugin)
    sizes = []
    for _ in range(WARM_UP + LOADS):
        sharkd.ask("load", file=trace)
        sharkd.ask("frames", filter="frame.len > 1000")
        sizes.append(sharkd.memory())
    sharkd.end()
    return (sizes[-1] - sizes[WARM_UP - 1]) / LOADS


def main(argv):
    sharkd = Sharkd(argv[1])
    all_kinds, bench = argv[2:]
    sharkd.ask("load", file=all_kinds)
    count = sharkd.ask("status")["frames"]
    columns = sharkd.ask("frames")
    frame = lambda number: json.dumps(sharkd.ask("frame", frame=number, proto=True))
    forward = {n: frame(n) for n in range(1, count + 1)}
    backward = {n: frame(n) for n in range(count, 0, -1)}
    bad = [n for n in forward if forward[n] != backward[n]]
    if bad:
        raise SystemExit(f"frames {bad} differ when looked at in another order")
    some = sharkd.ask("frames", filter="nvmetap.latency")
    if not some or any(row["c"] != columns[row["num"] - 1]["c"] for row in some):
        raise SystemExit("a filter changes columns")
    if forward[74] != frame(74):
        raise SystemExit("a filter changes a tree")
    sharkd.ask("load", file=bench)
    if forward[74] == frame(74):
        raise SystemExit("the second file shows the first one's frame")
    sharkd.ask("load", file=all_kinds)
    if forward[74] != frame(74):
        raise SystemExit("the first file, loaded again, shows something else")
    sharkd.end()


if sys.argv[1] == "growth":
    ours, plain = growth(sys.argv[2], sys.argv[4]), growth(sys.argv[3], sys.argv[4])
    print(f"{ours:.0f} KiB with the plug-in, {plain:.0f} without, a load")
    sys.exit(ours > plain + LIMIT)
main(sys.argv)
