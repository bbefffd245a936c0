# SPDX-License-Identifier: BSD-2-Clause
"""For judge.py: a trace's commands, completions and data as NVMe/TCP."""
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "bench"))
import nvme_tcp  # noqa: E402
from nvme_tcp import C2H, CAPSULE, COMMAND, COMPLETION, CONTROLLER, DATA, H2C, HOST, RESPONSE  # noqa: E402

LARGEST = 32768  # of a data PDU


class Command:
    def __init__(self, frame, queue, sqe):
        self.frame, self.queue, self.sqe = frame, queue, sqe
        self.cid = struct.unpack_from("<H", sqe, 2)[0]
        self.fabrics = sqe[0] == nvme_tcp.FABRICS
        self.pieces = []  # (frame, direction, offset, bytes)
        self.completion = None

    def data(self):
        """(frames, direction, bytes): what was recorded from the start without a gap."""
        frames, whole, direction = [], b"", 0
        for frame, direction, offset, piece in sorted(self.pieces, key=lambda p: p[2]):
            frames.append(frame)
            if offset == len(whole):
                whole += piece
        return frames, direction, whole


def read(traces):
    """All records of all files, each with a controller number of its own; and the commands among them."""
    records, commands, open_commands = [], [], {}
    for number, path in enumerate(traces):
        for body in nvme_tcp.frames(path):
            body = bytearray(body)
            controller = struct.unpack_from("<H", body, 12)[0]
            struct.pack_into("<H", body, 12, number * 8 + controller)
            records.append(bytes(body))
            frame, header = len(records), body[6]
            queue = (number, controller, struct.unpack_from("<I", body, 16)[0], struct.unpack_from("<H", body, header)[0])
            if body[5] == COMMAND:
                command = Command(frame, queue, bytes(body[header + 16:header + 80]))
                commands.append(command)
                open_commands[queue, command.cid] = command
            elif body[5] == DATA:
                cid, kind, direction, _, _, offset, _, length = struct.unpack_from("<HBBHQQII", body, header + 2)
                command = open_commands.get((queue, cid))
                if command and kind == 0:
                    start = header + 32
                    command.pieces.append((frame, direction, offset, bytes(body[start:start + length])))
            elif body[5] == COMPLETION:
                cqe = bytes(body[header + 16:header + 32])
                command = open_commands.pop((queue, struct.unpack_from("<H", cqe, 12)[0]), None)
                if command:
                    command.completion = (frame, cqe)
    return records, commands


class Writer:
    """Commands as NVMe/TCP: a connection for each queue, and for its Fabrics commands one more, since a
    Connect among them tells Wireshark another queue.

    pairs   (frame, our frames that say the same, bytes, "sqe", "cqe" or "data")
    """

    def __init__(self, out):
        self.pcap = nvme_tcp.Pcap(out)
        self.connections, self.waiting = {}, {}
        self.pairs = []

    def pdu(self, command, side, pdu, pair=None):
        key = command.queue, command.fabrics
        tcp = self.connections.get(key)
        if tcp is None:
            count = len(self.connections)
            tcp = self.connections[key] = nvme_tcp.Connection(self.pcap, 20000 + count % 20000, 1 + count // 20000)
            tcp.handshake()
            tcp.connect(command.queue[3])
        tcp.packet(side, pdu)
        if pair:
            self.pairs.append((self.pcap.count,) + pair)

    def command(self, command):
        old = self.waiting.get((command.queue, command.cid))
        if old:
            self.data(old)
        self.waiting[command.queue, command.cid] = command
        frames, _, data = command.data() if command.fabrics else ([], 0, b"")
        self.pdu(command, HOST, nvme_tcp.pdu(CAPSULE, command.sqe, data),
                 ([command.frame] + frames, command.sqe + data, "sqe"))

    def data(self, command):
        frames, direction, data = command.data()
        if command.fabrics or not data:
            return
        if direction == 1:
            self.pdu(command, CONTROLLER, nvme_tcp.r2t(command.cid, len(data)))
        for at in range(0, len(data), LARGEST):
            piece, last = data[at:at + LARGEST], at + LARGEST >= len(data)
            self.pdu(command, HOST if direction == 1 else CONTROLLER,
                     nvme_tcp.data_pdu(H2C if direction == 1 else C2H, command.cid, piece, at, last),
                     None if at else (frames, piece, "data"))

    def completion(self, command):
        self.waiting.pop((command.queue, command.cid), None)
        self.data(command)
        frame, cqe = command.completion
        self.pdu(command, CONTROLLER, nvme_tcp.pdu(RESPONSE, cqe), ([frame], cqe, "cqe"))

    def write(self, commands):
        events = [(c.frame, self.command, c) for c in commands]
        events += [(c.completion[0], self.completion, c) for c in commands if c.completion]
        for _, write, command in sorted(events, key=lambda event: event[0]):
            write(command)
        for command in list(self.waiting.values()):
            self.data(command)


def flip(source, target, pairs):
    """The beginning, with a bit of one command, one completion and one piece of data falsified; their frames' numbers."""
    chosen = [next((frame, raw, at) for frame, _, raw, kind in pairs if kind == wanted and test(raw))
              for wanted, test, at in (("sqe", lambda raw: raw[0] == 0x02, 44), ("cqe", lambda raw: raw[14:16] > b"\1", 15),
                                       ("data", lambda raw: len(raw) == 4096, 16))]
    data = bytearray(source.read_bytes())
    offset, frame = 24, 0
    wanted = {frame: (raw, at) for frame, raw, at in chosen}
    while offset < len(data) and frame < max(wanted) + 100:
        frame += 1
        size = struct.unpack_from("<I", data, offset + 8)[0]
        offset += 16
        if frame in wanted:
            raw, at = wanted[frame]
            data[data.index(raw, offset, offset + size) + at] ^= 0x10
        offset += size
    target.write_bytes(data[:offset])
    return sorted(wanted)
