#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""make_seeds.py DIRECTORY TRACE…: inputs for fuzz_dissector (tests/fuzz/frames.h) from traces.

A trace's beginning, with which the rest makes sense, and then a part of it that has a kind of record
that no input before had: a long trace that repeats itself makes few.
"""
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "dissector"))
from kinds import Kinds, frames  # noqa: E402

BEGINNING, PART = 24, 24


def step(ns):
    if ns < 0:
        return 255
    return min(254, round(ns ** 0.25))


def write(path, head, part):
    out, last = bytearray(head), None
    for seconds, ns, data, length in part:
        time = seconds * 10**9 + ns
        missing = length - len(data)
        data = data[:0xffff]
        out += struct.pack("<HBB", len(data), min(missing, 255), step(time - (last or time))) + data
        last = time
    path.write_bytes(out)


def main(directory, *traces):
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    seen, count = set(), 0
    for trace in map(pathlib.Path, traces):
        every = list(frames(trace.read_bytes()))
        kinds = Kinds()
        of = [kinds.kind(frame) for _, _, frame, _ in every]
        for at in range(0, len(every), PART):
            new = set(of[at:at + PART]) - seen
            if not new:
                continue
            seen |= new
            head = bytes([count % 64, count // 3 % 256]) + struct.pack("<H", count * 37 % 65536)
            write(directory / f"{trace.stem}-{at}", head, every[:min(at, BEGINNING)] + every[at:at + PART])
            count += 1
    print(f"{count} inputs with {len(seen)} kinds of record")
    return 0 if count else 1


sys.exit(main(*sys.argv[1:]))
