#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""nvme_tcp.py TRACE OUT PACKETS: the trace's commands and completions as NVMe/TCP.

Writes an Ethernet pcap with PACKETS packets, one PDU each, on one connection to port 4420, that
Wireshark's built-in dissector decodes: connection initialisation, Connect, then the trace's I/O
commands and completions, over and over. The yardstick for our dissector's speed; the writing of
NVMe/TCP is shared with tests/dissector/judge.py.
"""
import struct
import sys

COMMAND, COMPLETION, DATA = 11, 12, 13
IC_REQ, IC_RESP, CAPSULE, RESPONSE, H2C, C2H, R2T = 0, 1, 4, 5, 6, 7, 9
HOST, CONTROLLER = 0, 1
FABRICS = 0x7F


def frames(path):
    """The records of a trace, in file order."""
    with open(path, "rb") as trace:
        data = trace.read()
    if data[:4] != b"\x4d\x3c\xb2\xa1":
        raise SystemExit(f"{path}: not a nanosecond pcap")
    at = 24
    while at + 16 <= len(data):
        caplen = struct.unpack_from("<I", data, at + 8)[0]
        yield data[at + 16:at + 16 + caplen]
        at += 16 + caplen


def records(path):
    """(type, queue entry) of each I/O command and completion in a trace, in file order."""
    for body in frames(path):
        kind, header = body[5], body[6]
        sqid = struct.unpack_from("<H", body, header)[0]
        if sqid and kind == COMMAND:
            yield kind, body[header + 16:header + 80]
        elif sqid and kind == COMPLETION:
            yield kind, body[header + 16:header + 32]


def pdu(kind, header, payload=b"", flags=0):
    hlen = 8 + len(header)
    offset = hlen if payload else 0
    return struct.pack("<BBBBI", kind, flags, hlen, offset, hlen + len(payload)) + header + payload


def data_pdu(kind, cid, payload, offset=0, last=True):
    return pdu(kind, struct.pack("<HHII4x", cid, 0, offset, len(payload)), payload, flags=4 * last)


def r2t(cid, length):
    return pdu(R2T, struct.pack("<HHII4x", cid, 0, 0, length))


class Pcap:
    """A file of Ethernet frames; `count` of them so far."""

    def __init__(self, out):
        self.out, self.count = out, 0
        out.write(struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 1 << 24, 1))

    def frame(self, data):
        self.out.write(struct.pack("<IIII", 1700000000 + self.count // 1000000,
                                   self.count % 1000000 * 1000, len(data), len(data)))
        self.out.write(data)
        self.count += 1


class Connection:
    """One TCP connection, which is one queue; the host's port tells connections apart."""

    def __init__(self, pcap, port=40000, host=1):
        self.pcap, self.ports = pcap, (port, 4420)
        self.ips = (struct.pack(">I", 0x0A000000 + host), b"\x0a\xff\0\2")
        self.seq = [1000, 2000]

    def packet(self, side, payload, flags=0x18):
        macs = (b"\x02\0\0\0\0\1", b"\x02\0\0\0\0\2")
        tcp = struct.pack(">HHIIBBHHH", self.ports[side], self.ports[1 - side], self.seq[side] & 0xffffffff,
                          self.seq[1 - side] & 0xffffffff if flags & 0x10 else 0, 5 << 4, flags, 65535, 0, 0)
        # A length of 0 is what a capture of segmentation offload has, of more than 16 bits of it.
        length = 40 + len(payload) if len(payload) < 65495 else 0
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, length, self.pcap.count & 0xffff, 0x4000,
                         64, 6, 0, self.ips[side], self.ips[1 - side])
        self.pcap.frame(macs[1 - side] + macs[side] + b"\x08\0" + ip + tcp + payload)
        self.seq[side] += len(payload) + (flags >> 1 & 1)

    def handshake(self):
        self.packet(HOST, b"", 0x02)
        self.packet(CONTROLLER, b"", 0x12)
        self.packet(HOST, b"", 0x10)

    def connect(self, qid):
        """Initialisation, and a Connect to this queue."""
        self.packet(HOST, pdu(IC_REQ, struct.pack("<HBBI112x", 0, 0, 0, 0)))
        self.packet(CONTROLLER, pdu(IC_RESP, struct.pack("<HBBI112x", 0, 0, 0, 131072)))
        sqe = bytearray(64)
        struct.pack_into("<BBHB", sqe, 0, FABRICS, 0x40, 0xffff, 1)
        struct.pack_into("<QI", sqe, 24, 0, 1024)
        sqe[39] = 0x01
        struct.pack_into("<HHH", sqe, 40, 0, qid, 127)
        data = bytearray(1024)
        struct.pack_into("<H", data, 16, 0xffff)
        data[256:256 + 31] = b"nqn.2014-08.org.nvmexpress:subn"
        data[512:512 + 31] = b"nqn.2014-08.org.nvmexpress:host"
        self.packet(HOST, pdu(CAPSULE, bytes(sqe), bytes(data)))
        self.packet(CONTROLLER, pdu(RESPONSE, struct.pack("<IIHHHH", 1, 0, 0, 0, 0xffff, 0)))


def main(trace, out_path, packets):
    entries = list(records(trace))
    if not entries:
        raise SystemExit(f"{trace}: no I/O command in it")
    with open(out_path, "wb") as out:
        pcap = Pcap(out)
        tcp = Connection(pcap)
        tcp.connect(1)
        while pcap.count < packets:
            for kind, entry in entries:
                if pcap.count >= packets:
                    break
                if kind == COMMAND:
                    # Over fabrics, data pointers are SGLs.
                    entry = entry[:1] + b"\x40" + entry[2:24] + struct.pack("<QI3xB", 0, 4096, 0x5a) + entry[40:]
                    tcp.packet(HOST, pdu(CAPSULE, entry))
                else:
                    tcp.packet(CONTROLLER, pdu(RESPONSE, entry))
    print(f"{pcap.count} packets")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
