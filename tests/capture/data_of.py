#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What commands moved, a line for each in the order of their data: queue, identifier, length, SHA-256.

data_of.py dump <DUMP       out of `nvmetap dump --json -x`
data_of.py tshark <FIELDS   out of tshark's fields nvmetap.qid, nvmetap.cid, nvmetap.payload of each data
                            and digest frame
data_of.py hide TRACE OUT BYTE   OUT is TRACE without the verdicts "changed", which become empty annotations;
                            prints the number of the record that has this byte of the first one's data
"""
import hashlib
import json
import struct
import sys


def show(pieces):
    """pieces: (queue, identifier, bytes) in file order; a command's come together."""
    last, data = None, b""
    for qid, cid, piece in [*pieces, (None, None, b"")]:
        if (qid, cid) != last:
            if last is not None:
                print(*last, len(data), hashlib.sha256(data).hexdigest())
            last, data = (qid, cid), b""
        data += piece


def from_dump():
    for line in sys.stdin:
        record = json.loads(line)
        if record["type"] in ("data", "digest") and record["kind"] == 0:
            yield record["qid"], record["cid"], bytes.fromhex(record["data"])
        elif record["type"] == "completion":
            yield record["qid"], "completion", b""  # the identifier may come again


def from_tshark():
    for line in sys.stdin:
        kind, qid, cid, payload = line.rstrip("\n").split("\t")
        if kind == "12":
            yield int(qid), "completion", b""
        else:
            yield int(qid), int(cid, 16), bytes.fromhex(payload)


def hide(trace, out, byte):
    data = bytearray(open(trace, "rb").read())
    at, number, cid, found = 24, 0, None, 0
    while at < len(data):
        number += 1
        body = at + 16 + 32
        kind = data[at + 16 + 5]
        if kind == 15 and data[body + 4] == 0:
            data[at + 16 + 5] = 17
            cid = bytes(data[body:body + 4])
            data[body:body + 4] = bytes(4)
        elif kind in (13, 19) and data[body:body + 4] == cid and found == 0:
            offset, length = struct.unpack_from("<QI", data, body + 16)
            if offset <= int(byte) < offset + length:
                found = number
        at += 16 + struct.unpack_from("<I", data, at + 8)[0]
    open(out, "wb").write(data)
    print(found)


if sys.argv[1] == "hide":
    hide(*sys.argv[2:])
else:
    show(from_dump() if sys.argv[1] == "dump" else from_tshark())
