#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""piece.py TRACE [EXPRESSION]: what a piece of a recording holds, read from docs/trace-format.md alone.

It is a whole trace: it begins with a meta-record and the state, times don't go back, no sequence
number is missing that no loss record tells of. EXPRESSION is Python over:
  n        records                     size     bytes of the file
  marks    trigger records, in order: each has code, address (whose record met the condition), size
           (how often it fired), before and after (records of this file that are before the one
           that met the condition, and behind the trigger record; preambles don't count)
  left     records that were left out  preambles
"""
import os
import struct
import sys

SNAPSHOT, META, LOSS, EVENT, QUEUE, TRIGGER, LEFT_OUT = 1, 1, 16, 14, 18, 23, 3


class Mark:
    def __init__(self, code, address, size):
        self.code, self.address, self.size = code, address, size
        self.before = self.after = 0


def frames(data):
    magic, _, _, _, _, snap, link = struct.unpack_from("<IHHIIII", data)
    assert (magic, snap, link) == (0xA1B23C4D, 262144, 159), "no trace"
    at = 24
    while at < len(data):
        seconds, ns, captured, original = struct.unpack_from("<IIII", data, at)
        assert captured == original and at + 16 + captured <= len(data), "a record is cut"
        yield seconds * 10**9 + ns, data[at + 16:at + 16 + captured]
        at += 16 + captured


def look(path):
    data = open(path, "rb").read()
    seen = {"n": 0, "size": os.path.getsize(path), "marks": [], "left": 0, "preambles": 0}
    last_ns = last = None
    ordinary = []
    for ns, record in frames(data):
        magic, version, kind, header, flags, length = struct.unpack_from("<IBBBBI", record)
        seq, = struct.unpack_from("<Q", record, 24)
        assert (magic, version, length) == (0x5054564E, 1, len(record))
        seen["n"] += 1
        if seen["n"] == 1:
            assert kind == META, "it doesn't begin with a meta-record"
        elif kind == LOSS:
            first, count, _, _, reason, _ = struct.unpack_from("<QQQQII", record, header)
            assert reason == LEFT_OUT and first == last + 1 and seq == first + count, "a loss"
            seen["left"] += count + 1
        else:
            assert seq == last + 1, f"{last} is followed by {seq}"
        assert last_ns is None or ns >= last_ns, "time goes back"
        last_ns, last = ns, seq
        seen["preambles"] += kind == META
        if kind == EVENT:
            event, _, code, address, size = struct.unpack_from("<HHIQQ", record, header)
            if event == TRIGGER:
                seen["marks"].append((len(ordinary), Mark(code, address, size)))
                ordinary.append(seq)
                continue
        if kind not in (META, LOSS) and not flags & SNAPSHOT:
            ordinary.append(seq)
    for place, mark in seen["marks"]:
        mark.before = sum(seq < mark.address for seq in ordinary[:place])
        mark.after = len(ordinary) - place - 1
    seen["marks"] = [mark for _, mark in seen["marks"]]
    return seen


def main():
    seen = look(sys.argv[1])
    wanted = sys.argv[2] if len(sys.argv) > 2 else "True"
    shown = {**seen, "marks": [vars(mark) for mark in seen["marks"]]}
    print(shown)
    return 0 if eval(f"({wanted})", {}, seen) else 1


sys.exit(main())
