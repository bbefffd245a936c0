#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""sharkd_check.py WITH-PLUGIN ALL BENCH: what a window does, by sharkd: jump about, filter, reload.
sharkd_check.py growth WITH-PLUGIN BENCH: what one process adds while it loads a file over and over; fails
when it is more than that of an allocator at work.

Wireshark itself reads its lists of vendors and services again with each file, and keeps them all:
without them (WIRESHARK_DATA_DIR) it keeps nothing.
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
LIMIT = 96  # KiB that LOADS may add: less than five a load, a byte or two for each of its frames


def growth(with_plugin, trace):
    """KiB that LOADS loads of the trace add, after some to warm up; each shown, filtered and looked at."""
    sharkd = Measured(with_plugin)
    sizes = []
    for _ in range(WARM_UP + LOADS):
        sharkd.ask("load", file=trace)
        sharkd.ask("frames", filter="nvmetap.latency > 0 || frame.len > 1000")
        sharkd.ask("frame", frame=100, proto=True)
        sizes.append(sharkd.memory())
    sharkd.end()
    return sizes[-1] - sizes[WARM_UP - 1]


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
    grown = growth(sys.argv[2], sys.argv[3])
    print(f"{grown} KiB over {LOADS} loads, {LIMIT} allowed")
    sys.exit(grown > LIMIT)
main(sys.argv)
