#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""make_seeds.py DIRECTORY TRACE…: inputs for fuzz_dissector (tests/fuzz/frames.h) from traces.

A trace's beginning, with which the rest makes sense, and then a part of it that has a kind of record
that no input before had: a long trace that repeats itself makes few.
"""
import pathlib
import struct
import sys

BEGINNING, PART = 24, 24
COMMAND, COMPLETION, DATA = 11, 12, 13


def frames(path):
    """(time in ns, bytes, how many more there were) of each frame."""
    data = path.read_bytes()
    at = 24
    while at + 16 <= len(data):
        seconds, ns, captured, length = struct.unpack_from("<IIII", data, at)
        yield seconds * 10**9 + ns, data[at + 16:at + 16 + captured], length - captured
        at += 16 + captured


def kind(frame):
    """What a record is, as far as another decode depends on it."""
    if len(frame) < 32:
        return len(frame)
    kind_of, body = frame[5], frame[32:]
    if kind_of == COMMAND and len(body) >= 80:
        sqe = body[16:]
        number = struct.unpack_from("<I", sqe, 40)[0] & 0xff if body[:2] == b"\0\0" else 0
        return kind_of, body[:2] == b"\0\0", sqe[0], number
    if kind_of == COMPLETION and len(body) >= 32:
        return kind_of, body[:2] == b"\0\0", body[8], struct.unpack_from("<H", body, 30)[0] >> 1
    if kind_of == DATA:
        return kind_of, body[4:6]
    return kind_of, body[:2], body[16:18]


def step(ns):
    if ns < 0:
        return 255
    return min(254, round(ns ** 0.25))


def write(path, head, part):
    out, last = bytearray(head), part[0][0]
    for time, data, missing in part:
        data = data[:0xffff]
        out += struct.pack("<HBB", len(data), min(missing, 255), step(time - last)) + data
        last = time
    path.write_bytes(out)


def main(directory, *traces):
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    seen, count = set(), 0
    for trace in map(pathlib.Path, traces):
        every = list(frames(trace))
        for at in range(0, len(every), PART):
            part = every[at:at + PART]
            new = {kind(data) for _, data, _ in part} - seen
            if not new:
                continue
            seen |= new
            head = bytes([count % 64, count // 3 % 256]) + struct.pack("<H", count * 37 % 65536)
            write(directory / f"{trace.stem}-{at}", head, every[:min(at, BEGINNING)] + part)
            count += 1
    print(f"{count} inputs with {len(seen)} kinds of record")
    return 0 if count else 1


sys.exit(main(*sys.argv[1:]))
