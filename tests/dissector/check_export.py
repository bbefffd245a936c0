#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""check_export.py objects TRACE DIR [WORD…]: what was exported to DIR is what the trace's data records say.

check_export.py window TRACE: the same of a window's list, by sharkd: after the file was loaded.
check_export.py disk TRACE DIR IMAGE: the exported writes, put where their commands say, are what a file has.
"""
import base64
import os
import re
import sys

import transfers
from sharkd import Sharkd

NAME = re.compile(r"(c\d+-e\d+-q\d+-cid\d+-r\d+)-([a-z0-9]+(?:-[a-z0-9]+)*)\.bin")


def wanted(trace):
    """{name without its subject and end: (bytes, is whole, exchange, kind, direction)}"""
    found = {}
    for exchange in transfers.exchanges(trace):
        for kind, way in exchange.pieces:
            if kind not in (transfers.PAYLOAD, transfers.METADATA) or exchange.completion is None:
                continue
            data, length = exchange.whole(kind, way)
            if data:
                key = "c%u-e%u-q%u-cid%u-r%u" % (*exchange.key, exchange.reuse)
                found.setdefault(key, []).append((data, len(data) == length, exchange, kind, way))
    return found


def subject(exchange, kind):
    """Of some commands, by the specification's numbers; None: of no matter here."""
    if exchange.sqe is None:
        return "data"
    if exchange.key[2] == 0:
        cns = exchange.dword(10) & 0xFF
        return {0: "identify-namespace", 1: "identify-controller"}.get(cns) if exchange.opcode == 6 else None
    name = {1: "write", 2: "read"}.get(exchange.opcode)
    return name and name + ("-metadata" if kind == transfers.METADATA else "-data")


def matches(words, one, several):
    _, whole, exchange, kind, way = one
    end = ("-in" if way == transfers.IN else "-out") * several + "-failed" * (exchange.status != 0) + \
        "-part" * (not whole)
    name = subject(exchange, kind)
    metadata = kind == transfers.METADATA
    return words.endswith(end) and ("metadata" in words) == metadata and (name is None or words == name + end) and \
        ("-part" in words) != whole


def compare(trace, objects):
    """objects: {name: bytes}"""
    missing = wanted(trace)
    bad = 0
    for name, data in objects.items():
        match = NAME.fullmatch(name)
        candidates = missing.get(match.group(1), []) if match else []
        same = [one for one in candidates if one[0] == data and
                matches(match.group(2), one, sum(other[3] == one[3] for other in candidates) > 1)]
        if not same:
            bad += 1
            print(f"{name}: {len(data)} bytes that the records don't have, or with a wrong name")
            continue
        candidates[candidates.index(same[0])] = (same[0][0], None, *same[0][2:])
    for key, candidates in missing.items():
        for one in candidates:
            if one[1] is not None:
                bad += 1
                print(f"{key}: {len(one[0])} bytes weren't exported")
    return bad


def read(directory):
    objects = {}
    for name in os.listdir(directory):
        with open(os.path.join(directory, name), "rb") as file:
            objects[name] = file.read()
    return objects


def main(argv):
    what, trace, *rest = argv[1:]
    if what == "objects":
        objects = read(rest[0])
        bad = compare(trace, objects)
        for word in rest[1:]:
            if not any(word in name for name in objects):
                bad += 1
                print(f"no name has {word}")
    elif what == "window":
        sharkd = Sharkd("mk/with-plugin")
        sharkd.ask("load", file=trace)
        rows = sharkd.ask("tap", tap0="eo:nvmetap")["taps"][0]["objects"]
        objects = {row["filename"]: base64.b64decode(sharkd.ask("download", token=row["_download"])["data"])
                   for row in rows}
        bad = compare(trace, objects) + (len(objects) != len(rows))
        ends = {(data, exchange.completion) for all_of in wanted(trace).values() for data, _, exchange, _, _ in all_of}
        for row in rows:
            if (objects[row["filename"]], row["pkt"]) not in ends or row["hostname"] != "0000:00:05.0" or \
                    row["len"] != len(objects[row["filename"]]) or \
                    ("first of" in row["type"]) != ("-part" in row["filename"]):
                bad += 1
                print(row)
        sharkd.end()
    else:
        with open(rest[1], "rb") as file:
            disk = file.read()
        objects, image, writes = read(rest[0]), bytearray(len(disk)), 0
        for exchange in transfers.exchanges(trace):
            if exchange.key[2] != 0 and exchange.opcode == 1:
                name = "c%u-e%u-q%u-cid%u-r%u-write-data.bin" % (*exchange.key, exchange.reuse)
                at = 512 * (exchange.dword(10) | exchange.dword(11) << 32)
                image[at:at + len(objects[name])] = objects[name]
                writes += 1
        bad = image != disk or writes < 10
        print(f"{writes} writes")
        print(f"{sum(a != b for a, b in zip(image, disk))} bytes differ")
    print(f"{len(objects)} objects, {bad} wrong")
    return 1 if bad or not objects else 0


sys.exit(main(sys.argv))
