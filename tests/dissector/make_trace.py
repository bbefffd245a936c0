#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""make_trace.py KIND FILE: a synthetic trace, written from docs/trace-format.md's layout alone.

KIND  all        every record kind: bring-up, reads and writes, reset, faults, loss, annotation
      malformed  records whose lengths contradict each other, of unknown type, version and link
      cuts       the longest record of each kind, captured up to each of its bytes
      foreign    frames of somebody else's under the same link type
      commands   every opcode of every set, with one, walking and all bits set in its dwords, and results
      bench N    N records of reads with their doorbells, interrupts and completions
      empty      no command
      one        one read, complete
      huge       latencies from 0 to 135 years, a clock that goes back, and no acknowledgement of some
      rows N     a read on each of N namespaces
      links      what links lead between: make_links.py
      batch N    N commands by one doorbell, one interrupt, one acknowledgement (N below 1024)
      apart N    two commands by one doorbell, N records between them
"""
import json
import struct
import sys

MAGIC = 0x5054564E
LINKTYPE = 159
START = 1_800_000_000_123_456_000
PCI = 5 << 3  # 0000:00:05.0
META, CFG_R, CFG_W, REG_R, REG_W, SHADOW, EVENTIDX, MSIX_R, MSIX_W = range(1, 10)
IRQ, CMD, CPL, DATA, EVENT, VERDICT, LOSS, NOTE, QUEUE, DIGEST = range(10, 20)


class Trace:
    def __init__(self, controller=0, pci=PCI):
        self.frames = []
        self.controller, self.pci = controller, pci
        self.seq = {}
        self.epoch = 0
        self.time = START

    def raw(self, data, step=1000):
        self.frames.append((self.time, data))
        self.time += step

    def record(self, kind, body, tail=b"", flags=0, step=1000, thread=0, length=None, version=1,
               header_length=32, magic=MAGIC):
        seq = self.seq.get(self.controller, 1)
        self.seq[self.controller] = seq + 1
        size = 32 + len(body) + len(tail)
        pad = -size % 8
        header = struct.pack("<IBBBBIHHIIQ", magic, version, kind, header_length, flags,
                             size + pad if length is None else length, self.controller, thread,
                             self.epoch, self.pci, seq)
        self.raw(header + body + tail + bytes(pad), step)

    def skip(self, count):
        self.seq[self.controller] = self.seq.get(self.controller, 1) + count

    def meta(self, namespaces=((1, 512),)):
        text = json.dumps({"format": 1, "recorder": "make_trace", "serial": "NVT0001",
                           "namespaces": [{"nsid": nsid, "blocks": 131072, "block_size": size}
                                          for nsid, size in namespaces]}).encode()
        self.record(META, struct.pack("<QIHHBBBBI", 0x0000002028010FFF, 0x00020000, 9, len(namespaces), 0, 0, 1, 0,
                                      len(text)), text, flags=1)

    def access(self, kind, space, offset, value, size=4, flags=0, step=1000):
        self.record(kind, struct.pack("<QQBBBBI", offset, value, size, space, flags, 0, 0), step=step)

    def doorbell(self, qid, cq, value, step=500):
        self.access(REG_W, 1, 0x1000 + (2 * qid + cq) * 4, value, step=step)

    def irq(self, vector, cqid, state=0, mode=0):
        self.record(IRQ, struct.pack("<QIHBBHHI", 0xFEE00000 + 0x1000 * vector, 0x4020 + vector, vector,
                                     state, mode, cqid, 0, 0))

    def cmd(self, sqid, cqid, slot, head, tail, opcode, cid, nsid=0, prp1=0, prp2=0, cdw=(), flags=0,
            mptr=0, sgl=None, step=2000):
        cdw = list(cdw) + [0] * (6 - len(cdw))
        sqe = struct.pack("<BBHIIIQ", opcode, flags, cid, nsid, 0, 0, mptr)
        sqe += sgl if sgl else struct.pack("<QQ", prp1, prp2)
        sqe += struct.pack("<6I", *cdw)
        self.record(CMD, struct.pack("<HHHHHHI", sqid, cqid, slot, head, tail, 0, 0) + sqe, step=step)

    def cpl(self, sqid, cqid, slot, head, opcode, cid, sqhd, phase=1, sct=0, sc=0, crd=0, m=0, dnr=0,
            dw0=0, dw1=0, step=1000):
        status = phase | sc << 1 | sct << 9 | crd << 12 | m << 14 | dnr << 15
        self.record(CPL, struct.pack("<HHHHBBHI", sqid, cqid, slot, head, opcode, 0, 0, 0) +
                    struct.pack("<IIHHHH", dw0, dw1, sqhd, sqid, cid, status), step=step)

    def data(self, sqid, cid, kind, direction, address, payload, offset=0, true=None):
        self.record(DATA, struct.pack("<HHBBHQQII", sqid, cid, kind, direction, 0, address, offset,
                                      true if true is not None else len(payload), len(payload)), payload)

    def digest(self, sqid, cid, direction, address, algorithm, length, offset=0, same=(0, 0), fill=0, unit=0, crcs=()):
        self.record(DIGEST, struct.pack("<HHBBBBQQIIQQII", sqid, cid, 0, direction, algorithm, 0, address, offset,
                                        length, 4 * len(crcs), same[0], fill, same[1], unit),
                    struct.pack(f"<{len(crcs)}I", *crcs))

    def event(self, event, qid=0, code=0, address=0, size=0):
        self.record(EVENT, struct.pack("<HHIQQ", event, qid, code, address, size))

    def verdict(self, sqid, cid, verdict, tap, status, name):
        self.record(VERDICT, struct.pack("<HHBBH24s", sqid, cid, verdict, tap, status, name.encode()))

    def loss(self, count, reason=0):
        seq = self.seq.get(self.controller, 1)
        self.record(LOSS, struct.pack("<QQQQII", seq + 1, count, self.time, self.time + 5000, reason, 0))
        self.skip(count)

    def note(self, text):
        text = text.encode()
        self.record(NOTE, struct.pack("<II", len(text), 0), text)

    def queue(self, qid, cqid, vector, cq, flags, base, entries, head, tail):
        self.record(QUEUE, struct.pack("<HHHBBQIHHQ", qid, cqid, vector, cq, flags, base, entries, head,
                                       tail, 0), flags=1)

    def write(self, path):
        with open(path, "wb") as out:
            out.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, LINKTYPE))
            for time, data, *length in self.frames:
                out.write(struct.pack("<IIII", time // 10**9, time % 10**9, len(data),
                                      length[0] if length else len(data)))
                out.write(data)


def bring_up(t):
    t.meta()
    t.event(1)
    t.event(7, code=3, address=0, size=1 << 30)
    t.access(CFG_R, 0, 0x00, 0x1B36, 2)
    t.access(CFG_R, 0, 0x08, 0x01080201)
    t.access(CFG_W, 0, 0x04, 0x0406, 2)
    t.access(CFG_W, 0, 0x10, 0xFEBF0004)
    t.access(CFG_R, 0, 0x52, 0x8008, 2)
    t.access(REG_R, 1, 0x00, 0x0000002028010FFF, 8)
    t.access(REG_R, 1, 0x08, 0x00020000)
    t.access(REG_R, 1, 0x1C, 0)
    t.access(REG_W, 1, 0x24, 0x001F001F)
    t.access(REG_W, 1, 0x28, 0x10000000, 8)
    t.access(REG_W, 1, 0x30, 0x10001000)
    t.access(REG_W, 1, 0x34, 0)
    for vector in range(2):
        for part, value in enumerate((0xFEE00000 + 0x1000 * vector, 0, 0x4020 + vector, 1)):
            t.access(MSIX_W, 2, vector * 16 + part * 4, value)
        t.access(MSIX_W, 2, vector * 16 + 12, 0)
    t.access(MSIX_R, 2, 0x10, 0x00000000FEE01000, 8)
    t.access(MSIX_R, 3, 0, 0, 8)
    t.access(REG_W, 1, 0x14, 0x00460001)
    t.event(12)
    t.access(REG_R, 1, 0x1C, 1)
    t.access(REG_W, 1, 0x0C, 0x1, flags=2)


def admin(t):
    """Identify, Set Features, queues 1, an Asynchronous Event Request, failures."""
    steps = [
        (0x06, 0, (0x1,), 0x20000000, dict()),
        (0x09, 0, (0x7, 0x00030003), 0, dict(dw0=0x00030003)),
        (0x05, 0, (0x003F0001, 0x00010003), 0x20001000, dict()),
        (0x01, 0, (0x003F0001, 0x00010001), 0x20002000, dict()),
        (0x02, 0xFFFFFFFF, (0x007F0002,), 0x20003000, dict()),
        (0x06, 7, (0x0,), 0x20000000, dict(sc=0x0B, dnr=1)),
        (0xC1, 0, (1, 2, 3, 4, 5, 6), 0, dict(sc=0x01, dnr=1, m=1)),
        (0x0C, 0, (), 0, None),
    ]
    done = 0
    for i, (opcode, nsid, cdw, prp1, completion) in enumerate(steps):
        t.doorbell(0, 0, i + 1)
        t.cmd(0, 0, i, i + 1, i + 1, opcode, 0x10 + i, nsid, prp1, 0, cdw)
        if completion is None:
            continue
        if opcode == 0x06:
            t.data(0, 0x10 + i, 0, 2, prp1, bytes(range(64)), true=4096)
        t.cpl(0, 0, done, done, opcode, 0x10 + i, i + 1, **completion)
        done += 1
        t.irq(0, 0)
        t.doorbell(0, 1, done)


def io(t):
    # one read; latency 2 us + 1 us
    t.doorbell(1, 0, 1)
    t.cmd(1, 1, 0, 1, 1, 0x02, 0x7F, 1, 0x30000000, 0x30001000, (0x12345678, 0x1, 15))
    t.data(1, 0x7F, 0, 2, 0x30000000, b"nvmetap!" * 16, true=8192)
    t.cpl(1, 1, 0, 0, 0x02, 0x7F, 1)
    t.irq(1, 1)
    t.doorbell(1, 1, 1)
    # a batch of three under one doorbell, out of order, one interrupt, one acknowledgement
    t.doorbell(1, 0, 4)
    t.cmd(1, 1, 1, 2, 4, 0x01, 0x80, 1, 0x40000000, 0x40100000, (8, 0, 0x40000000 | 255))
    t.data(1, 0x80, 1, 1, 0x40100000, struct.pack("<31Q", *(0x40001000 + 4096 * i for i in range(31))))
    t.cmd(1, 1, 2, 3, 4, 0x09, 0x81, 1, 0x41000000, 0, (1, 4))
    t.cmd(1, 1, 3, 4, 4, 0x08, 0x82, 1, 0, 0, (0x1000, 0, 0x0200FFFF))
    t.cpl(1, 1, 1, 1, 0x08, 0x82, 4)
    t.cpl(1, 1, 2, 1, 0x01, 0x80, 4, sct=1, sc=0x82, dnr=1)
    t.cpl(1, 1, 3, 1, 0x09, 0x81, 4, sc=0x04, crd=1)
    t.irq(1, 1)
    t.doorbell(1, 1, 4)
    # SGL instead of PRPs, with a segment; a fused command; an unknown opcode
    t.doorbell(1, 0, 6)
    t.cmd(1, 1, 4, 5, 6, 0x02, 0x7F, 1, flags=0x40, sgl=struct.pack("<QI3xB", 0x50000000, 32, 0x30),
          cdw=(0, 0, 7))
    t.data(1, 0x7F, 2, 1, 0x50000000,
           struct.pack("<QI3xB", 0x51000000, 2048, 0x00) + struct.pack("<QI3xB", 0, 2048, 0x10))
    t.cmd(1, 1, 5, 6, 6, 0x95, 0x83, 1, flags=0x01, cdw=(1, 2, 3, 4, 5, 6))
    t.cpl(1, 1, 4, 4, 0x02, 0x7F, 6)
    t.cpl(1, 1, 5, 4, 0x95, 0x83, 6, sc=1, dnr=1)
    t.irq(1, 1, state=1)
    t.doorbell(1, 1, 6)
    t.record(SHADOW, struct.pack("<QIHBB", 0x60000008, 7, 1, 0, 0))
    t.cmd(1, 1, 6, 7, 7, 0x00, 0x84, 1)
    t.record(EVENTIDX, struct.pack("<QIHBB", 0x61000008, 7, 1, 0, 0))
    t.verdict(1, 0x84, 1, 9, 0x0182, "no-writes")
    t.cpl(1, 1, 6, 6, 0x00, 0x84, 7, sct=1, sc=0x82)
    t.irq(0, 1, mode=1)
    t.record(SHADOW, struct.pack("<QIHBB", 0x6000000C, 7, 1, 1, 0))


def trouble(t):
    t.doorbell(9, 0, 3)       # a queue that doesn't exist
    t.event(18, qid=9, address=0x1048)
    t.event(17, qid=1, address=0xDEAD0000, size=4096)
    t.skip(3)                 # a gap
    t.note("fio starts here")
    t.loss(12)
    t.note("")
    t.doorbell(1, 0, 8)
    t.cmd(1, 1, 7, 8, 8, 0x02, 0x90, 1, 0x30000000, 0, (0, 0, 0))
    t.access(REG_W, 1, 0x14, 0x00460000)  # reset with one outstanding
    t.event(3)
    t.epoch += 1
    t.access(REG_W, 1, 0x14, 0x00460001)
    t.event(12)
    t.doorbell(0, 0, 1)
    t.cmd(0, 0, 0, 1, 1, 0x06, 0x1, 0, 0x20000000, 0, (1,))  # never completed
    t.event(2)


def trace_all():
    t = Trace()
    bring_up(t)
    admin(t)
    io(t)
    trouble(t)
    t.controller, t.pci, t.epoch = 3, 1 << 16 | 2 << 8 | 6 << 3 | 1, 0  # starts in mid-session
    t.meta()
    t.queue(1, 1, 1, 1, 7, 0x70000000, 64, 5, 5)
    t.queue(1, 1, 0, 0, 1, 0x70010000, 64, 5, 5)
    t.doorbell(1, 0, 6)
    t.cmd(1, 1, 5, 6, 6, 0x02, 5, 1, 0x30000000, 0, (0, 0, 7))
    t.cpl(1, 1, 5, 5, 0x02, 5, 6)
    t.cpl(1, 1, 6, 5, 0x02, 99, 6)  # its command was before the trace
    return t


def malformed():
    t = Trace()
    access = struct.pack("<QQBBBBI", 0x14, 1, 4, 1, 0, 0, 0)
    t.meta()
    t.record(REG_W, access)
    t.record(REG_W, access, length=40)
    t.record(REG_W, access, length=0xFFFFFFFF)
    t.record(REG_W, access, length=57)
    t.record(REG_W, access, header_length=0)
    t.record(REG_W, access, header_length=255)
    t.record(REG_W, access, header_length=31)
    t.record(REG_W, access, version=2)
    t.record(REG_W, access, version=0)
    t.record(0, access)
    t.record(0x7F, access)
    t.record(255, b"")
    t.record(DATA, struct.pack("<HHBBHQQII", 1, 2, 0, 1, 0, 0, 0, 8, 9), b"x" * 16)
    t.record(DATA, struct.pack("<HHBBHQQII", 1, 2, 0, 1, 0, 0, 0, 800, 800), b"x" * 16)
    t.record(DATA, struct.pack("<HHBBHQQII", 1, 2, 77, 9, 0, 0, 0, 16, 16), b"x" * 16)
    t.record(META, struct.pack("<QIHHBBBBI", 0, 0, 0, 0, 9, 9, 9, 9, 0xFFFFFFFF), b"{")
    t.record(META, struct.pack("<QIHHBBBBI", 0, 0, 0, 0, 9, 9, 9, 9, 7), b"\xff{not:]")
    t.record(NOTE, struct.pack("<II", 0xFFFFFFF0, 0), b"text")
    t.record(REG_W, struct.pack("<QQBBBBI", 2**64 - 1, 2**64 - 1, 255, 255, 255, 255, 2**32 - 1))
    t.record(MSIX_W, struct.pack("<QQBBBBI", 2**64 - 4, 1, 8, 2, 0, 0, 0))
    t.record(MSIX_R, struct.pack("<QQBBBBI", 2**64 - 1, 1, 255, 3, 0, 0, 0))
    t.record(CMD, b"\xff" * 80)
    t.record(CPL, b"\xff" * 32)
    t.record(IRQ, b"\xff" * 24)
    t.record(EVENT, b"\xff" * 24)
    t.record(VERDICT, b"\xff" * 32)
    t.record(LOSS, b"\xff" * 40)
    t.record(QUEUE, b"\xff" * 32)
    t.record(SHADOW, b"\xff" * 16)
    t.record(EVENTIDX, b"\xff" * 16)
    return t


def cuts():
    t = trace_all()
    first = {}
    for time, data in t.frames:
        if len(data) > len(first.get(data[5], (0, b""))[1]):
            first[data[5]] = (time, data)  # the longest of its kind
    t.frames = [(START + i, data[:i], len(data)) for _, data in first.values() for i in range(1, len(data) + 1)]
    return t


def foreign():
    t = Trace()
    t.raw(bytes(range(60)))
    t.raw(b"NVT")
    t.raw(b"\x01")
    t.meta()
    t.raw(b"NVTX" + bytes(40))
    t.record(REG_W, struct.pack("<QQBBBBI", 0x14, 1, 4, 1, 0, 0, 0), magic=0x12345678)
    return t


def commands():
    """Opcodes 0 to 255 of the admin queue, of an NVM and of a key-value namespace, and Fabrics types."""
    t = Trace()
    t.meta()
    t.access(REG_W, 1, 0x14, 0x00460061)  # CC.CSS 110b: all I/O command sets
    t.cmd(0, 0, 0, 1, 1, 0x06, 1, nsid=2, cdw=(5, 1 << 24))  # namespace 2: key-value
    t.cpl(0, 0, 0, 0, 0x06, 1, 1)
    cid = 2
    full = 0xFFFFFFFF
    patterns = [[0] * 8, [full] * 8] + [[1 << bit] * 8 for bit in range(0, 32)]
    for queue, nsids in ((0, (1,)), (1, (1, 2))):
        for nsid in nsids:
            codes = [(op, nsid) for op in range(256) if op != 0x7F] if queue == 0 or nsid == 1 else \
                [(op, nsid) for op in (0, 1, 2, 6, 0x0D, 0x10, 0x14, 0x19, 0x80)]
            codes += [(0x7F, fctype | 0xABCD0000) for fctype in range(10)] if queue == 0 else []
            for opcode, dword1 in codes:
                known = opcode < 0x90 or opcode > 0xFC
                for i, words in enumerate(patterns if known else patterns[:2]):
                    if i > 1 and opcode in (0x00, 0x01, 0x04, 0x05) and queue == 0:
                        continue  # queues come and go; their fields are in the first two
                    sqe = struct.pack("<BBHIII", opcode, (0, 0x3F)[i == 1], cid & 0xFFFF, dword1, words[0], words[1])
                    sqe += struct.pack("<QQQ6I", 0x1000 * i, 0x2000, 0x3000, *words[2:])
                    t.record(CMD, struct.pack("<HHHHHHI", queue, queue, 0, 1, 1, 0, 0) + sqe)
                    failed = i % 5 == 4
                    t.cpl(queue, queue, 0, 0, opcode, cid & 0xFFFF, 1, sct=failed, sc=0x80 * failed,
                          dw0=words[0], dw1=words[1])
                    cid += 1
    for kind in range(256):  # every type of SGL descriptor
        t.cmd(1, 1, 0, 1, 1, 0x02, cid & 0xFFFF, 1, flags=0x40, sgl=bytes(range(1, 16)) + bytes([kind]))
        t.cpl(1, 1, 0, 0, 0x02, cid & 0xFFFF, 1)
        cid += 1
    return t


def bench(count):
    t = Trace()
    bring_up(t)
    admin(t)
    slot = 0
    while len(t.frames) < count:
        tail = (slot + 1) % 64
        phase = 1 - (slot // 64) % 2
        at = slot % 64
        t.doorbell(1, 0, tail)
        t.cmd(1, 1, at, tail, tail, 0x02, slot % 1024, 1, 0x30000000, 0, (slot & 0xFFFF, 0, 7))
        t.cpl(1, 1, at, at, 0x02, slot % 1024, tail, phase=phase)
        t.irq(1, 1)
        t.doorbell(1, 1, tail)
        slot += 1
        tail = slot % 64
    return t


def read(t, slot, wait, nsid=1, acknowledge=True, status=0):
    """A read on queue 1, its completion after `wait` nanoseconds."""
    at, tail = slot % 64, (slot + 1) % 64
    t.doorbell(1, 0, tail)
    t.cmd(1, 1, at, at, tail, 0x02, slot % 65536, nsid, 0x30000000, 0, (0, 0, 7), step=wait)
    t.cpl(1, 1, at, at, 0x02, slot % 65536, tail, phase=1 - (slot // 64) % 2, sc=status)
    t.irq(1, 1)
    if acknowledge:
        t.doorbell(1, 1, tail)


def numbers(waits):
    t = Trace()
    t.time = 1_000_000_000
    bring_up(t)
    admin(t)
    for slot, wait in enumerate(waits):
        read(t, slot, wait, acknowledge=slot < 3, status=slot % 2)
    return t


def empty():
    t = Trace()
    t.meta()
    return t


def one():
    return numbers([123456])


def huge():
    year = 365 * 86400 * 10**9
    return numbers([0, 1, year, 0, 2**53 + 1, 100 * year, -5 * year, 35 * year, 7])


def rows(count):
    t = numbers([])
    for slot in range(count):
        read(t, slot, 1000 + slot, nsid=slot + 1)
    return t


def apart(count):
    t = numbers([])
    t.doorbell(1, 0, 2)
    t.cmd(1, 1, 0, 1, 2, 0x02, 0, 1, 0x30000000, 0, (0, 0, 7))
    for _ in range(count):
        t.access(REG_R, 1, 0x1C, 1)
    t.cmd(1, 1, 1, 2, 2, 0x02, 1, 1, 0x30000000, 0, (8, 0, 7))
    return t


def main(argv):
    kinds = {"all": trace_all, "malformed": malformed, "cuts": cuts, "foreign": foreign, "commands": commands,
             "empty": empty, "one": one, "huge": huge}
    counted = {"bench": bench, "rows": rows, "apart": apart}
    if argv[1:2] in (["links"], ["batch"]):
        sys.dont_write_bytecode = True
        import make_links
        kinds["links"], counted["batch"] = make_links.trace, make_links.batch
    if len(argv) == 3 and argv[1] in kinds:
        kinds[argv[1]]().write(argv[2])
    elif len(argv) == 4 and argv[1] in counted:
        counted[argv[1]](int(argv[2])).write(argv[3])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv)
