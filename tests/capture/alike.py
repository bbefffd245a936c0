#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""alike.py WHOLE FILTERED WORDS: a trace recorded with a filter has what an unfiltered one of the same
workload has, filtered by tests/checks/filtered.py: the same records of each queue in the same order, but for
times and sequence numbers. alike.py --slower NS WHOLE FILTERED: those that must be slow are there, and
nothing is there that isn't. Prints how many.
"""
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "checks"))
from filtered import (CMD, CPL, DATA, EVENTIDX, IRQ, REG_R, SHADOW, COMMANDS,  # noqa: E402
                      DOORBELLS, INTERRUPTS, LISTS, QUEUES, MAKES_QUEUES, META, Filter, apply, blocks, doorbell, read)

WORDS = {
    "no-doorbells": Filter(DOORBELLS),
    "no-interrupts": Filter(INTERRUPTS),
    "commands": Filter(3),
    "doorbells": Filter(14, command=lambda q, sqe: False),
    "doorbells,queue=2": Filter(14, queue=lambda q: q == 2, command=lambda q, sqe: False),
    "metadata": Filter(LISTS),
    "admin": Filter(COMMANDS | QUEUES, queue=lambda q: q == 0),
    "io": Filter(COMMANDS | QUEUES, queue=lambda q: q != 0),
    "queue=0+2": Filter(COMMANDS | QUEUES, queue=lambda q: q in (0, 2)),
    "opcode=Read+6": Filter(7, command=lambda q, sqe: (q != 0 and sqe[0] == 2) or sqe[0] == 6),
    "nsid=1": Filter(7, command=lambda q, sqe: sqe[4:8] == b"\1\0\0\0"),
    "lba=1000-4095": Filter(7, command=blocks(1000, 4095)),
    "lba=0-31+0x7000,queue=1": Filter(7, queue=lambda q: q == 1, command=lambda q, sqe:
                                      blocks(0, 31)(q, sqe) or blocks(0x7000, 0x7000)(q, sqe)),
    "errors": Filter(15, ends=lambda status, ns: status != 0),
    "status=0+0x181": Filter(15, ends=lambda status, ns: status in (0, 0x181)),
    "status=0x281,opcode=Read": Filter(15, command=lambda q, sqe: q != 0 and sqe[0] == 2,
                                       ends=lambda status, ns: status == 0x281),
}


def queue_of(record):
    kind = record[5]
    if doorbell(record) is not None:
        return doorbell(record)
    if kind == IRQ:
        return struct.unpack_from("<H", record, 48)[0]
    return struct.unpack_from("<H", record, 32)[0] if kind in (CMD, CPL, DATA) else 0


def streams(frames):
    """Of each queue and kind the records' bodies. The meta-record has a date; a host looks at a register
    as often as the clock tells it to."""
    out = {}
    for _, record in frames:
        kind = record[5]
        if kind == META or (kind == REG_R and doorbell(record) is None):
            continue
        out.setdefault((kind, queue_of(record)), []).append(bytes(record[32:]))
    return out


def alike(whole, filtered, words):
    f = WORDS[words]
    head, frames = read(whole)
    data, _ = apply(f, head, frames)
    path = pathlib.Path(filtered + ".model")
    path.write_bytes(data)
    model, got = streams(read(str(path))[1]), streams(read(filtered)[1])
    flags = read(filtered)[1][0][1][32 + 19]
    if flags != f.bits:
        sys.exit(f"left_out_flags {flags}, not {f.bits}")
    for key in sorted(model.keys() | got.keys()):
        a, b = model.get(key, []), got.get(key, [])
        if a != b:
            differing = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
            sys.exit(f"type {key[0]} of queue {key[1]}: {len(b)} records, not {len(a)}; the first that differs is {differing}")
    left = len(frames) - sum(map(len, got.values()))
    print(f"{words}: {sum(map(len, got.values()))} records, {left} left out")
    if left < 20:
        sys.exit("it left out next to nothing: this shows nothing")


def commands(frames):
    """[(what, when it was fetched, when completed)]; what: queue, opcode, block."""
    open_, out = {}, []
    for time, record in frames:
        if record[5] == CMD:
            sqid, = struct.unpack_from("<H", record, 32)
            opcode, _, cid = struct.unpack_from("<BBH", record, 48)
            open_[sqid, cid] = ((sqid, opcode, struct.unpack_from("<Q", record, 48 + 40)[0]), time)
        elif record[5] == CPL:
            sqid, = struct.unpack_from("<H", record, 32)
            what, fetched = open_.pop((sqid, struct.unpack_from("<H", record, 60)[0]))
            out.append((what, fetched, time))
    return out


def slower(ns, whole, filtered):
    """Writes are held for longer than that by a plug-in; others may have been slow, too, who knows."""
    wanted = sorted(c[0] for c in commands(read(whole)[1]) if c[0][0] != 0 and c[0][1] == 1)
    seen = [c for c in commands(read(filtered)[1]) if not (c[0][0] == 0 and c[0][1] in MAKES_QUEUES)]
    quick = [c for c in seen if c[2] - c[1] <= ns]
    got = sorted(c[0] for c in seen if c[0][0] != 0 and c[0][1] == 1)
    kinds = {r[5] for _, r in read(filtered)[1]} & {SHADOW, EVENTIDX, IRQ, DATA}
    if quick or got != wanted or kinds or len(wanted) < 20:
        sys.exit(f"{len(got)} of {len(wanted)} slow ones; too quick: {quick[:3]}; of types {kinds}")
    print(f"slower: {len(seen)} commands, {len(wanted)} of them held")


if __name__ == "__main__":
    if sys.argv[1] == "--words":
        print(*WORDS, sep="\n")
    elif sys.argv[1] == "--slower":
        slower(int(sys.argv[2]), *sys.argv[3:])
    else:
        alike(*sys.argv[1:])
