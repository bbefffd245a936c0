#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""check_data.py fields TRACE FIELDS LEAST: data put together, its lengths and holes, its pages, against Python's.
check_data.py text TRACE PDML: where in the transfer each entry of each list lies, by the specification's rules.

LEAST is how many transfers of several pieces there are at least. FIELDS is tshark's -2 -T fields with
FIELD below, of commands and completions.
"""
import struct
import sys
import xml.etree.ElementTree as tree

import transfers
from transfers import METADATA, PAYLOAD, PRP_LIST, SGL_SEGMENT

FIELD = ("frame.number", "nvmetap.data.length", "nvmetap.data.captured", "nvmetap.data.missing", "nvmetap.prp",
         "nvmetap.sgl.address", "nvmetap.payload")
PAGE = 4096  # in all of these traces
SGL = {0: "data block", 1: "bit bucket", 2: "segment", 3: "last segment"}


def holes(pieces, length):
    end, found = 0, []
    for piece in sorted(pieces, key=lambda p: (p.offset, p.record)):
        if piece.bytes and piece.offset > end:
            found.append((end, piece.offset))
        end = max(end, min(piece.offset + len(piece.bytes), 2**64 - 1) if piece.bytes else 0)
    return found + [(end, length)] * (end < length)


def lists(exchange):
    kind = SGL_SEGMENT if exchange.sqe[1] >> 6 else PRP_LIST
    return exchange.pieces.get((kind, transfers.OUT), [])


def entries(exchange):
    """[(record, bytes, address of the list)]: the command's own first."""
    size = 16 if exchange.sqe[1] >> 6 else 8
    command = [exchange.sqe[24 + i:24 + i + size] for i in range(0, 16, size)]
    found = [(exchange.record, command, None)]
    for piece in lists(exchange):
        whole = len(piece.bytes) // size * size
        found.append((piece.record, [piece.bytes[i:i + size] for i in range(0, whole, size)], piece.address))
    return found


def payload_length(exchange):
    lengths = [exchange.whole(*key)[1] for key in exchange.pieces if key[0] == PAYLOAD]
    return max(lengths) if lengths else None


def pages(exchange):
    """{record: [(address, text)]}: what each entry is for."""
    length, at, told = payload_length(exchange), 0, {}
    for record, found, address in entries(exchange):
        rows = told.setdefault(record, [])
        for i, entry in enumerate(found):
            where, = struct.unpack_from("<Q", entry)
            if len(entry) == 16:
                size, kind = struct.unpack_from("<I3xB", entry, 8)
                data = kind >> 4 < 2
                size = min(size, max(0, length - at)) if data else size
                rows.append((where, SGL[kind >> 4] + f", offset {at}" * data + f", {size} byte" + "s" * (size != 1)))
                at += size * data
                continue
            first = PAGE - where % PAGE if address is None and i == 0 else PAGE
            # PRP2 is reserved where PRP1 is enough; of a length beyond all numbers only PRP2 itself tells.
            reserved = where == 0 if length == 2**64 - 1 else length <= at
            if address is None and i == 1 and (lists(exchange) or reserved):
                if lists(exchange):
                    rows.append((where, "the next PRP list"))
                continue
            if address is not None and (address + 8 * (i + 1)) % PAGE == 0 and length - at > PAGE:
                rows.append((where, "the next PRP list"))
                continue
            size = min(first, max(0, length - at))
            rows.append((where, f"offset {at}, {size} byte" + "s" * (size != 1)))
            at += size
    return told


def numbers(text, base=10):
    return [int(number, base) for number in text.split(",") if number != ""]


def compare_fields(trace, path, least):
    shown = {}
    with open(path, encoding="ascii") as file:
        for line in file:
            row = dict(zip(FIELD, line.rstrip("\n").split("\t")))
            shown[int(row["frame.number"])] = row
    bad = checked = together = 0
    for exchange in transfers.exchanges(trace):
        moved = [key for key in exchange.pieces if key[0] in (PAYLOAD, METADATA)]
        if exchange.sqe is None or not moved:
            continue
        whole = [(key, *exchange.whole(*key)) for key in moved]
        if exchange.completion is not None:
            row = shown[exchange.completion]
            several = [data for key, data, _ in whole if len(exchange.pieces[key]) > 1]
            together += len(several)
            missing = [end - start for key, _, length in whole for start, end in holes(exchange.pieces[key], length)]
            ours = (sorted(numbers(row["nvmetap.data.length"])), sorted(numbers(row["nvmetap.data.missing"])),
                    sum(numbers(row["nvmetap.data.captured"])), row["nvmetap.payload"])
            theirs = (sorted(length for _, _, length in whole), sorted(missing),
                      sum(len(piece.bytes) for key in moved for piece in exchange.pieces[key]),
                      ",".join(data.hex() for data in several if data))
            checked += 1
            if ours != theirs:
                bad += 1
                print(f"completion {exchange.completion}: {[str(x)[:200] for x in ours]}")
                print(f"   wanted {[str(x)[:200] for x in theirs]}")
        row, sgl = shown[exchange.record], exchange.sqe[1] >> 6
        wanted = [where for rows in pages(exchange).values() for where, _ in rows]
        own = [struct.unpack_from("<Q", exchange.sqe, 24 + 8 * i)[0] for i in range(1 if sgl else 2)]
        got = numbers(row["nvmetap.sgl.address" if sgl else "nvmetap.prp"], 16)
        checked += 1
        if got != own + wanted:
            bad += 1
            print(f"command {exchange.record}: {got}, wanted {own} {wanted}")
    print(f"{checked} checked, {together} put together, {bad} wrong")
    return bad or not checked or together < int(least)


def compare_text(trace, path):
    wanted = {}
    for exchange in transfers.exchanges(trace):
        if exchange.sqe is not None and payload_length(exchange) is not None:
            for record, rows in pages(exchange).items():
                if record != exchange.record:
                    wanted[record] = rows
    bad = checked = 0
    for _, packet in tree.iterparse(path):
        if packet.tag != "packet":
            continue
        number = next(int(f.get("show")) for f in packet.iter("field") if f.get("name") == "num")
        if number in wanted:
            got = []
            for field in packet.iter("field"):
                if field.get("name") == "nvmetap.prp":
                    _, where, text = field.get("showname").split(": ", 2)
                    got.append((int(where, 0), text))
                elif field.get("name") == "nvmetap.sgl":
                    address = int.from_bytes(bytes.fromhex(next(iter(field)).get("value")), "little")
                    got.append((address, field.get("showname").split(": ", 1)[1]))
            checked += len(got)
            if got != wanted[number]:
                bad += 1
                print(f"list {number}: {got}\n  wanted {wanted[number]}")
        packet.clear()
    print(f"{checked} entries checked, {bad} lists wrong")
    return bad or not checked


def main(argv):
    if argv[1] == "field-names":
        print(" ".join("-e " + field for field in FIELD))
        return 0
    return 1 if {"fields": compare_fields, "text": compare_text}[argv[1]](*argv[2:]) else 0


sys.exit(main(sys.argv))
