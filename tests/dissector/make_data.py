#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""make_data.py FILE: a trace of commands with data of every shape.

Lists of lists, SGL segments of segments, pieces out of order, overlapping, with holes, cut to their heads;
both directions, metadata, failures, no completion.
"""
import struct
import sys

from make_trace import Trace, bring_up

PAGE = 4096
PAYLOAD, PRP_LIST, SGL_SEGMENT, METADATA = range(4)
OUT, IN = 1, 2
BLOCK, BUCKET, SEGMENT, LAST_SEGMENT = 0x00, 0x10, 0x20, 0x30


def pattern(seed, length):
    return bytes((seed * 31 + i * 7 + (i >> 8)) & 0xFF for i in range(length))


def descriptor(address, length, kind):
    return struct.pack("<QI3xB", address, length, kind)


class Commands:
    def __init__(self, trace):
        self.trace, self.slot, self.cid = trace, 0, 0x100

    def command(self, opcode, steps, complete=True, blocks=8, status=0, **fields):
        """One command; steps(cid) records its data."""
        trace, cid = self.trace, self.cid
        self.cid += 1
        at, tail = self.slot % 64, (self.slot + 1) % 64
        self.slot += 1
        trace.doorbell(1, 0, tail)
        trace.cmd(1, 1, at, tail, tail, opcode, cid, 1, cdw=(cid, 0, blocks - 1), **fields)
        steps(cid)
        if complete:
            trace.cpl(1, 1, at, at, opcode, cid, tail, sct=status >> 8, sc=status & 0xFF)

    def piece(self, cid, address, data, offset=0, way=IN, kind=PAYLOAD, true=None):
        self.trace.data(1, cid, kind, way, address, data, offset, true)


def pages(c, way, addresses, seed, head=None):
    """Each page a piece."""
    def steps(cid):
        data = pattern(seed, PAGE * len(addresses))
        for i, address in enumerate(addresses):
            page = data[i * PAGE:(i + 1) * PAGE]
            c.piece(cid, address, page[:head], i * PAGE, way, true=PAGE)
    return steps


def listed(c, lists, then):
    """PRP lists before the data: (address, entries)."""
    def steps(cid):
        for address, entries in lists:
            c.piece(cid, address, struct.pack(f"<{len(entries)}Q", *entries), kind=PRP_LIST, way=OUT)
        then(cid)
    return steps


def build():
    trace = Trace()
    bring_up(trace)
    c = Commands(trace)
    one = lambda data, **more: lambda cid: c.piece(cid, 0x100000, data, **more)
    sequence = lambda *steps: lambda cid: [step(cid) for step in steps]

    c.command(2, one(pattern(1, 512)), blocks=1, prp1=0x100000)
    far = [0x200000 + PAGE * 3 * i for i in range(16)]
    c.command(2, listed(c, [(0x300000, far[1:])], pages(c, IN, far, 2)), prp1=far[0], prp2=0x300000)
    # A list of lists: 3 entries to the end of its page, the last of which leads to the next; twice.
    many = [0x400000 + PAGE * 2 * i for i in range(40)]
    first, second, third = 0x500000 + PAGE - 24, 0x502000 + PAGE - 32, 0x504000
    c.command(1, listed(c, [(first, many[1:3] + [second]), (second, many[3:6] + [third]), (third, many[6:])],
                        pages(c, OUT, many, 3)), prp1=many[0], prp2=first)
    # Of the first page a part: PRP1 has an offset.
    c.command(2, lambda cid: (c.piece(cid, 0x600E00, pattern(4, 512)),
                              c.piece(cid, 0x602000, pattern(5, 3584), 512)), prp1=0x600E00, prp2=0x602000)
    # A hole, the head alone, nothing at the beginning.
    c.command(2, lambda cid: (c.piece(cid, 0x610000, pattern(6, PAGE)),
                              c.piece(cid, 0x612000, pattern(7, PAGE), 2 * PAGE)), prp1=0x610000, prp2=0x300000)
    c.command(1, pages(c, OUT, far[:2], 8, head=64), prp1=far[0], prp2=far[1])
    c.command(2, one(pattern(9, 100), true=512), blocks=1, prp1=0x100000)
    c.command(2, one(pattern(10, 100), offset=412), blocks=1, prp1=0x100000)
    c.command(2, one(b"", true=512), blocks=1, prp1=0x100000)
    # Out of order, twice, overlapping with other bytes.
    c.command(2, lambda cid: (c.piece(cid, 0x621000, pattern(11, PAGE), PAGE),
                              c.piece(cid, 0x620000, pattern(12, PAGE + 100)),
                              c.piece(cid, 0x620000, pattern(13, PAGE)),
                              c.piece(cid, 0x620800, pattern(14, 3 * PAGE), 2048)), prp1=0x620000, prp2=0x621000)
    # At the end of all numbers.
    c.command(2, lambda cid: (c.piece(cid, 0x630000, pattern(15, 64)),
                              c.piece(cid, 0x630000, pattern(16, 64), offset=2**64 - 32)), prp1=0x630000)
    # Both directions, metadata, a failure, an opcode that nobody knows, none completed.
    c.command(0x93, lambda cid: (c.piece(cid, 0x640000, pattern(17, 512), way=OUT),
                                 c.piece(cid, 0x640000, pattern(18, 512), way=IN)), prp1=0x640000)
    c.command(2, lambda cid: (c.piece(cid, 0x650000, pattern(19, 512)),
                              c.piece(cid, 0x651000, pattern(20, 8), kind=METADATA)), prp1=0x650000, mptr=0x651000)
    c.command(1, one(pattern(21, 512), way=OUT), status=0x286, prp1=0x100000)
    c.command(2, one(pattern(22, 512)), complete=False, prp1=0x100000)
    # SGL: a segment that leads to the last segment; what goes into the bucket isn't transferred.
    segment = descriptor(0x710000, 1000, BLOCK) + descriptor(0x720000, 96, BUCKET) + descriptor(0x700100, 32, LAST_SEGMENT)
    last = descriptor(0x730000, 2000, BLOCK) + descriptor(0x740000, 1000, BLOCK)
    c.command(2, sequence(lambda cid: c.piece(cid, 0x700000, segment, kind=SGL_SEGMENT, way=OUT),
                          lambda cid: c.piece(cid, 0x700100, last, kind=SGL_SEGMENT, way=OUT),
                          lambda cid: c.piece(cid, 0x710000, pattern(23, 1000)),
                          lambda cid: c.piece(cid, 0x730000, pattern(24, 2000), 1096),
                          lambda cid: c.piece(cid, 0x740000, pattern(25, 1000), 3096)),
              flags=0x40, sgl=descriptor(0x700000, 48, SEGMENT))
    # A list that was recorded in part, and one whose last bytes are no entry.
    c.command(2, sequence(lambda cid: c.piece(cid, 0x800000, struct.pack("<2Q", *far[1:3]), kind=PRP_LIST, way=OUT,
                                              true=120), pages(c, IN, far[:3], 27)), prp1=far[0], prp2=0x800000)
    c.command(2, sequence(lambda cid: c.piece(cid, 0x800000, struct.pack("<Q", far[1]) + b"odd", kind=PRP_LIST,
                                              way=OUT), pages(c, IN, far[:2], 28)), prp1=far[0], prp2=0x800000)
    c.command(2, sequence(lambda cid: c.piece(cid, 0x700000, segment[:40], kind=SGL_SEGMENT, way=OUT),
                          pages(c, IN, [0x710000], 29)), flags=0x40, sgl=descriptor(0x700000, 48, LAST_SEGMENT))
    # The frame was cut by a snap length.
    c.command(2, one(pattern(30, 512)), blocks=1, prp1=0x100000)
    time, frame = trace.frames[-2]
    trace.frames[-2] = (time, frame[:32 + 32 + 200], len(frame))
    # The admin queue: a log page and an Identify in two pieces.
    trace.doorbell(0, 0, 1)
    trace.cmd(0, 0, 0, 1, 1, 0x02, 1, 0xFFFFFFFF, 0x900000, 0, (0x007F0002,))
    trace.data(0, 1, PAYLOAD, IN, 0x900000, bytes([4, 0x2D, 1]) + bytes(509))
    trace.cpl(0, 0, 0, 0, 0x02, 1, 1)
    trace.doorbell(0, 0, 2)
    trace.cmd(0, 0, 1, 2, 2, 0x06, 2, 0, 0x900800, 0x901000, (1,))
    identify = bytearray(4096)
    identify[4:24], identify[24:64] = b"DATA-4711".ljust(20), b"A model".ljust(40)
    trace.data(0, 2, PAYLOAD, IN, 0x900800, bytes(identify[:2048]))
    trace.data(0, 2, PAYLOAD, IN, 0x901000, bytes(identify[2048:]), 2048)
    trace.cpl(0, 0, 1, 1, 0x06, 2, 2)
    # A later version's: a longer header, a longer body, and both with reserved bytes used.
    access = struct.pack("<QQBBBBI", 0x14, 0x460001, 4, 1, 0, 0, 0)
    trace.record(5, bytes(range(1, 9)) + access, header_length=40)
    trace.record(5, access + bytes(range(1, 17)))
    trace.record(5, struct.pack("<QQBBBBI", 0x14, 0x460001, 4, 1, 0, 0x5A, 0))
    trace.record(5, struct.pack("<QQBBBBI", 0x14, 0x460001, 4, 1, 0, 0, 0x5A5A))
    trace.record(17, struct.pack("<II", 5, 0), b"Hello" + bytes(11))
    return trace


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    build().write(sys.argv[1])
