# SPDX-License-Identifier: BSD-2-Clause
"""make_trace.py's kinds "links" and "batch". The first has what links lead between: aborts, retries,
queues that come and go, resets, shutdown, shared vectors, commands on the same blocks, block sizes that change.
"""
import struct

from make_trace import PCI, REG_R, REG_W, Trace

READ, WRITE, COMPARE, ZEROES = 0x02, 0x01, 0x05, 0x08
ABORTED = 0x07


class Host:
    """A driver with queues, so that a scene is a line."""

    def __init__(self, trace, controller, pci):
        self.t, self.controller, self.pci = trace, controller, pci
        self.sq, self.cq = {}, {}  # qid: [next slot, entries, cqid], [next slot, entries, head, phase]
        self.cid = 0
        self.epoch = 0

    def on(self):
        self.t.controller, self.t.pci, self.t.epoch = self.controller, self.pci, self.epoch
        return self.t

    def write(self, offset, value, step=1000):
        self.on().access(REG_W, 1, offset, value, step=step)

    def read(self, offset, value):
        self.on().access(REG_R, 1, offset, value)

    def enable(self, polls=2, event=True):
        self.write(0x24, 0x001F001F)
        self.write(0x14, 0x00460001)
        for _ in range(polls):
            self.read(0x1C, 0)
        if event:
            self.on().event(12)
        self.read(0x1C, 1)
        self.read(0x1C, 1)
        self.sq, self.cq = {0: [0, 32, 0]}, {0: [0, 32, 0, 1]}

    def ring(self, sqid, count=1):
        queue = self.sq[sqid]
        self.on().doorbell(sqid, 0, (queue[0] + count) % queue[1])

    def fetch(self, sqid, opcode, nsid=1, cdw=(), cid=None):
        """A command without a doorbell of its own; its identifier."""
        if cid is None:
            self.cid = cid = (self.cid + 1) % 60000
        queue = self.sq[sqid]
        slot, queue[0] = queue[0], (queue[0] + 1) % queue[1]
        self.on().cmd(sqid, queue[2], slot, queue[0], queue[0], opcode, cid, nsid, 0x30000000, 0, cdw)
        return cid

    def go(self, sqid, opcode, lba=0, blocks=8, nsid=1, cid=None):
        self.ring(sqid)
        return self.fetch(sqid, opcode, nsid, (lba & 0xFFFFFFFF, lba >> 32, blocks - 1), cid)

    def post(self, sqid, cid, status=0, opcode=READ, dw0=0):
        cqid = self.sq[sqid][2]
        queue = self.cq[cqid]
        slot, queue[0] = queue[0], (queue[0] + 1) % queue[1]
        phase = queue[3]
        queue[3] ^= queue[0] == 0
        self.on().cpl(sqid, cqid, slot, queue[2], opcode, cid, self.sq[sqid][0], phase, status >> 8, status & 255,
                      dw0=dw0)

    def irq(self, vector, cqid):
        self.on().irq(vector, cqid)

    def seen(self, cqid, count=None):
        """The host takes so many completions, or all."""
        queue = self.cq[cqid]
        queue[2] = queue[0] if count is None else (queue[2] + count) % queue[1]
        self.on().doorbell(cqid, 1, queue[2])

    def admin(self, opcode, cdw=(), nsid=0, status=0, data=None, dw0=0):
        self.ring(0)
        cid = self.fetch(0, opcode, nsid, cdw)
        if data is not None:
            self.on().data(0, cid, 0, 2, 0x30000000, data)
        self.post(0, cid, status, opcode, dw0)
        self.irq(0, 0)
        self.seen(0)
        return cid

    def create(self, qid, vector, entries=16, cqid=None):
        if cqid is None:
            cqid = qid
            self.admin(0x05, ((entries - 1) << 16 | qid, vector << 16 | 3))
            self.cq[qid] = [0, entries, 0, 1]
        self.admin(0x01, ((entries - 1) << 16 | qid, cqid << 16 | 1))
        self.sq[qid] = [0, entries, cqid]

    def delete(self, qid, cq=False):
        self.admin(0x04 if cq else 0x00, (qid,))
        (self.cq if cq else self.sq).pop(qid)

    def abort(self, sqid, cid, status=0, dw0=0):
        return self.admin(0x08, (cid << 16 | sqid,), status=status, dw0=dw0)


def identify_namespace(flbas, shifts):
    data = bytearray(4096)
    struct.pack_into("<QQQ", data, 0, 1000, 1000, 1000)
    data[25], data[26] = len(shifts) - 1, flbas
    for i, shift in enumerate(shifts):
        data[128 + 4 * i + 2] = shift
    return bytes(data)


def blocks(h):
    """The same blocks again, in all ways to meet; several in one batch."""
    for lba, count in ((100, 8), (104, 8), (92, 8), (100, 8), (0, 256), (107, 1), (108, 1), (2**40, 65536), (2**40 + 65535, 2)):
        h.post(1, h.go(1, READ, lba, count))
        h.irq(1, 1)
        h.seen(1)
    h.ring(1, 3)
    cids = [h.fetch(1, op, 1, (100, 0, 7)) for op in (WRITE, COMPARE, ZEROES)]
    for cid in cids:
        h.post(1, cid, 0x285 if cid == cids[1] else 0)
    h.irq(1, 1)
    h.seen(1, 1)  # one of them, then the others
    h.seen(1)
    h.post(1, h.go(1, READ, 100, 8, nsid=2))
    h.post(3, h.go(3, READ, 100, 8))  # both on CQ 1, one interrupt each, one acknowledgement
    h.irq(1, 1)
    h.post(3, h.go(3, READ, 100, 8))
    h.irq(1, 1)
    h.seen(1)
    first = h.go(1, READ, 5)
    second = h.go(2, READ, 6)
    h.post(2, second)
    h.post(1, first)
    h.irq(1, 2)  # a vector that CQ 1 and CQ 2 share
    h.seen(1)
    h.seen(2)


