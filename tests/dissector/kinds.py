# SPDX-License-Identifier: BSD-2-Clause
"""Which frames of a trace are decoded differently: for tests that look at one of each kind."""
import struct

META, CFG_R, CFG_W, REG_R, REG_W, SHADOW, EVENTIDX, MSIX_R, MSIX_W = range(1, 10)
IRQ, CMD, CPL, DATA, EVENT, VERDICT, LOSS, NOTE, QUEUE, DIGEST = range(10, 20)
PAGES = 0x02, 0x06, 0x09, 0x0A  # Get Log Page, Identify, Set and Get Features: dword 10 says which


def frames(data):
    """(seconds, ns, bytes, length) of each frame of a pcap file."""
    at = 24
    while at + 16 <= len(data):
        seconds, ns, captured, length = struct.unpack_from("<IIII", data, at)
        yield seconds, ns, data[at + 16:at + 16 + captured], length
        at += 16 + captured


class Kinds:
    """kind() of the frames of one trace, in order: what a command was, its completion and data are."""

    def __init__(self):
        self.commands = {}

    def kind(self, frame):
        if len(frame) < 64:
            return len(frame)
        record, body = frame[5], frame[32:]
        half = lambda at: struct.unpack_from("<H", body, at)[0]
        controller = frame[12:14]
        if record in (REG_R, REG_W):
            offset = struct.unpack_from("<Q", body)[0]
            if offset >= 0x1000:
                offset = 0x1000 + offset // 4 % 2
            return record, offset, body[16], body[18]
        if record in (CFG_R, CFG_W):
            return record, half(0), body[16], body[18]
        if record in (MSIX_R, MSIX_W):
            return record, body[17], half(0) % 16, body[18]
        if record == IRQ:
            return record, body[14:16]
        if record == CMD and len(body) >= 80:
            sqe, admin = body[16:], half(0) == 0
            what = (admin, sqe[0], sqe[40] if admin and sqe[0] in PAGES else sqe[4:8] if not admin else None)
            self.commands[controller, half(0), sqe[2:4]] = what
            return record, what
        if record == CPL:
            return record, self.commands.get((controller, half(0), body[28:30])), half(30) >> 1
        if record == DATA:
            return record, self.commands.get((controller, half(0), body[2:4])), body[4:6]
        if record == DIGEST:
            return record, self.commands.get((controller, half(0), body[2:4])), body[4:7]
        if record == EVENT:
            return record, half(0)
        if record == VERDICT:
            return record, body[4:6]
        if record == QUEUE:
            return record, body[2:4], body[4:6]
        return record, None
