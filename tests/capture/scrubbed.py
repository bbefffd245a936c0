#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""scrubbed.py [--lba] [--time] [--zero] ORIGINAL SCRUBBED...: is nothing left of what may not be told?

Reads the files by docs/trace-format.md alone. Of the original: every serial number, name, path and
identifier, in any form that somebody may write it, and every 8 bytes of what commands moved that
aren't trivial, are searched for in the other file. All else that has to be equal is compared. Prints
each thing wrong; exit status 1 if there is one. Pairs of files may follow one another.
"""
import collections
import json
import re
import struct
import sys

META, COMMAND, COMPLETION, DATA, VERDICT, LOSS, NOTE, DIGEST = 1, 11, 12, 13, 15, 16, 17, 19
BODY = {1: 24, 6: 16, 7: 16, 10: 24, 11: 80, 12: 32, 13: 32, 14: 24, 15: 32, 16: 40, 17: 8, 18: 32, 19: 56}
Record = collections.namedtuple("Record", "time header kind controller seq epoch body tail")
NVM_LBA = {0x01, 0x02, 0x04, 0x05, 0x08, 0x0c}


def read(path):
    raw = open(path, "rb").read()
    magic, = struct.unpack_from("<I", raw)
    assert magic == 0xA1B23C4D, path
    at, out = 24, []
    while at < len(raw):
        seconds, ns, captured, _ = struct.unpack_from("<IIII", raw, at)
        data = raw[at + 16:at + 16 + captured]
        at += 16 + captured
        if data[:4] != struct.pack("<I", 0x5054564E):
            continue
        kind, length = data[5], data[6]
        controller, = struct.unpack_from("<H", data, 12)
        epoch, = struct.unpack_from("<I", data, 16)
        seq, = struct.unpack_from("<Q", data, 24)
        size = BODY.get(kind, 24)
        body = data[length:length + size]
        tail = data[length + size:]
        counted = {META: 20, DATA: 28, NOTE: 0}.get(kind)
        tail = tail[:struct.unpack_from("<I", body, counted)[0]] if counted is not None else b""
        out.append(Record(seconds * 10**9 + ns, data[:32], kind, controller, seq, epoch, body, tail))
    return raw, out


def commands(records):
    """For each record of a command, by place: its entry, or None where the trace hasn't it."""
    last, of = {}, []
    for r in records:
        sqe = None
        if r.kind == COMMAND:
            sqid, = struct.unpack_from("<H", r.body)
            cid, = struct.unpack_from("<H", r.body, 16 + 2)
            sqe = r.body[16:80]
            last[r.controller, sqid, cid] = sqe
        elif r.kind in (DATA, COMPLETION):
            sqid, = struct.unpack_from("<H", r.body)
            cid, = struct.unpack_from("<H", r.body, 2 if r.kind == DATA else 16 + 12)
            sqe = last.get((r.controller, sqid, cid))
        of.append(sqe)
    return of


def secrets(records, of):
    """What tells of somebody: texts, and identifiers as bytes."""
    texts, ids, profile = set(), set(), ""
    for r, sqe in zip(records, of):
        if r.kind == META and r.tail:
            meta = json.loads(r.tail)
            profile = meta.get("profile", "")
            texts |= {meta.get(key, "") for key in ("serial", "model", "firmware", "host")}
            texts |= set(meta.get("host", "").split())
            for ns in meta.get("namespaces", []):
                words = ns.get("backend", "").partition(":")[2].split(",")
                texts |= {word for word in words if "/" in word or "." in word}
                texts |= {part for word in words for part in word.split("/") if len(part) > 5}
        elif r.kind == VERDICT:
            texts.add(r.body[8:32].rstrip(b"\0").decode())
        elif r.kind == NOTE:
            texts.add(r.tail.decode())
        elif r.kind == DATA and sqe is not None and sqe[0] == 0x06 and r.body[4:6] == b"\0\2":
            sqid, = struct.unpack_from("<H", r.body)
            offset, = struct.unpack_from("<Q", r.body, 16)
            if sqid != 0 or offset != 0:
                continue
            if sqe[40] == 1:  # Identify Controller
                texts |= {r.tail[a:b].decode("latin-1").strip(" \0") for a, b in
                          ((4, 24), (24, 64), (64, 72), (768, 1024)) if len(r.tail) >= b}
            if sqe[40] == 3 and r.tail[:1] == b"\3":  # a namespace's UUID
                ids.add(r.tail[4:20])
    for text in list(texts):
        for found in re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", text):
            ids.add(bytes.fromhex(found.replace("-", "")))
            texts.add(found)
    texts = {text for text in texts if len(text) >= 4 and text not in profile}
    texts -= {"(removed)"}
    return texts, ids


