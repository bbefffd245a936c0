# SPDX-License-Identifier: BSD-2-Clause
"""For judge.py: a made-up trace with every opcode, and with every data structure, feature and result that
Wireshark's built-in dissector takes apart, with values that differ from field to field.

The numbers are of a generator with a fixed seed: each bit of each field is 0 and 1 somewhere.
"""
import random
import struct

from make_trace import Trace

ROUNDS = 8
FEATURES = list(range(1, 0x1F)) + [0x78, 0x79] + list(range(0x80, 0x86))
PROPERTIES = (0x00, 0x08, 0x14, 0x1C, 0x20, 0x24, 0x28, 0x30)
ADMIN_READ, IDENTIFY, SET, GET, AER, FABRICS = 0x02, 0x06, 0x09, 0x0A, 0x0C, 0x7F


def text(rng, size):
    length = rng.randrange(1, size + 1)
    return bytes(rng.choice(b"abcdefghijklmnopqrstuvwxyz0123456789-:.") for _ in range(length)).ljust(size)


def name(rng, size):
    """Ended by zeros."""
    return text(rng, size - 1).rstrip().ljust(size, b"\0")


class Maker:
    def __init__(self):
        self.trace = Trace()
        self.rng = random.Random(20)
        self.cid = 0
        self.prefilled = (self.bytes, self.zeros)

    def bytes(self, size):
        return bytearray(self.rng.randbytes(size))

    @staticmethod
    def zeros(size):
        return bytearray(size)

    def words(self, count):
        return [self.rng.getrandbits(32) for _ in range(count)]

    def command(self, opcode, cdw=(), data=b"", sent=False, queue=0, nsid=None, result=None, sgl=None, **status):
        """A command with its data and completion; dwords that aren't given are random. sgl: a descriptor's type."""
        t, rng = self.trace, self.rng
        self.cid = (self.cid + 1) & 0xFFFF
        words = self.words(6)
        for i, value in enumerate(cdw):
            if value is not None:
                words[i] = value
        nsid = rng.getrandbits(32) if nsid is None else nsid
        flags = rng.choice((0, 1, 2)) | (0 if sgl is None else rng.choice((0x40, 0x80)))
        sqe = bytearray(struct.pack("<BBHI", opcode, flags, self.cid, nsid) + self.bytes(32) + struct.pack("<6I", *words))
        if sgl is not None:
            sqe[39] = sgl
        t.record(11, struct.pack("<HHHHHHI", queue, queue, 0, 1, 1, 0, 0) + sqe)
        if data:
            t.data(queue, self.cid, 0, 1 if sent else 2, 0x10000, bytes(data))
        dw0, dw1 = result if result is not None else self.words(2)
        t.cpl(queue, queue, 0, 0, opcode, self.cid, rng.getrandbits(16), phase=rng.getrandbits(1), dw0=dw0, dw1=dw1,
              **status)

    def identify(self):
        for fill in self.rounds():
            ns = fill(4096)
            ns[25] = 15
            self.command(IDENTIFY, (0,), ns)
            ctrl = fill(4096)
            for at, size in ((4, 20), (24, 40), (64, 8)):
                ctrl[at:at + size] = text(self.rng, size)
            ctrl[768:1024] = name(self.rng, 256)
            ctrl[263] = 31  # all 32 power states
            self.shorten(ctrl, (280, 296))
            self.command(IDENTIFY, (1,), ctrl)
            ids = self.words(self.rng.randrange(1, 1024))
            self.command(IDENTIFY, (2,), struct.pack(f"<{len(ids)}I", *ids).ljust(4096, b"\0"))

    def shorten(self, data, numbers):
        """Numbers of 128 bits that, but for one, fit into 64."""
        spared = self.rng.choice(numbers)
        for at in numbers:
            if at != spared:
                data[at + 8:at + 16] = bytes(8)

    def rounds(self):
        return [self.prefilled[i == ROUNDS - 1] for i in range(ROUNDS)]

    def log(self, lid, data):
        """Get Log Page of exactly that many bytes, from its start."""
        dwords = len(data) // 4 - 1
        specific = self.rng.getrandbits(8) << 8 if lid != 0x70 else 0  # there it selects another layout
        top = self.rng.getrandbits(16) << 16
        self.command(ADMIN_READ, (lid | specific | (dwords & 0xFFFF) << 16, dwords >> 16 | top, 0, 0), data)

    def logs(self):
        for fill in self.rounds():
            for lid, size in ((1, 64), (2, 512), (3, 512), (5, 4096), (6, 564), (7, 512), (8, 512), (9, 512), (0x0A, 512),
                              (0x80, 64), (0x81, 512)):
                data = fill(size)
                if lid in (2, 9):
                    self.shorten(data, range(32, 192 if lid == 2 else 160, 16))
                if lid == 3:
                    for slot in range(7):
                        data[8 + 8 * slot:16 + 8 * slot] = text(self.rng, 8)
                self.log(lid, data)
            ids = self.words(300)
            self.log(4, struct.pack("<300I", *ids))
            for lid in (0x0B, 0x0F):
                entries = [self.rng.getrandbits(16) for _ in range(10)]
                self.log(lid, struct.pack("<Q10H", 10, *entries))
            self.log(0x0C, struct.pack("<QH", self.rng.getrandbits(64), 1) + self.bytes(6) + self.ana_group(5))
            self.log(0x0E, struct.pack("<II", 48, 1) + self.bytes(8) +
                     struct.pack("<II", self.rng.getrandbits(32), 1) + self.bytes(24))
            self.log(0x70, struct.pack("<QQ", self.rng.getrandbits(64), 2) + self.bytes(1008) +
                     self.discovery(1) + self.discovery(3))
        self.log(7, self.bytes(2048))

    def ana_group(self, count):
        return struct.pack("<II", self.rng.getrandbits(32), count) + self.bytes(24) + \
            struct.pack(f"<{count}I", *self.words(count))

    def discovery(self, transport):
        entry = self.bytes(1024)
        entry[0] = transport
        for at, size in ((32, 32), (256, 256), (512, 256)):
            entry[at:at + size] = text(self.rng, size)
        return bytes(entry)

    def features(self):
        sizes = {3: 4096, 0x0C: 256, 0x0E: 8, 0x13: 512, 0x16: 512}
        for fill in self.rounds():
            for fid in FEATURES:
                data = fill(sizes.get(fid, 0))
                if fid == 0x0E:
                    data[5] &= 0x7F  # a year of four digits
                dword10 = fid | self.rng.getrandbits(1) << 31
                self.command(SET, (dword10,), data, sent=True)
                self.command(GET, (fid,), data)

    def results(self):
        for _ in range(ROUNDS):
            for kind in range(8):
                self.command(AER, result=(self.rng.getrandbits(32) & ~7 | kind, self.rng.getrandbits(32)))
            for opcode in (0x01, 0x02):
                self.command(opcode, queue=1)
                self.command(opcode, (None, None, self.rng.getrandbits(32) & ~0xF0000), queue=1)
        for sct in range(8):
            for sc in range(0, 256, 5):
                self.command(0x02, queue=1, sct=sct, sc=sc, crd=sc & 3, m=sc >> 2 & 1, dnr=sc >> 3 & 1)

    def opcodes(self):
        for queue in (0, 1):
            for opcode in range(256):
                for _ in range(2 if queue or opcode != FABRICS else 0):
                    self.command(opcode, queue=queue)
        for kind in range(256):
            self.command(0x02, queue=1, sgl=kind)

    def fabrics(self):
        for _ in range(ROUNDS):
            for offset in PROPERTIES:
                self.command(FABRICS, (self.rng.getrandbits(32) & ~7 | (offset in (0, 0x28, 0x30)), offset),
                             nsid=self.rng.getrandbits(24) << 8 | 4)
                self.command(FABRICS, (self.rng.getrandbits(32) & ~7 | (offset in (0, 0x28, 0x30)), offset),
                             nsid=self.rng.getrandbits(24) << 8)
            data = self.bytes(1024)
            data[256:512], data[512:768] = name(self.rng, 256), name(self.rng, 256)
            self.command(FABRICS, data=data, sent=True, nsid=self.rng.getrandbits(24) << 8 | 1)
            for kind in (2, 3, 5, 6, 8):
                self.command(FABRICS, nsid=self.rng.getrandbits(24) << 8 | kind)


def make():
    maker = Maker()
    maker.trace.meta()
    maker.identify()
    maker.logs()
    maker.opcodes()
    maker.features()
    maker.results()
    maker.fabrics()
    return maker.trace
