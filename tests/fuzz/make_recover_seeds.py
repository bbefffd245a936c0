#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""make_recover_seeds.py DIRECTORY TRACE…: seeds of fuzz_recover: a trace, part of it in the ring."""
import pathlib
import struct
import subprocess
import sys


def packed(data):
    return subprocess.run(["zstd", "-qc"], input=data, stdout=subprocess.PIPE, check=True).stdout


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for n, name in enumerate(sys.argv[2:]):
        trace = pathlib.Path(name).read_bytes()[:20000]
        at, ends = 24, [24]
        while at + 16 <= len(trace):
            at += 16 + struct.unpack_from("<I", trace, at + 8)[0]
            if at > len(trace):
                break
            ends.append(at)
        half, whole = ends[len(ends) // 2], ends[-1]
        file = packed(trace[:24]) + packed(trace[24:half])
        for cut in (0, 20):
            head = struct.pack("<BBHHH16s", 3, 0, len(file) - cut, (whole - 24) // 8, 0, b"")
            (out / f"{n}-3-{cut}").write_bytes(head + file[:len(file) - cut] + trace[24:whole])
        for mode in (1, 2):
            ring = trace[:whole] if mode == 1 else trace[24:whole]
            skip = 0 if mode == 1 else 24
            for cut in (0, 20):
                for how in (0, 1, 2, 4):
                    head = struct.pack("<BBHHH16s", mode, how, half - cut, (whole - skip) // 8,
                                       (half - cut - skip) // 8 if mode == 1 else (half - skip) // 8, b"")
                    (out / f"{n}-{mode}-{cut}-{how}").write_bytes(head + trace[:half - cut] + ring)


main()
