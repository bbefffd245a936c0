#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""parts.py TRACE PARTS QUEUES DEPTH: a trace that was stopped and started under load, by docs/trace-format.md
alone. Each part but the first begins with a meta-record and a snapshot, and from its queues on no slot of a
submission or completion queue is passed over; nothing stands between a stop and the next start; sequence
numbers have no step; a completion without a command is one that was under way at the start.
"""
import struct
import sys

META, REG_W, CMD, CPL, EVENT, LOSS, QUEUE = 1, 5, 11, 12, 14, 16, 18
STOPPED = 22


def frames(path):
    data, at, out = open(path, "rb").read(), 24, []
    while at < len(data):
        size = struct.unpack_from("<I", data, at + 8)[0]
        out.append(data[at + 16:at + 16 + size])
        at += 16 + size
    return out


def parts(records):
    out, open_ = [[]], True
    for r in records:
        stop = r[5] == EVENT and struct.unpack_from("<H", r, 32)[0] == STOPPED
        if not open_ and r[5] != META:
            sys.exit("a record between a stop and the next start")
        if not open_:
            out.append([])
        open_ = not stop
        out[-1].append(r)
    return out


def entries_made(part):
    """Sizes of the I/O queues that the first part creates: (is_cq, qid): entries."""
    made = {}
    for r in part:
        if r[5] == CMD and struct.unpack_from("<H", r, 32)[0] == 0 and r[48] in (1, 5):
            qid, size = struct.unpack_from("<HH", r, 48 + 40)
            made[r[48] == 5, qid] = size + 1
    return made


def look(number, part, sizes, most):
    place, under_way, orphans = {}, set(), 0
    if number > 0:
        if part[0][5] != META:
            sys.exit(f"part {number} doesn't begin with a meta-record")
        for r in part:
            if r[5] == QUEUE:
                qid, _, _, is_cq, _, _, entries, head, tail = struct.unpack_from("<HHHBBQIHH", r, 32)
                place[bool(is_cq), qid] = tail if is_cq else head
                if sizes.setdefault((bool(is_cq), qid), entries) != entries:
                    sys.exit(f"part {number}: queue {qid} has another size")
        if len(place) != len(sizes):
            sys.exit(f"part {number}: a snapshot of {len(place)} queues, not of {len(sizes)}")
    else:
        place = {key: 0 for key in sizes}
    counts = [0, 0]
    for r in part:
        if r[5] not in (CMD, CPL):
            continue
        sqid, cqid, slot, _ = struct.unpack_from("<HHHH", r, 32)
        key = (False, sqid) if r[5] == CMD else (True, cqid)
        if key not in place:
            if key[1] == 0 and number == 0:
                continue  # the admin queues of the first part: their size stands in AQA
            sys.exit(f"part {number}: queue {key} isn't in the snapshot")
        if slot != place[key]:
            sys.exit(f"part {number}: slot {slot} of queue {key}, where {place[key]} comes next")
        place[key] = (slot + 1) % sizes[key]
        cid = struct.unpack_from("<H", r, 50 if r[5] == CMD else 60)[0]
        counts[r[5] == CPL] += 1
        if r[5] == CMD:
            under_way.add((sqid, cid))
        elif (sqid, cid) in under_way:
            under_way.discard((sqid, cid))
        else:
            orphans += 1
    if orphans > (most if number > 0 else 0):
        sys.exit(f"part {number}: {orphans} completions without a command")
    return counts[0], orphans


def main(path, wanted, queues, depth):
    records = frames(path)
    seqs = [struct.unpack_from("<Q", r, 24)[0] for r in records]
    if any(b != a + 1 for a, b in zip(seqs, seqs[1:])) or any(r[5] == LOSS for r in records):
        sys.exit("records are missing")
    found = parts(records)
    if len(found) != wanted:
        sys.exit(f"{len(found)} parts, not {wanted}")
    sizes = entries_made(found[0])
    admin = next(struct.unpack_from("<Q", r, 40)[0] for r in records
                 if r[5] == REG_W and struct.unpack_from("<Q", r, 32)[0] == 0x24)
    if len(sizes) != 2 * queues:
        sys.exit(f"{len(sizes)} I/O queues were created, not {2 * queues}")
    sizes[False, 0], sizes[True, 0] = (admin & 0xfff) + 1, (admin >> 16 & 0xfff) + 1
    told = [look(i, part, sizes, queues * depth + 1) for i, part in enumerate(found)]
    print(f"commands, and completions of earlier ones: {told}")
    if any(count < 20 for count, _ in told):
        sys.exit("there was no load: this shows nothing")


main(sys.argv[1], *map(int, sys.argv[2:]))