def swapped(data, size):
    data += b"\0" * (-len(data) % size)
    return b"".join(data[i:i + size][::-1] for i in range(0, len(data), size))


def forms(data):
    """As anybody may have written them down."""
    yield data
    yield data[::-1]
    for size in (2, 4, 8):
        yield swapped(data, size).rstrip(b"\0")
        yield swapped(b"\0" * (size // 2) + data, size).strip(b"\0")
    yield data.hex().encode()
    yield data.hex().upper().encode()


def forms_of_text(text):
    for variant in {text, text.lower(), text.upper(), text.swapcase()}:
        yield from forms(variant.encode())
        for coding in ("utf-16-le", "utf-16-be", "utf-32-le"):
            yield variant.encode(coding)


def windows(data):
    return {data[i:i + 8] for i in range(len(data) - 7)}


def trivial(window):
    return len(set(window)) < 6


def payload(records, of):
    """What commands moved, Dataset Management's ranges apart, which are LBAs."""
    out = {}
    for r, sqe in zip(records, of):
        if r.kind != DATA or r.body[4] not in (0, 3):
            continue
        sqid, = struct.unpack_from("<H", r.body)
        if (sqid == 0 and sqe is not None) or (sqe is not None and sqe[0] == 0x09):
            continue
        key = (r.controller, sqid, struct.unpack_from("<H", r.body, 2)[0])
        out.setdefault(key, []).append(r.tail)
    return [b"".join(parts) for parts in out.values()]


def lba_ranges(records, of):
    out = []
    for r, sqe in zip(records, of):
        if r.kind == COMMAND and r.body[0:2] != b"\0\0" and sqe[0] in NVM_LBA:
            nsid, = struct.unpack_from("<I", sqe, 4)
            first, = struct.unpack_from("<Q", sqe, 40)
            count = struct.unpack_from("<H", sqe, 48)[0] + 1
            out.append((r.controller, nsid, first, count))
    return out


def relations(ranges):
    """Of each with those before it: where they overlap the distance, and where one soon follows."""
    out = []
    for i, a in enumerate(ranges):
        for far, b in [(False, b) for b in ranges[max(0, i - 40):i]] + [(True, b) for b in ranges[:20]]:
            if a[:2] != b[:2]:
                continue
            meet = a[2] < b[2] + b[3] and b[2] < a[2] + a[3]
            follow = not far and (a[2] == b[2] + b[3] or b[2] == a[2] + a[3])
            out.append(a[2] - b[2] if meet or follow else None)
    return out


class Judge:
    def __init__(self, name, options):
        self.name, self.options, self.bad = name, options, 0

    def wrong(self, text):
        self.bad += 1
        if self.bad <= 10:
            print(f"{self.name}: {text}")

    def search(self, raw, records, of):
        texts, ids = secrets(records, of)
        for text in sorted(texts):
            for form in forms_of_text(text):
                if form in raw:
                    self.wrong(f"{text!r} is still there, as {form!r}")
        for one in ids:
            for form in forms(one):
                if form in raw or form[:12] in raw:
                    self.wrong(f"identifier {one.hex()} is still there")
        left, count = windows(raw), 0
        for data in payload(records, of):
            for window in windows(data):
                if trivial(window):
                    continue
                count += 1
                if window in left or window[::-1] in left:
                    self.wrong(f"8 bytes of payload are still there: {window.hex()}")
        return len(texts) + len(ids), count

    def compare(self, was, now, of):
        if len(was) != len(now):
            self.wrong(f"{len(was)} records, now {len(now)}")
            return
        shift = now[0].time - was[0].time
        if (shift != 0) != ("--time" in self.options):
            self.wrong(f"times moved by {shift} ns")
        for number, (a, b, sqe) in enumerate(zip(was, now, of), 1):
            if a.kind == DIGEST and b.kind == DATA:  # neither a CRC, nor what is the same as what
                a = a._replace(kind=DATA, body=a.body[:6] + b"\0\0" + a.body[8:28], tail=None)
            if a.kind != b.kind or a.header[12:] != b.header[12:] or b.time - a.time != shift:
                self.wrong(f"record {number}: its header or time differs")
            if a.kind == COMMAND:
                free = range(16 + 40, 16 + 48) if "--lba" in self.options and a.body[:2] != b"\0\0" else ()
                if any(x != y for i, (x, y) in enumerate(zip(a.body, b.body)) if i not in free):
                    self.wrong(f"record {number}: the command differs")
            elif a.kind == DATA:
                self.data(number, a, b, sqe)
            elif a.kind == VERDICT:
                if a.body[:8] != b.body[:8]:
                    self.wrong(f"record {number}: the verdict differs")
            elif a.kind not in (META, LOSS, NOTE) and a.body != b.body:
                self.wrong(f"record {number}: a body of kind {a.kind} differs")

    def data(self, number, a, b, sqe):
        if a.body[:28] != b.body[:28]:
            self.wrong(f"record {number}: place or length of data differs")
        kind, (sqid,) = a.body[4], struct.unpack_from("<H", a.body)
        if kind in (1, 2) and a.tail != b.tail:
            self.wrong(f"record {number}: a list differs")
        if a.tail is None:
            if any(b.tail):
                self.wrong(f"record {number}: what a digest stood for is there")
            return
        content = kind == 0 and sqid != 0 and sqe is not None and sqe[0] in (1, 2)
        if content and b.tail != (b"\0" * len(a.tail) if "--zero" in self.options else b""):
            self.wrong(f"record {number}: content is there")
        if kind == 0 and sqid == 0 and sqe is not None and len(a.tail) != len(b.tail):
            self.wrong(f"record {number}: a structure has another length")

    def lbas(self, was, now, of, of_now):
        if "--lba" not in self.options:
            return
        a, b = lba_ranges(was, of), lba_ranges(now, of_now)
        if relations(a) != relations(b):
            self.wrong("ranges of blocks meet or follow otherwise")
        if len(set(a)) > 20 and sum(x == y for x, y in zip(a, b)) * 2 > len(a):
            self.wrong("most ranges of blocks are where they were")
        if len(set(a)) != len(set(b)):
            self.wrong(f"{len(set(a))} different ranges, now {len(set(b))}")


def main():
    options = [word for word in sys.argv[1:] if word.startswith("--")]
    files = [word for word in sys.argv[1:] if not word.startswith("--")]
    bad = strings = looked = 0
    for original, scrubbed in zip(files[::2], files[1::2]):
        _, was = read(original)
        raw, now = read(scrubbed)
        of, of_now = commands(was), commands(now)
        judge = Judge(scrubbed, options)
        a, b = judge.search(raw, was, of)
        strings, looked = strings + a, looked + b
        judge.compare(was, now, of)
        judge.lbas(was, now, of, of_now)
        bad += judge.bad
    print(f"{strings} strings and {looked} windows of payload searched for, {bad} wrong")
    return 1 if bad or strings == 0 else 0


sys.exit(main())
