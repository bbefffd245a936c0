# SPDX-License-Identifier: BSD-2-Clause
"""What commands transferred, read from a trace by docs/trace-format.md alone: no code of the project's."""
import collections
import struct

PAYLOAD, PRP_LIST, SGL_SEGMENT, METADATA = range(4)
OUT, IN = 1, 2
COMMAND, COMPLETION, DATA = 11, 12, 13

Piece = collections.namedtuple("Piece", "record offset address length bytes")


class Exchange:
    """A command's life."""
    def __init__(self, key, reuse, sqe, record):
        self.key, self.reuse, self.sqe, self.record = key, reuse, sqe, record
        self.opcode = sqe[0] if sqe else None
        self.pieces = collections.defaultdict(list)  # (kind, direction): Piece
        self.completion = self.status = None

    def dword(self, number):
        return struct.unpack_from("<I", self.sqe, 4 * number)[0]

    def whole(self, kind, direction):
        """(bytes from the first on without a hole, length of the transfer)"""
        pieces = sorted(self.pieces[kind, direction], key=lambda p: (p.offset, p.record))
        length = max(min(p.offset + p.length, 2**64 - 1) for p in pieces)
        data = bytearray()
        for piece in pieces:
            if piece.offset > len(data):
                break
            data += piece.bytes[len(data) - piece.offset:] if piece.offset + len(piece.bytes) > len(data) else b""
        return bytes(data), length


def frames(path):
    """(number, captured bytes)"""
    with open(path, "rb") as file:
        assert file.read(24)[:4] == b"\x4d\x3c\xb2\xa1", "not a trace of ours"
        number = 0
        while header := file.read(16):
            number += 1
            yield number, file.read(struct.unpack("<8xI4x", header)[0])


def exchanges(path):
    """All, in the order of their first record. Those whose command isn't in the trace: sqe None."""
    found, outstanding, uses = [], collections.defaultdict(list), collections.Counter()

    def start(key, sqe, number):
        exchange = Exchange(key, uses[key], sqe, number)
        uses[key] += 1
        found.append(exchange)
        outstanding[key].append(exchange)
        return exchange

    for number, frame in frames(path):
        if len(frame) < 32 or frame[:4] != b"NVTP" or frame[4] != 1:
            continue
        kind, body = frame[5], frame[frame[6]:]
        controller, _, epoch = struct.unpack_from("<HHI", frame, 12)
        if kind == COMMAND and len(body) >= 80:
            start((controller, epoch, *struct.unpack_from("<H16xH", body)), body[16:80], number)
        elif kind == COMPLETION and len(body) >= 32:
            key = (controller, epoch, *struct.unpack_from("<H26xH", body))
            exchange = outstanding[key][0] if outstanding[key] else start(key, None, number)
            outstanding[key].remove(exchange)
            exchange.completion, exchange.status = number, struct.unpack_from("<30xH", body)[0] >> 1 & 0x7FF
        elif kind == DATA and len(body) >= 32:
            sqid, cid, what, way, _, address, offset, true, captured = struct.unpack_from("<HHBBHQQII", body)
            key = (controller, epoch, sqid, cid)
            if outstanding[key]:
                way = OUT if what in (PRP_LIST, SGL_SEGMENT) else way
                outstanding[key][0].pieces[what, way].append(
                    Piece(number, offset, address, true, body[32:32 + captured]))
    return found
