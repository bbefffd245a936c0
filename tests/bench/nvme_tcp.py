#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""nvme_tcp.py TRACE OUT PACKETS: the trace's commands and completions as NVMe/TCP.

Writes an Ethernet pcap with PACKETS packets, one PDU each, on one connection to port 4420, that
Wireshark's built-in dissector decodes: connection initialisation, Connect, then the trace's I/O
commands and completions, over and over. The yardstick for our dissector's speed.
"""
import struct
import sys

COMMAND, COMPLETION = 11, 12


def records(path):
    """(type, queue entry) of each I/O command and completion in a trace, in file order."""
    with open(path, "rb") as trace:
        data = trace.read()
    if data[:4] != b"\x4d\x3c\xb2\xa1":
        raise SystemExit(f"{path}: not a nanosecond pcap")
    at = 24
    while at + 16 <= len(data):
        caplen = struct.unpack_from("<I", data, at + 8)[0]
        body = data[at + 16:at + 16 + caplen]
        at += 16 + caplen
        kind, header = body[5], body[6]
        sqid = struct.unpack_from("<H", body, header)[0]
        if sqid and kind == COMMAND:
            yield kind, body[header + 16:header + 80]
        elif sqid and kind == COMPLETION:
            yield kind, body[header + 16:header + 32]


def pdu(kind, header, payload=b""):
    hlen = 8 + len(header)
    offset = hlen if payload else 0
    return struct.pack("<BBBBI", kind, 0, hlen, offset, hlen + len(payload)) + header + payload


class Connection:
    def __init__(self, out):
        self.out = out
        self.seq = [1000, 2000]
        self.count = 0

    def packet(self, side, payload):
        macs = (b"\x02\0\0\0\0\1", b"\x02\0\0\0\0\2")
        ips = (b"\x0a\0\0\1", b"\x0a\0\0\2")
        ports = (40000, 4420)
        tcp = struct.pack(">HHIIBBHHH", ports[side], ports[1 - side], self.seq[side] & 0xffffffff,
                          self.seq[1 - side] & 0xffffffff, 5 << 4, 0x18, 65535, 0, 0)
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40 + len(payload), self.count & 0xffff, 0x4000,
                         64, 6, 0, ips[side], ips[1 - side])
        frame = macs[1 - side] + macs[side] + b"\x08\0" + ip + tcp + payload
        self.out.write(struct.pack("<IIII", 1700000000 + self.count // 1000000,
                                   self.count % 1000000 * 1000, len(frame), len(frame)))
        self.out.write(frame)
        self.seq[side] += len(payload)
        self.count += 1


def main(trace, out_path, packets):
    entries = list(records(trace))
    if not entries:
        raise SystemExit(f"{trace}: no I/O command in it")
    with open(out_path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 262144, 1))
        tcp = Connection(out)
        tcp.packet(0, pdu(0, struct.pack("<HBBI112x", 0, 0, 0, 0)))
        tcp.packet(1, pdu(1, struct.pack("<HBBI112x", 0, 0, 0, 131072)))
        sqe = bytearray(64)
        struct.pack_into("<BBHB", sqe, 0, 0x7f, 0x40, 0xffff, 1)
        struct.pack_into("<QI", sqe, 24, 0, 1024)
        sqe[39] = 0x01
        struct.pack_into("<HHH", sqe, 40, 0, 1, 127)
        data = bytearray(1024)
        struct.pack_into("<H", data, 16, 0xffff)
        data[256:256 + 31] = b"nqn.2014-08.org.nvmexpress:subn"
        data[512:512 + 31] = b"nqn.2014-08.org.nvmexpress:host"
        tcp.packet(0, pdu(4, bytes(sqe), bytes(data)))
        tcp.packet(1, pdu(5, struct.pack("<IIHHHH", 1, 0, 0, 0, 0xffff, 0)))
        while tcp.count < packets:
            for kind, entry in entries:
                if tcp.count >= packets:
                    break
                if kind == COMMAND:
                    # Over fabrics, data pointers are SGLs.
                    entry = entry[:1] + b"\x40" + entry[2:24] + struct.pack("<QI3xB", 0, 4096, 0x5a) + entry[40:]
                    tcp.packet(0, pdu(4, entry))
                else:
                    tcp.packet(1, pdu(5, entry))
    print(f"{tcp.count} packets")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
