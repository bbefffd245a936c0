#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""make_checks.py FOLDER: for each rule a trace RULE.pcap that fires it and nothing else, and its twin
RULE.clean.pcap, the same but for what is wrong. Prints a line for each file: its name, and RULE@RECORD
for all that is to be found in it.
"""
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "dissector"))
# pylint: disable=wrong-import-position
from make_trace import MSIX_R, MSIX_W, REG_R, REG_W, Trace

CAP, VS, CC, CSTS, AQA, ASQ, ACQ = 0, 8, 0x14, 0x1C, 0x24, 0x28, 0x30
ENABLE = 0x00460001
ADMIN_ENTRIES = ENTRIES = 8
MS = 1_000_000
READ, WRITE = 2, 1
CREATE_SQ, CREATE_CQ, DELETE_SQ, DELETE_CQ, IDENTIFY, SET_FEATURES, AER = 1, 5, 0, 4, 6, 9, 12
RESET_EVENT = 3
IDENTIFY_FIELDS = {"oacs": (256, "<H"), "acl": (258, "B"), "aerl": (259, "B"), "sqes": (512, "B"), "cqes": (513, "B"),
                   "nn": (516, "<I"), "oncs": (520, "<H")}


class Host(Trace):
    """A driver that keeps to the specification; each step can be told to be wrong."""

    def __init__(self):
        super().__init__()
        self.tail, self.fetched, self.head, self.posted = {}, {}, {}, {}
        self.entries = {}
        self.free = 0x100

    def number(self):  # of the last record
        return len(self.frames)

    def wait(self, ms):
        self.time += ms * MS

    def reg(self, offset, value, size=4, write=True):
        self.access(REG_W if write else REG_R, 1, offset, value, size)
        return self.number()

    def new_queue(self, qid, entries):
        for table in (self.tail, self.fetched, self.head, self.posted):
            table[qid] = 0
        self.entries[qid] = entries

    def enable(self, ready=True):
        self.reg(AQA, (ADMIN_ENTRIES - 1) << 16 | (ADMIN_ENTRIES - 1))
        self.reg(ASQ, 0x10000000, 8)
        self.reg(ACQ, 0x10001000, 8)
        self.reg(CC, ENABLE)
        self.event(12)
        if ready:
            self.reg(CSTS, 1, write=False)
        self.new_queue(0, ADMIN_ENTRIES)

    def disable(self, seen=True):
        self.reg(CC, ENABLE & ~1)
        self.event(RESET_EVENT)
        self.epoch += 1
        if seen:
            self.reg(CSTS, 0, write=False)

    def unmask(self, vector, flush=True):
        for part, value in enumerate((0xFEE00000 + 0x1000 * vector, 0, 0x4020 + vector, 0)):
            self.access(MSIX_W, 2, vector * 16 + part * 4, value)
        if flush:
            self.access(MSIX_R, 2, vector * 16 + 12, 0)

    def start(self, set_features=True, queues=True):
        self.meta()
        self.event(1)
        self.reg(CAP, 0x0000002028010FFF, 8, write=False)
        self.reg(CSTS, 0, write=False)
        self.unmask(0)
        self.unmask(1)
        self.enable()
        self.command(0, IDENTIFY, cdw=(1,), prp1=0x20000000)
        if set_features:
            self.command(0, SET_FEATURES, cdw=(7, 0x00030003), dw0=0x00030003)
        if queues:
            self.create()

    def create(self, qid=1, vector=None):
        self.command(0, CREATE_CQ, cdw=((ENTRIES - 1) << 16 | qid, (qid if vector is None else vector) << 16 | 3),
                     prp1=0x20001000)
        self.command(0, CREATE_SQ, cdw=((ENTRIES - 1) << 16 | qid, qid << 16 | 1), prp1=0x20002000)
        self.new_queue(qid, ENTRIES)

    def next(self, qid, at):
        return (at + 1) % self.entries[qid]

    def ring(self, qid):
        self.tail[qid] = self.next(qid, self.tail[qid])
        self.doorbell(qid, 0, self.tail[qid])
        return self.number()

    def fetch(self, qid, opcode, cid=None, slot=None, nsid=None, **more):
        if cid is None:
            cid, self.free = self.free, self.free + 1
        if slot is None:
            slot = self.fetched[qid]
        self.fetched[qid] = self.next(qid, slot)
        self.cmd(qid, qid, slot, self.fetched[qid], self.tail[qid], opcode, cid,
                 (1 if qid else 0) if nsid is None else nsid, **more)
        return cid, self.number()

    def submit(self, qid, opcode, **more):
        self.ring(qid)
        return self.fetch(qid, opcode, **more)

    def complete(self, qid, opcode, cid, cqid=None, slot=None, sqhd=None, phase=None, **more):
        cqid = qid if cqid is None else cqid
        laps, at = divmod(self.posted[cqid], self.entries[cqid])
        self.cpl(qid, cqid, at if slot is None else slot, self.head[cqid], opcode, cid,
                 self.fetched[qid] if sqhd is None else sqhd,
                 phase=1 - laps % 2 if phase is None else phase, **more)
        self.posted[cqid] += 1
        return self.number()

    def acknowledge(self, qid):
        self.head[qid] = self.posted[qid] % self.entries[qid]
        self.doorbell(qid, 1, self.head[qid])
        return self.number()

    def finish(self, qid, opcode, cid, **more):
        at = self.complete(qid, opcode, cid, **more)
        self.irq(qid, qid)
        self.acknowledge(qid)
        return at

    def command(self, qid, opcode, cdw=(), prp1=0x30000000, prp2=0, cid=None, flags=0, nsid=None, **more):
        cid, at = self.submit(qid, opcode, cid=cid, cdw=cdw, prp1=prp1, prp2=prp2, flags=flags, nsid=nsid)
        self.finish(qid, opcode, cid, **more)
        return at

    def identify(self, **values):
        """Identify Controller, with its first 544 bytes."""
        data = bytearray(544)
        for name, value in values.items():
            at, form = IDENTIFY_FIELDS[name]
            struct.pack_into(form, data, at, value)
        cid, _ = self.submit(0, IDENTIFY, cdw=(1,), prp1=0x20000000)
        self.data(0, cid, 0, 2, 0x20000000, bytes(data), true=4096)
        self.finish(0, IDENTIFY, cid)

    def read(self, blocks=8, **more):
        return self.command(1, READ, cdw=(0, 0, blocks - 1), **more)


CASES = {}
# What can't be without it, in both traces.
ALSO = {"buffer-reused-before-stall": ["command-never-completed"], "doorbell-race": ["entry-not-fetched"]}


def rule(name, **start):
    def add(function):
        CASES[name] = (function, start)
        return function
    return add


@rule("doorbell-out-of-range")
def _(t, wrong):
    t.doorbell(1, 0, ENTRIES if wrong else 0)
    return t.number()


@rule("doorbell-before-ready", queues=False)
def _(t, wrong):
    t.disable()
    t.enable(ready=not wrong)
    return [t.ring(0)]


@rule("doorbell-absent-queue")
def _(t, wrong):
    t.doorbell(2 if wrong else 1, 0, 0)
    return t.number()


@rule("command-id-in-use")
def _(t, wrong):
    first, _ = t.submit(1, READ)
    second, at = t.submit(1, READ, cid=first if wrong else None)
    t.complete(1, READ, first)
    t.finish(1, READ, second)
    return at


@rule("completion-for-nothing")
def _(t, wrong):
    cid, _ = t.submit(1, READ)
    if wrong:
        at = t.complete(1, READ, 0x999)
    t.finish(1, READ, cid)
    return at if wrong else 0


@rule("completion-twice")
def _(t, wrong):
    cid, _ = t.submit(1, READ)
    at = t.complete(1, READ, cid)
    if wrong:
        at = t.complete(1, READ, cid)
    t.irq(1, 1)
    t.acknowledge(1)
    return at


@rule("completion-out-of-place")
def _(t, wrong):
    cid, _ = t.submit(1, READ)
    at = t.complete(1, READ, cid, slot=2 if wrong else 0)
    t.irq(1, 1)
    return at


@rule("completion-phase")
def _(t, wrong):
    for _i in range(ENTRIES):
        t.read()
    cid, _ = t.submit(1, READ)
    return t.finish(1, READ, cid, phase=1 if wrong else 0)


@rule("completion-wrong-queue")
def _(t, wrong):
    t.create(2)
    cid, _ = t.submit(2, READ)
    return t.finish(2, READ, cid) if not wrong else t.complete(2, READ, cid, cqid=1)


@rule("sq-head-back")
def _(t, wrong):
    t.read()
    t.read()
    cid, _ = t.submit(1, READ)
    return t.finish(1, READ, cid, sqhd=1 if wrong else 3)


@rule("sq-overrun")
def _(t, wrong):
    cids = []
    for _i in range(ENTRIES - 1):
        cids.append(t.submit(1, READ)[0])
    if wrong:
        at = t.ring(1)
    for cid in cids:
        t.finish(1, READ, cid)
    return at if wrong else 0


@rule("cq-head-past-tail")
def _(t, wrong):
    t.read()
    cid, _ = t.submit(1, READ)
    if wrong:
        t.doorbell(1, 1, 2)
        at = t.number()
    t.complete(1, READ, cid)
    t.irq(1, 1)
    if not wrong:
        t.acknowledge(1)
    return at if wrong else 0


@rule("cq-overrun")
def _(t, wrong):
    for i in range(ENTRIES):
        cid, _ = t.submit(1, READ)
        at = t.complete(1, READ, cid)
        if i == 0 and not wrong:
            t.acknowledge(1)
    t.irq(1, 1)
    return at


@rule("fetch-out-of-order")
def _(t, wrong):
    t.ring(1)
    t.ring(1)
    cid, at = t.fetch(1, READ, slot=1 if wrong else 0)
    t.finish(1, READ, cid)
    if not wrong:
        cid, _ = t.fetch(1, READ)
        t.finish(1, READ, cid)
    return at


@rule("missing-interrupt")
def _(t, wrong):
    cid, _ = t.submit(1, READ)
    at = t.complete(1, READ, cid)
    if not wrong:
        t.irq(1, 1)
    t.wait(150)
    t.acknowledge(1)
    return at


@rule("entry-not-fetched")
def _(t, wrong):
    at = t.ring(1)
    if not wrong:
        cid, _ = t.fetch(1, READ)
        t.finish(1, READ, cid)
    t.wait(600)
    t.reg(CSTS, 1, write=False)
    return at


@rule("command-never-completed")
def _(t, wrong):
    cid, at = t.submit(1, READ)
    if not wrong:
        t.finish(1, READ, cid)
    t.submit(0, AER)
    t.disable()
    return at


@rule("transfer-over-mdts")
def _(t, wrong):
    # MDTS 5: 128 KiB
    t.submit(0, IDENTIFY, cid=0x55, cdw=(1,), prp1=0x20000000)
    t.data(0, 0x55, 0, 2, 0x20000000, bytes(77) + b"\x05" + bytes(50), true=4096)
    t.finish(0, IDENTIFY, 0x55)
    return t.read(blocks=257 if wrong else 256, prp2=0x31000000)


@rule("prp-misaligned")
def _(t, wrong):
    odd = 2 if wrong else 0
    found = [t.read(prp1=0x30000000 + odd, prp2=0x31000000)]
    t.command(1, READ, cdw=(0, 0, 7), prp1=0x30000ffc, prp2=0x31000000)
    found.append(t.command(1, READ, cdw=(0, 0, 15), prp1=0x30000000, prp2=0x31000000 + 512 * odd))
    found.append(t.command(1, READ, cdw=(0, 0, 255), prp1=0x30000000, prp2=0x31000000 + odd))
    cid, _ = t.submit(1, WRITE, cdw=(0, 0, 255), prp1=0x30000000, prp2=0x31000008)
    t.data(1, cid, 1, 1, 0x31000008, struct.pack("<31Q", *(0x32000000 + 4096 * i + odd * (i == 30) for i in range(31))))
    found.append(t.number())
    t.finish(1, WRITE, cid)
    return found


@rule("queues-without-set-features", queues=False, set_features=False)
def _(t, wrong):
    if not wrong:
        t.command(0, SET_FEATURES, cdw=(7, 0x00030003), dw0=0x00030003)
    at = t.number() + 2
    t.create()
    return at


@rule("queue-id-over-granted", queues=False)
def _(t, wrong):
    return t.command(0, CREATE_CQ, cdw=((ENTRIES - 1) << 16 | (5 if wrong else 4), 3),
                     sct=1 if wrong else 0, sc=1 if wrong else 0)


@rule("queue-size-invalid", queues=False)
def _(t, wrong):
    found = []
    for size in ((0, 0x1000, 0xffff) if wrong else (1, 0xfff)):
        found.append(t.command(0, CREATE_CQ, cdw=(size << 16 | (1 + len(found)), 1), sct=1 if wrong else 0,
                               sc=2 if wrong else 0))
    return found


@rule("vector-out-of-range", queues=False)
def _(t, wrong):
    return t.command(0, CREATE_CQ, cdw=((ENTRIES - 1) << 16 | 1, (9 if wrong else 8) << 16 | 3),
                     sct=1 if wrong else 0, sc=8 if wrong else 0)


@rule("sq-on-absent-cq")
def _(t, wrong):
    return t.command(0, CREATE_SQ, cdw=((ENTRIES - 1) << 16 | 2, (2 if wrong else 1) << 16 | 1),
                     sct=1 if wrong else 0, sc=0)


@rule("cq-deleted-in-use")
def _(t, wrong):
    if not wrong:
        t.command(0, DELETE_SQ, cdw=(1,))
    return t.command(0, DELETE_CQ, cdw=(1,), sct=1 if wrong else 0, sc=0xC if wrong else 0)


@rule("queue-created-twice")
def _(t, wrong):
    if not wrong:
        t.command(0, DELETE_SQ, cdw=(1,))
    return t.command(0, CREATE_SQ, cdw=((ENTRIES - 1) << 16 | 1, 1 << 16 | 1), sct=1 if wrong else 0,
                     sc=1 if wrong else 0)


@rule("absent-queue-deleted")
def _(t, wrong):
    return t.command(0, DELETE_SQ, cdw=(2 if wrong else 1,), sct=1 if wrong else 0, sc=1 if wrong else 0)


@rule("reset-not-awaited", queues=False)
def _(t, wrong):
    t.disable(seen=not wrong)
    at = t.number() + 1
    t.enable()
    t.command(0, IDENTIFY, cdw=(1,))
    return at


@rule("admin-queue-set-while-enabled")
def _(t, wrong):
    if not wrong:
        t.disable()
    return [t.reg(AQA, 0x00070007), t.reg(ASQ, 0x10000000, 8), t.reg(ACQ, 0x10001000)]


@rule("cc-changed-while-enabled")
def _(t, wrong):
    # entry sizes may be changed, the page size may not
    return t.reg(CC, 0x00460081 if wrong else 0x00660001)


@rule("shutdown-not-awaited")
def _(t, wrong):
    t.reg(CC, ENABLE | 1 << 14)
    t.reg(CSTS, 0x5 if wrong else 0x9, write=False)
    at = t.number() + 1
    t.disable()
    return at


@rule("submission-after-shutdown")
def _(t, wrong):
    if wrong:
        t.reg(CC, ENABLE | 1 << 14)
    cid, at = t.submit(1, READ)
    t.finish(1, READ, cid)
    return at - 1


@rule("register-reserved-bits", queues=False)
def _(t, wrong):
    t.disable()
    found = [t.reg(AQA, 0xF0070007 if wrong else 0x00070007),
             t.reg(ASQ, 0x10000800 if wrong else 0x10000000, 8),
             t.reg(ACQ + 4, 1),
             t.reg(CC, 0x00460002 if wrong else 0x00460000)]
    return found[:2] + found[3:]


@rule("read-only-register-written")
def _(t, wrong):
    return t.reg(CSTS, 0x11 if wrong else 0x10)


@rule("controller-fatal")
def _(t, wrong):
    t.reg(CSTS, 3 if wrong else 1, write=False)
    at = t.number()
    t.reg(CSTS, 3 if wrong else 0xFFFFFFFF, write=False)
    return at


@rule("records-missing")
def _(t, wrong):
    if wrong:
        t.skip(3)
    t.note("after a gap")
    found = [t.number()]
    if wrong:
        t.loss(5)
        found.append(t.number())
    t.doorbell(7, 0, 3)  # created in what is missing?
    if not wrong:
        t.frames.pop()
    if wrong:
        t.complete(1, READ, 0x777)
    return found


@rule("unmask-not-flushed")
def _(t, wrong):
    t.access(MSIX_W, 2, 16 + 12, 1)
    t.unmask(1, flush=not wrong)
    cid, _ = t.submit(1, READ)
    return t.finish(1, READ, cid)


@rule("stale-interrupt-message")
def _(t, wrong):
    t.access(MSIX_W, 2, 16, 0xFEE02000 if wrong else 0xFEE01000)
    t.access(MSIX_R, 2, 16, 0)
    cid, _ = t.submit(1, READ)
    return t.finish(1, READ, cid) + 1


@rule("register-reads-back-otherwise", queues=False)
def _(t, wrong):
    t.disable()
    t.reg(ASQ, 0x10000000, 8)
    t.reg(ASQ, 0x10000FFF, 8, write=False)  # reserved bits are no matter
    return t.reg(ASQ, 0x30000000 if wrong else 0x10000000, 8, write=False)


@rule("vendor-specific-command")
def _(t, wrong):
    found = [t.command(1, 0x80 if wrong else 0x7d), t.command(0, 0xC0 if wrong else 0x89)]
    t.command(1, 0x80 if wrong else 0x7d)
    return found


@rule("buffer-reused-before-stall")
def _(t, wrong):
    t.read(prp1=0x40000000)
    cid, at = t.submit(1, READ, cdw=(0, 0, 7), prp1=0x40000000 if wrong else 0x40001000)
    t.disable()
    return at


@rule("command-reserved-bits")
def _(t, wrong):
    found = [t.read(flags=0x04 if wrong else 0), t.command(1, 0x0c, cdw=(0, 0, 1 << 25 if wrong else 0), nsid=1)]
    return found


@rule("abort-limit-exceeded")
def _(t, wrong):
    t.identify(acl=0)
    first, _ = t.submit(0, 8, cdw=(0x77 << 16 | 1,))
    if not wrong:
        t.finish(0, 8, first)
    second, at = t.submit(0, 8, cdw=(0x78 << 16 | 1,))
    if wrong:
        t.finish(0, 8, first)
    t.finish(0, 8, second)
    return at


@rule("event-request-limit-exceeded")
def _(t, wrong):
    t.identify(aerl=3)
    for _i in range(5 if wrong else 4):
        _, at = t.submit(0, AER)
    return at


@rule("lba-out-of-range")
def _(t, wrong):
    found = [t.command(1, READ, cdw=(131072 - (7 if wrong else 8), 0, 7))]
    if wrong:
        found.append(t.command(1, 8, cdw=(0xffffffff, 0xffffffff, 0)))
    t.event(19, qid=1)  # resized: how large it is now isn't known
    t.command(1, READ, cdw=(131072, 0, 7))
    return found


@rule("namespace-invalid")
def _(t, wrong):
    t.identify(nn=2)
    return [t.read(nsid=nsid) for nsid in ((0, 0xffffffff, 3) if wrong else (1, 2))]


@rule("command-unsupported")
def _(t, wrong):
    t.identify(oacs=0x0008, oncs=0x0004)
    found = [t.command(1, 8 if wrong else 9), t.command(0, 0x82 if wrong else 0x0d)]
    t.command(0, 0x10 if wrong else 0x15, sc=0)
    return found + [t.number() - 3] if wrong else []


@rule("second-prp-missing")
def _(t, wrong):
    return [t.read(blocks=9 if wrong else 8), t.command(1, READ, cdw=(0, 0, 7), prp1=0x30000800 if wrong else 0x30000000),
            t.command(0, IDENTIFY, cdw=(1,), prp1=0x20000004 if wrong else 0x20000000)]


@rule("vector-shared")
def _(t, wrong):
    at = t.number() + 2
    t.create(2, vector=1 if wrong else 2)
    return at


@rule("admin-queue-size-invalid", queues=False)
def _(t, wrong):
    t.disable()
    t.reg(AQA, 0x00070000 if wrong else 0x00070001)
    at = t.reg(CC, ENABLE)
    t.event(12)
    t.reg(CSTS, 1, write=False)
    return at


@rule("queue-entry-size-invalid")
def _(t, wrong):
    found = []
    for size in ((5, 7) if wrong else (6,)):
        t.reg(CC, 0x00400001 | size << 16)
        found.append(t.command(0, CREATE_SQ, cdw=((ENTRIES - 1) << 16 | 2, 1 << 16 | 1), sct=1, sc=0,
                               prp1=0x20002000))
        t.identify(sqes=0x66, cqes=0x44)
    t.reg(CC, 0x00360001 if wrong else ENABLE)
    found.append(t.command(0, CREATE_CQ, cdw=((ENTRIES - 1) << 16 | 2, 2 << 16 | 3), sct=1, sc=2, prp1=0x20001000))
    return found


@rule("fetch-past-tail")
def _(t, wrong):
    t.read()
    if not wrong:
        t.ring(1)
    cid, at = t.fetch(1, READ)
    t.finish(1, READ, cid)
    return at


@rule("queue-count-set-late")
def _(t, wrong):
    return t.command(0, SET_FEATURES, cdw=(7 if wrong else 6, 1))


@rule("queue-not-contiguous", queues=False)
def _(t, wrong):
    return t.command(0, CREATE_CQ, cdw=((ENTRIES - 1) << 16 | 1, 1 << 16 | (2 if wrong else 3)), sc=2 if wrong else 0)


@rule("cc-unsupported", queues=False)
def _(t, wrong):
    t.disable()
    t.reg(AQA, 0x00070007)
    at = t.reg(CC, ENABLE | (0x880 if wrong else 0))
    t.event(12)
    t.reg(CSTS, 1, write=False)
    return [at, at]


@rule("ready-too-late", queues=False)
def _(t, wrong):
    found = []
    t.disable(seen=False)
    t.wait(20000 if wrong else 19999)  # CAP.TO is 40
    found.append(t.reg(CSTS, 1, write=False))
    t.reg(CSTS, 0, write=False)
    t.enable(ready=False)
    t.wait(20000 if wrong else 19999)
    found.append(t.reg(CSTS, 0, write=False))
    t.reg(CSTS, 0, write=False)
    t.reg(CSTS, 1, write=False)
    return found


@rule("fused-alone")
def _(t, wrong):
    found = [t.read(flags=1)]
    if not wrong:
        t.read(flags=2)
    t.read()
    if wrong:
        found.append(t.read(flags=2))
    return found


@rule("register-access-width")
def _(t, wrong):
    t.reg(CAP + 4, 0x20, write=False)
    t.reg(0x1f8, 0, size=2, write=False)  # nothing is there
    found = [t.reg(CSTS, 1, size=2 if wrong else 4, write=False)]
    if wrong:
        found += [t.reg(CAP + 2, 0, write=False), t.reg(AQA, 0x1000000000070007, size=8, write=False)]
    return found


@rule("doorbell-same-value")
def _(t, wrong):
    t.read()
    if wrong:
        return t.acknowledge(1)
    t.read()
    return 0


@rule("command-slower-than-before")
def _(t, wrong):
    for _i in range(32):
        t.read()
    for kind in (8, 64):  # larger ones take longer
        for _i in range(32 if wrong and kind == 8 else 31):
            cid, _ = t.submit(1, READ, cdw=(0, 0, kind - 1), prp1=0x30000000, prp2=0x31000000)
            t.wait(2)
            at = t.finish(1, READ, cid)
        if kind == 8:
            found = at
            t.read()
    t.wait(1000)  # one that takes long is none
    return found


@rule("doorbell-race")
def _(t, wrong):
    t.read()
    if not wrong:
        t.wait(1)
    found = [t.ring(1)]
    t.wait(600)
    t.reg(CSTS, 1, write=False)
    cid, _ = t.fetch(1, READ)
    t.finish(1, READ, cid)
    t.ring(1)
    cid, _ = t.fetch(1, READ)
    if wrong:
        t.ring(1)
        t.doorbell(1, 0, 3)  # the older value, last
        found += [t.number(), f"sq-overrun@{t.number()}"]
    t.finish(1, READ, cid)
    return found


def crc32c(data):  # bit by bit, as RFC 3720 defines it
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


@rule("read-data-differs")
def _(t, wrong):
    def move(opcode, lba, data, put, finish=True):
        cid, _ = t.submit(1, opcode, cdw=(lba, 0, len(data) // 512 - 1), prp1=0x30000000)
        put(cid, 1 if opcode == WRITE else 2, data)
        at = t.number()
        if finish:
            t.finish(1, opcode, cid)
        return at, cid

    def whole(cid, direction, data):
        t.data(1, cid, 0, direction, 0x30000000, data)

    def digest(cid, direction, data):  # in two records that end in the midst of a block
        ends = sorted({700, *range(512, len(data) + 1, 512)})
        crcs = [crc32c(data[a:b]) for a, b in zip([0] + ends, ends)]
        t.digest(1, cid, direction, 0x30000000, 1, 700, unit=512, crcs=crcs[:2])
        t.digest(1, cid, direction, 0x30001000, 1, len(data) - 700, offset=700, unit=512, crcs=crcs[2:])

    def filled(cid, direction, data):
        t.digest(1, cid, direction, 0x30000000, 2, len(data), fill=int.from_bytes(data[:8], "little"))

    one, two = bytes([1]) * 2048, bytes([1]) * 1024 + bytes([2]) * 1024
    other = two if wrong else one
    found = []
    move(WRITE, 8, one, whole)
    found.append(move(READ, 8, other, whole)[0])
    move(WRITE, 16, one, digest)
    found.append(move(READ, 16, other, digest)[0])
    found.append(move(READ, 16, other, whole)[0])  # data against digests
    found.append(move(READ, 17, other[:1024] + other[1536:], filled if not wrong else whole)[0])
    # What proves nothing: under way at a time, overwritten, failed, of unknown blocks, never written.
    _, first = move(WRITE, 24, one, whole, finish=False)
    _, second = move(WRITE, 24, two, whole, finish=False)
    t.finish(1, WRITE, first)
    t.finish(1, WRITE, second)
    move(READ, 24, one, whole)
    move(WRITE, 32, one, whole)
    t.command(1, 8, cdw=(34, 0, 0))  # Write Zeroes
    move(READ, 32, one[:1024] + bytes(512) + one[:512], whole)
    move(WRITE, 40, one, whole)
    _, cid = move(READ, 40, two, whole, finish=False)
    t.finish(1, READ, cid, sct=2, sc=0x81)
    move(WRITE, 48, one, whole)
    _, cid = move(WRITE, 48, two, whole, finish=False)
    move(READ, 48, two, whole)
    t.finish(1, WRITE, cid)
    move(READ, 4096, two, whole)
    t.command(1, 9, cdw=(0, 4))  # Dataset Management: the ranges aren't in its entry
    move(READ, 48, one, whole)
    return found if wrong else 0


def build(name, wrong):
    function, start = CASES[name]
    t = Host()
    t.start(**start)
    found = function(t, wrong)
    return t, found if isinstance(found, list) else [found]


def main(argv):
    if len(argv) != 2:
        sys.exit(__doc__)
    os.makedirs(argv[1], exist_ok=True)
    for name in CASES:
        t, found = build(name, True)
        t.write(os.path.join(argv[1], name + ".pcap"))
        print(name, *(at if isinstance(at, str) else f"{name}@{at}" for at in found), *(f"{other}@{found[0]}" for other in ALSO.get(name, ())))
        t, found = build(name, False)
        t.write(os.path.join(argv[1], name + ".clean.pcap"))
        print(name + ".clean", *(f"{other}@{found[0]}" for other in ALSO.get(name, ())))


if __name__ == "__main__":
    main(sys.argv)
