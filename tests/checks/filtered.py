#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""filtered.py NVMETAP EVERY TRACE…: each trace, filtered in each way that a recorder can, has no finding
that it doesn't have whole; and what a rule that is applied finds at a record that is left, it still finds.
The filters are written from docs/recording.md and docs/trace-format.md alone. Prints what is wrong.
EVERY: of the filters, one in so many for each trace, the next ones for the next.
"""
import json
import struct
import subprocess
import sys

REG_R, REG_W, SHADOW, EVENTIDX, IRQ, CMD, CPL, DATA, VERDICT, LOSS = 4, 5, 6, 7, 10, 11, 12, 13, 15, 16
META, SNAPSHOT = 1, 1
DOORBELLS, INTERRUPTS, COMMANDS, LISTS, QUEUES = 1, 2, 4, 8, 16
NAMES = {DOORBELLS: "doorbells", INTERRUPTS: "interrupts", COMMANDS: "some of the commands", LISTS: "data lists"}
MAKES_QUEUES = (0, 1, 4, 5)
# The same finding may be told at a later record, where the first one was left out.
TOLD_ONCE = ("vendor-specific-command", "queues-without-set-features")


class Filter:
    """Which commands, of which queues; which of the rest. ends: which completions, by status and the time
    since the fetch (None: it isn't in the trace); no: their commands stand where they were fetched."""

    def __init__(self, bits, queue=lambda q: True, command=lambda q, sqe: True, ends=None):
        self.bits, self.queue, self.command, self.ends = bits, queue, command, ends


def blocks(first, last):
    """I/O commands that work on these blocks, or on such as their entry doesn't tell."""
    def touches(q, sqe):
        start, = struct.unpack_from("<Q", sqe, 40)
        count = struct.unpack_from("<H", sqe, 48)[0] + 1
        return q != 0 and (sqe[0] in (0x09, 0x19, 0x79, 0x7a, 0x7d) or
                           sqe[0] in (1, 2, 4, 5, 8, 12) and start <= last and start + count > first)
    return touches


FILTERS = {
    "no-doorbells": Filter(DOORBELLS),
    "no-interrupts": Filter(INTERRUPTS),
    "commands": Filter(DOORBELLS | INTERRUPTS),
    "admin": Filter(COMMANDS | QUEUES, queue=lambda q: q == 0),
    "io": Filter(COMMANDS | QUEUES, queue=lambda q: q != 0),
    "queue=1": Filter(COMMANDS | QUEUES, queue=lambda q: q == 1),
    "opcode=read": Filter(7, command=lambda q, sqe: q != 0 and sqe[0] == 2),
    "nsid=1": Filter(7, command=lambda q, sqe: sqe[4:8] == b"\1\0\0\0"),
    "doorbells": Filter(14, command=lambda q, sqe: False),
    "metadata": Filter(LISTS),
    "lba=8-100": Filter(7, command=blocks(8, 100)),
    "errors": Filter(15, ends=lambda status, ns: status != 0),
    "slower=20us": Filter(15, ends=lambda status, ns: ns is not None and ns > 20000),
}
WITHOUT_PAYLOAD = Filter(0)  # --data none, which `metadata` goes with


def read(path):
    data = open(path, "rb").read()
    frames, at = [], 24
    while at < len(data):
        sec, frac, size, _ = struct.unpack_from("<IIII", data, at)
        frames.append([sec * 10**9 + frac, data[at + 16:at + 16 + size]])
        at += 16 + size
    return data[:24], frames


def doorbell(record):
    kind = record[5]
    if kind in (SHADOW, EVENTIDX):
        return struct.unpack_from("<H", record, 44)[0]
    offset, = struct.unpack_from("<Q", record, 32)
    if kind not in (REG_R, REG_W) or record[49] != 1 or offset < 0x1000 or offset % 4:
        return None
    return (offset - 0x1000) // 8


def passes(f, frames, i, kept):
    """Whether record i is recorded; kept: by controller, queue and identifier, whether that of the command is,
    or where its end decides its place."""
    record = frames[i][1]
    kind, controller = record[5], struct.unpack_from("<H", record, 12)[0]
    if record[7] & SNAPSHOT:
        return True
    if doorbell(record) is not None:
        return not f.bits & DOORBELLS and f.queue(doorbell(record))
    if kind == IRQ:
        return not f.bits & INTERRUPTS and f.queue(struct.unpack_from("<H", record, 48)[0])
    if kind not in (CMD, CPL, DATA, VERDICT):
        return True
    sqid, cid = struct.unpack_from("<HH", record, 32)
    if kind == CPL:
        cid, = struct.unpack_from("<H", record, 48 + 12)
    elif kind == CMD:
        cid, = struct.unpack_from("<H", record, 48 + 2)
    key = (controller, sqid, cid)
    if kind == DATA and (f.bits & LISTS or f is WITHOUT_PAYLOAD and record[36] in (0, 3)):
        return False
    if kind == CMD:
        sqe = record[48:]
        made = sqid == 0 and sqe[0] in MAKES_QUEUES
        passing = f.queue(sqid) and f.command(sqid, sqe)
        kept[key] = (passing, made, i)
        return made or (passing and f.ends is None)
    # What is under way from before: nothing is known of it but its queue and, of a completion, its opcode.
    unknown = (f.queue(sqid) and f.command(sqid, bytes([record[40] if kind == CPL else 0]) + bytes(63)), False, None)
    passing, made, place = kept.get(key, unknown)
    if kind != CPL:
        return cid == 0xffff and kind == VERDICT or (passing and f.ends is None)
    kept.pop(key, None)
    if made or f.ends is None or not passing:
        return made or passing
    event_request = place is not None and sqid == 0 and frames[place][1][48] == 0x0c
    time = None if place is None or event_request else frames[i][0] - frames[place][0]
    if not f.ends(struct.unpack_from("<H", record, 48 + 14)[0] >> 1, time):
        return False
    return True if place is None else place  # with its command, which stands before it


def apply(f, head, frames):
    out, kept, gone = bytearray(head), {}, {}
    times = set()
    frames = [frame for frame in frames if frame[1][:4] == b"NVTP"]

    def put(time, record):
        controller = struct.unpack_from("<H", record, 12)[0]
        record = bytearray(record)
        struct.pack_into("<Q", record, 24, struct.unpack_from("<Q", record, 24)[0] - gone.get(controller, 0))
        if record[5] == META:
            record[32 + 19] = f.bits
        elif record[5] == LOSS:
            struct.pack_into("<Q", record, 32, struct.unpack_from("<Q", record, 32)[0] - gone.get(controller, 0))
        out.extend(struct.pack("<IIII", time // 10**9, time % 10**9, len(record), len(record)) + record)
        times.add(time)

    for i, (time, record) in enumerate(frames):
        controller = struct.unpack_from("<H", record, 12)[0]
        seen = passes(f, frames, i, kept)
        if seen is False:
            gone[controller] = gone.get(controller, 0) + 1
            continue
        if seen is not True:
            command = bytearray(frames[seen][1])
            gone[controller] -= 1
            struct.pack_into("<Q", command, 24, struct.unpack_from("<Q", record, 24)[0] - 1)
            put(frames[seen][0], command)
        put(time, record)
    return bytes(out), times


def check(nvmetap, data):
    done = subprocess.run([nvmetap, "check", "--json", "--max", "1000000", "-"], input=data, capture_output=True,
                          check=False)
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout)


def found(out):
    return {(f["rule"], 0 if f["rule"] in TOLD_ONCE else f["time_ns"], f["controller"]): f for f in out["findings"]}


def is_applied(bits, without, one_queue):
    """Where whole queues were left out, a rule that looks at one queue alone is applied to those that are there."""
    if one_queue and bits & QUEUES:
        bits &= ~(COMMANDS | QUEUES)
    elif bits & COMMANDS:
        bits = 15
    return not any(NAMES[bit] in without for bit in NAMES if bits & bit)


def on_admin(frames, time):
    """Whether the record of that time is of the admin queue."""
    for at, record in frames:
        if at == time and record[5] in (CMD, CPL):
            return struct.unpack_from("<H", record, 32)[0] == 0
        if at == time and doorbell(record) is not None:
            return doorbell(record) == 0
    return False


def main(nvmetap, every, paths):
    rules = {r["rule"]: (r["not_without"], r["one_queue"])
             for r in json.loads(subprocess.run([nvmetap, "check", "--list", "--json"], capture_output=True,
                                                check=True).stdout)["rules"]}
    wrong = kept = 0
    for turn, path in enumerate(paths):
        head, frames = read(path)
        all_of_it = found(check(nvmetap, open(path, "rb").read()))
        no_payload = found(check(nvmetap, apply(WITHOUT_PAYLOAD, head, frames)[0]))
        for name, f in list(FILTERS.items())[turn % every::every]:
            whole = no_payload if f.bits == LISTS else all_of_it
            data, times = apply(f, head, frames)
            out = check(nvmetap, data)
            got = found(out)
            applied = {rule for rule, (without, one_queue) in rules.items() if is_applied(f.bits, without, one_queue)}
            if set(rules) - set(out["not_applied"]) != applied:
                print(f"{path}: {name}: not applied: {out['not_applied']}")
                wrong += 1
            for key in got.keys() - whole.keys():
                print(f"{path}: {name}: the whole trace doesn't have: {got[key]}")
                wrong += 1
            for key in whole.keys() - got.keys():
                only_io = f.bits & QUEUES and rules[key[0]][1] and rules[key[0]][0]
                if key[0] in applied and whole[key]["time_ns"] in times and not (
                        only_io and on_admin(frames, whole[key]["time_ns"])):
                    print(f"{path}: {name}: isn't found any more: {whole[key]}")
                    wrong += 1
            kept += len(got)
    print(f"{len(paths)} traces, {len(FILTERS)} filters: {kept} findings are left")
    return wrong != 0 or kept == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))
