#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""check_bytes.py pick OUT TRACE…: a trace with the first frame of each kind in the traces, with all of their command.
check_bytes.py cover TRACE PDML: each byte of each frame has an item that says what it is.

Kinds differ by record type, by what was accessed, by opcode, CNS, log page and feature, and by data.
Each trace's controllers get numbers of their own. A frame that isn't a whole record is a kind for itself.
"""
import struct
import sys
import xml.etree.ElementTree as tree

import transfers

BODY = {1: 24, 10: 24, 11: 80, 12: 32, 13: 32, 14: 24, 15: 32, 16: 40, 17: 8, 18: 32, 19: 56, 6: 16, 7: 16}
MANY = 60  # such frames of one trace that aren't whole


def kind_of(frame, commands):
    """(kind, key of its command or None)"""
    if len(frame) < 32 or frame[4] != 1 or not 1 <= frame[5] <= 19:
        return None, None
    what, length = frame[5], struct.unpack_from("<I", frame, 8)[0]
    header = frame[6]
    body = frame[header:]
    if len(body) < BODY.get(what, 24) or len(frame) != length or header < 32:
        return None, None
    controller, epoch = struct.unpack_from("<HxxI", frame, 12)
    if what in (2, 3, 4, 5, 8, 9):
        offset, = struct.unpack_from("<Q", body)
        return (what, body[17], offset if body[17] < 2 and offset < 0x1000 else offset % 16, body[16], header), None
    if what == 11:
        key = (controller, epoch, *struct.unpack_from("<H16xH", body))
        opcode, flags, nsid, cdw10 = struct.unpack_from("<16xBB2xI32xI", body)
        kind = (key[2] != 0, opcode, flags >> 6)
        if key[2] == 0 and opcode in (0x06, 0x02, 0x09, 0x0A):
            kind += (cdw10 & 0xFF,)
        elif opcode == 0x7F:
            kind += (nsid & 0xFF,)
        commands[key] = kind
        return (what, kind), key
    if what in (12, 13, 19):
        key = (controller, epoch, *struct.unpack_from("<H26xH" if what == 12 else "<HH", body))
        return (what, commands.get(key), bytes(body[4:6 + (what == 19)]) if what != 12 else None), key
    if what == 14:
        return (what, *struct.unpack_from("<H", body)), None
    return (what, header, len(frame) % 8), None


def pick(path, traces):
    taken, seen, broken_in = [], set(), 0
    for number, trace in enumerate(traces):
        commands, wanted, frames, broken = {}, set(), [], 0
        for _, frame in transfers.frames(trace):
            if frame[:4] != b"NVTP":
                continue
            kind, key = kind_of(frame, commands)
            if kind is None:
                broken += 1
                take = broken <= MANY or trace.endswith("cuts.pcap")
            else:
                take = kind not in seen or key in wanted
                seen.add(kind)
                if key is not None and take:
                    if frame[5] == 12:
                        wanted.discard(key)
                    else:
                        wanted.add(key)
            if take:
                frames.append(frame[:12] + struct.pack("<H", struct.unpack_from("<H", frame, 12)[0] + 16 * number) +
                              frame[14:] if len(frame) >= 14 else frame)
        broken_in += broken > 0
        taken += frames
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 159))
        for i, frame in enumerate(taken):
            out.write(struct.pack("<IIII", 1_800_000_000, 1000 * i, len(frame), len(frame)) + frame)
    print(f"{len(taken)} frames of {len(traces)} traces, {len(seen)} kinds, broken ones in {broken_in}")
    return not taken


def items(node, reassembled):
    """Each item that says something: position and length."""
    for field in node.findall("field"):
        name = field.get("name")
        if field.get("hide") == "yes" or (name == "nvmetap.payload" and reassembled):
            continue
        inner = list(items(field, reassembled))
        # A structure put together is not in the frame: its bytes stand in a tab of their own.
        if inner and reassembled and node.tag == "proto" and not name.startswith("nvmetap.cqe") and name != "":
            if field.get("show") == "":
                continue
        yield from inner
        if name != "" and field.get("show") and field.get("size"):
            yield int(field.get("pos")), int(field.get("size"))


def cover(trace, pdml):
    frames = dict(transfers.frames(trace))
    bad = checked = 0
    for _, packet in tree.iterparse(pdml):
        if packet.tag != "packet":
            continue
        number = next(int(f.get("show")) for f in packet.iter("field") if f.get("name") == "num")
        frame = frames.pop(number)
        seen = bytearray(len(frame))
        for proto in packet.findall("proto"):
            if proto.get("name") == "nvmetap":
                for at, size in items(proto, len(frame) > 5 and frame[5] == 12):
                    if at + size <= len(seen):
                        seen[at:at + size] = b"\x01" * size
        checked += len(seen)
        if 0 in seen:
            bad += 1
            holes = [i for i, covered in enumerate(seen) if not covered]
            if bad <= 20:
                print(f"frame {number}, type {frame[5] if len(frame) > 5 else None}: "
                      f"{len(holes)} of {len(seen)} bytes unexplained, at {holes[:12]}")
        packet.clear()
    print(f"{checked} bytes, {bad} frames with unexplained ones")
    return bad or frames or not checked


def main(argv):
    return 1 if (pick(argv[2], argv[3:]) if argv[1] == "pick" else cover(argv[2], argv[3])) else 0


sys.exit(main(sys.argv))
