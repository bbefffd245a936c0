#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""join_traces.py OUT FILE…: traces one after the other in one file, each with controllers of its own (up to eight),
so that one run looks at all."""
import struct
import sys

out = open(sys.argv[1], "wb")
for index, name in enumerate(sys.argv[2:]):
    with open(name, "rb") as file:
        whole = file.read()
    if index == 0:
        out.write(whole[:24])
    at = 24
    while at < len(whole):
        length = struct.unpack_from("<I", whole, at + 8)[0]
        frame = bytearray(whole[at:at + 16 + length])
        if frame[16:20] == b"NVTP":
            struct.pack_into("<H", frame, 16 + 12, index * 8 + struct.unpack_from("<H", frame, 16 + 12)[0] % 8)
        out.write(frame)
        at += 16 + length