def retries(h):
    for status in (0x281, 0x281, 0):
        h.post(1, h.go(1, READ, 5000, 16), status)
    h.post(1, h.go(1, READ, 5000, 16))  # not a retry: the one before succeeded
    h.post(1, h.go(1, WRITE, 6000, 4), 0x280)
    h.post(1, h.go(1, READ, 6000, 4))  # another opcode
    h.post(1, h.go(1, WRITE, 6000, 5))  # another range
    h.post(1, h.go(1, WRITE, 6000, 4, nsid=2))  # another namespace
    h.irq(1, 1)
    h.seen(1)
    h.post(2, h.go(2, WRITE, 6000, 4))  # by another queue
    h.irq(1, 2)
    h.seen(2)


def aborts(h):
    victim = h.go(1, READ, 7000)
    h.abort(1, victim)
    h.post(1, victim, ABORTED)
    h.post(1, h.go(1, READ, 7000))
    late = h.go(1, READ, 7100)
    h.abort(1, late, dw0=1)
    h.post(1, late)
    h.abort(1, late, dw0=1)  # has completed before
    twice = h.go(1, READ, 7200)
    h.abort(1, twice)
    h.abort(1, twice, status=0x103)
    h.post(1, twice, ABORTED)
    h.abort(1, 59999, dw0=1)  # no such command
    h.abort(9, 1, dw0=1)      # no such queue
    h.irq(1, 1)
    h.seen(1)


def queues(h):
    left = h.go(3, READ, 8000)
    h.delete(3)  # with one outstanding
    h.post(1, h.go(1, READ, 8000))
    h.irq(1, 1)
    h.seen(1)
    assert left
    h.delete(2)
    h.delete(2, cq=True)
    h.admin(0x00, (2,), status=0x101)  # it isn't there any more
    h.create(2, 2, entries=4)
    for i in range(6):
        h.post(2, h.go(2, WRITE, 8100 + i, 1))
        h.irq(2, 2)
        h.seen(2)


def resets(h):
    open_ones = [h.go(1, READ, 9000), h.go(2, WRITE, 9100), h.go(1, READ, 9200)]
    h.admin(0x08, (open_ones[2] << 16 | 1,))
    h.write(0x14, 0x00460000)
    h.on().event(3)
    h.epoch += 1
    h.read(0x1C, 1)
    h.read(0x1C, 0)
    h.read(0x1C, 0)
    h.enable()
    h.create(1, 1)
    h.post(1, h.go(1, READ, 9000))  # again
    h.irq(1, 1)
    h.seen(1)
    h.go(1, WRITE, 9300)
    h.on().event(4)  # function level reset
    h.epoch += 1
    h.enable(polls=0, event=False)
    h.create(1, 1)
    h.post(1, h.go(1, WRITE, 9300))
    h.irq(1, 1)
    h.seen(1)


def sizes(h):
    h.post(1, h.go(1, READ, 0, 8, nsid=3))  # not known yet: its data tells
    cid = h.go(1, READ, 0, 8, nsid=3)
    for offset in (0, 4096):
        h.on().data(1, cid, 0, 2, 0x30000000 + offset, bytes(64), offset, 4096)
    h.post(1, cid)
    h.admin(0x06, (0,), nsid=3, data=identify_namespace(1, (9, 12)))
    h.post(1, h.go(1, READ, 0, 8, nsid=3))
    h.admin(0x80, (0,), nsid=3)  # Format NVM: 512 bytes
    h.post(1, h.go(1, READ, 0, 8, nsid=3))
    h.admin(0x80, (1,), nsid=0xFFFFFFFF)
    h.post(1, h.go(1, READ, 0, 8, nsid=3))
    h.post(1, h.go(1, READ, 0, 8, nsid=1))  # its formats aren't known: only its size was
    h.post(1, h.go(1, READ, 0, 8, nsid=2), 0x281)
    h.post(1, h.go(1, 0x00))
    h.admin(0x02, (0x007F0002,), nsid=0xFFFFFFFF)
    h.admin(0x0A, (0x01,))
    h.irq(1, 1)
    h.seen(1)


def trace():
    t = Trace()
    h, other = Host(t, 0, PCI), Host(t, 1, PCI + 8)
    for host in (h, other):
        host.on().meta(((1, 512), (2, 4096)))
        host.read(0x1C, 0)
        host.enable(event=host is h)
    h.create(1, 1)
    h.create(2, 1)
    h.create(3, 1, cqid=1)
    other.create(1, 1)
    other.go(1, READ, 100, 8)  # never ends
    blocks(h)
    other.post(1, other.go(1, READ, 100, 8))
    retries(h)
    aborts(h)
    queues(h)
    resets(h)
    sizes(h)
    last = other.go(1, READ, 300)
    other.ring(0)
    other.fetch(0, 0x08, 0, (last << 16 | 1,))  # neither completes
    h.write(0x14, 0x00464001)
    h.read(0x1C, 5)
    h.read(0x1C, 9)
    h.on().event(11)
    return t


def batch(count):
    t = Trace()
    h = Host(t, 0, PCI)
    h.on().meta()
    h.enable()
    h.create(1, 1, entries=1024)
    h.ring(1, count)
    cids = [h.fetch(1, READ, 1, (8 * i, 0, 7)) for i in range(count)]
    for cid in cids:
        h.post(1, cid)
    h.irq(1, 1)
    h.seen(1)
    return t
