#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""set.py [--first N] [--cut N] FILE…: a set of traces, read by the pcap format and docs/trace-format.md alone.

Each file has whole records only; from the second one on it begins with a meta-record and a snapshot.
Over all of them each controller's sequence numbers have no gap, beginning with N (0), and time doesn't
go back. With --cut no record has more than N bytes, but for its header and body. Prints how many
records there are, and how many a loss record counts as lost.
"""
import argparse
import struct
import sys

META, LOSS, SNAPSHOT = 1, 16, 1
BODY = {1: 24, 6: 16, 7: 16, 11: 80, 12: 32, 13: 32, 15: 32, 16: 40, 17: 8, 18: 32}


def frames(name):
    with open(name, "rb") as file:
        data = file.read()
    assert struct.unpack("<IHHIIII", data[:24]) == (0xa1b23c4d, 2, 4, 0, 0, 262144, 159), name
    at = 24
    while at < len(data):
        seconds, fraction, captured, original = struct.unpack_from("<IIII", data, at)
        assert at + 16 + captured <= len(data), f"{name}: ends inside the record at {at}"
        yield seconds * 10 ** 9 + fraction, data[at + 16:at + 16 + captured], original
        at += 16 + captured


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--cut", type=int)
    parser.add_argument("files", nargs="+")
    options = parser.parse_args()
    expected, last, records, lost, shorter = {}, 0, 0, 0, 0
    for index, name in enumerate(options.files):
        start = []
        for time, record, original in frames(name):
            magic, _, kind, _, flags, length, controller = struct.unpack_from("<4sBBBBIH", record)
            seq, = struct.unpack_from("<Q", record, 24)
            where = f"{name}: record with seq {seq}"
            assert magic == b"NVTP" and length == original, where
            assert len(record) == length or options.cut is not None, where
            if options.cut is not None and kind != META:
                assert len(record) <= max(options.cut, 32 + BODY.get(kind, 24)), where
                assert len(record) >= min(length, 32 + BODY.get(kind, 24)), where
                shorter += len(record) < length
            if kind == LOSS:
                first, count = struct.unpack_from("<QQ", record, 32)
                assert first == expected[controller], where
                expected[controller] += count
                lost += count
            assert seq == expected.get(controller, options.first), \
                f"{where}: {expected.get(controller)} was expected"
            expected[controller] = seq + 1
            assert time >= last, where
            last = time
            records += 1
            if len(start) < 10:
                start.append((kind, flags))
        if index > 0 or options.first > 0:
            assert start[0][0] == META and all(f & SNAPSHOT for _, f in start[1:]) and \
                len(start) > 5, f"{name} begins with {start}"
    assert shorter > 0 or options.cut is None, "nothing was cut"
    print(records, lost)


sys.exit(main())
