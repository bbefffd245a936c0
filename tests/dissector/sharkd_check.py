#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""sharkd_check.py WITH-PLUGIN PLAIN ALL BENCH: what a window does, by sharkd: jump about, filter, reload.

WITH-PLUGIN and PLAIN run a command with and without the plug-in: sharkd keeps some memory of each
file it loaded by itself, so growth is judged beside a sharkd without us.
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


LOADS = 10  # measured, after as many to warm up
FRAMES = 20000  # of BENCH


def growth(with_plugin, trace):
    sharkd = Measured(with_plugin)
    sizes = []
    for _ in range(2 * LOADS):
        sharkd.ask("load", file=trace)
        sharkd.ask("frames", filter="frame.len > 1000")
        sizes.append(sharkd.memory())
    sharkd.process.stdin.close()
    return sizes[-1] - sizes[LOADS - 1]


def main(argv):
    sharkd = Sharkd(argv[1])
    all_kinds, bench = argv[3:]
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
    sharkd.process.stdin.close()
    ours, plain = growth(argv[1], bench), growth(argv[2], bench)
    print(f"growth over {LOADS} loads: {ours} KiB with the plug-in, {plain} KiB without")
    # What is kept of one frame is 48 bytes, and its share of an exchange more than that.
    if ours > plain + 40 * FRAMES * LOADS / 1024:
        raise SystemExit("memory grows with each load")


main(sys.argv)
