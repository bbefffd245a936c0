#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""independent_reader.py TRACE: print a trace as JSON lines.

Written from docs/trace-format.md alone, with nothing but Python's standard
library: what it prints must be in what `nvmetap dump --json -x` prints.
"""
import json
import struct
import sys

TYPES = {
    1: ("meta", "meta"), 2: ("config_read", "access"), 3: ("config_write", "access"),
    4: ("reg_read", "access"), 5: ("reg_write", "access"), 6: ("shadow_doorbell", "shadow"),
    7: ("event_index", "shadow"), 8: ("msix_read", "access"), 9: ("msix_write", "access"),
    10: ("interrupt", "interrupt"), 11: ("command", "command"), 12: ("completion", "completion"),
    13: ("data", "data"), 14: ("event", "event"), 15: ("verdict", "verdict"),
    16: ("loss", "loss"), 17: ("annotation", "annotation"), 18: ("queue_state", "queue"),
    19: ("digest", "digest"),
}
# format without byte order, names; "" is reserved
BODIES = {
    "meta": ("QIHHBBBBI", "cap vs vectors namespaces doorbells clock data_mode left_out_flags json_length"),
    "access": ("QQBBBBI", "offset value size space access_flags . ."),
    "shadow": ("QIHBB", "address value qid is_cq ."),
    "interrupt": ("QIHBBHHI", "address data vector state mode cqid . ."),
    "command": ("HHHHHHI64s", "sqid cqid slot head tail . . SQE"),
    "completion": ("HHHHBBHI16s", "sqid cqid slot head opcode . . . CQE"),
    "data": ("HHBBHQQII", "sqid cid kind direction . address offset true_length captured_length"),
    "digest": ("HHBBBBQQIIQQII", "sqid cid kind direction algorithm . address offset true_length "
               "digest_length same_as fill same_offset unit"),
    "event": ("HHIQQ", "event qid code address size"),
    "verdict": ("HHBBH24s", "sqid cid verdict tap status PLUGIN"),
    "loss": ("QQQQII", "first_seq count first_ns last_ns reason ."),
    "annotation": ("II", "text_length ."),
    "queue": ("HHHBBQIHHQ", "qid cqid vector is_cq queue_flags base entries head tail ."),
}
SQE = ("<BBHIIIQQQIIIIII", "opcode command_flags cid nsid cdw2 cdw3 mptr prp1 prp2 "
       "cdw10 cdw11 cdw12 cdw13 cdw14 cdw15")


class Trace:
    def __init__(self, data):
        self.data = data
        magic = data[:4]
        orders = {b"\x4d\x3c\xb2\xa1": ("<", 1), b"\xa1\xb2\x3c\x4d": (">", 1),
                  b"\xd4\xc3\xb2\xa1": ("<", 1000), b"\xa1\xb2\xc3\xd4": (">", 1000)}
        if len(data) < 24 or magic not in orders:
            sys.exit("not a pcap file")
        self.order, self.unit = orders[magic]
        if struct.unpack(self.order + "I", data[20:24])[0] != 159:
            sys.exit("another link type")
        self.stride = {}  # controller: bytes
        self.most = {}    # controller: pages that a digest may refer to
        self.pages = {}   # controller: [((seq, offset), bytes)], the last ones

    def frames(self):
        at, number = 24, 0
        while at < len(self.data):
            if len(self.data) - at < 16:
                return
            seconds, fraction, captured, _ = struct.unpack(
                self.order + "IIII", self.data[at:at + 16])
            if len(self.data) - at - 16 < captured:
                return
            number += 1
            yield {"record": number, "file_offset": at, "captured": captured,
                   "time_ns": seconds * 10 ** 9 + fraction * self.unit}, \
                self.data[at + 16:at + 16 + captured]
            at += 16 + captured

    def record(self, out, data):
        """Fill out; None when the frame is none of ours."""
        if data[:4] != b"NVTP" or len(data) < 32:
            return None
        (_, version, kind, header_length, out["flags"], out["length"], out["controller"],
         out["thread"], out["epoch"], out["pci_address"], out["seq"]) = struct.unpack(
             "<IBBBBIHHIIQ", data[:32])
        if version != 1 or kind not in TYPES:
            return None
        out["type"], body_name = TYPES[kind]
        fmt, names = BODIES[body_name]
        size = struct.calcsize("<" + fmt)
        body = data[header_length:header_length + size]
        if len(body) < size:
            return None
        fields = dict(zip(names.split(), struct.unpack("<" + fmt, body)))
        fields.pop(".", None)
        tail = data[header_length + size:]
        out["qid"] = None
        special = {name: fields.pop(name) for name in ("SQE", "CQE", "PLUGIN") if name in fields}
        out.update(fields)
        getattr(self, "see_" + body_name, lambda *_: None)(out, special, tail)
        return out

    def see_meta(self, out, _, tail):
        self.stride[out["controller"]] = 4 << (out["cap"] >> 32 & 15)
        text = tail[:out["json_length"]]
        self.pages[out["controller"]] = []
        self.most[out["controller"]] = 0
        try:
            out["meta"] = json.loads(text)
            self.most[out["controller"]] = int(out["meta"].get("dedup_pages", 0))
        except ValueError:
            pass

    def see_access(self, out, *_):
        stride = self.stride.get(out["controller"], 4)
        index, rest = divmod(out["offset"] - 0x1000, stride)
        if out["type"] == "reg_write" and out["space"] == 1 and index >= 0 and rest == 0:
            out["qid"] = index // 2
            out["doorbell"] = "cq_head" if index % 2 else "sq_tail"

    def see_shadow(self, out, *_):
        if out["type"] == "shadow_doorbell":
            out["doorbell"] = "cq_head" if out["is_cq"] else "sq_tail"

    def see_interrupt(self, out, *_):
        out["qid"] = out["cqid"]

    def see_command(self, out, special, _):
        out.update(zip(SQE[1].split(), struct.unpack(SQE[0], special["SQE"])))
        out["qid"] = out["sqid"]

    def see_completion(self, out, special, _):
        (out["dw0"], out["dw1"], out["sqhd"], out["cqe_sqid"], out["cid"], status) = struct.unpack(
            "<IIHHHH", special["CQE"])
        out["phase"] = status & 1
        out["status"] = status >> 1 & 0x7ff
        out["crd"] = status >> 12 & 3
        out["more"] = bool(status & 1 << 14)
        out["dnr"] = bool(status & 1 << 15)
        out["qid"] = out["sqid"]

    def see_data(self, out, _, tail):
        out["qid"] = out["sqid"]
        data = tail[:out["captured_length"]]
        out["data"] = data.hex()
        most = self.most.get(out["controller"], 0)
        pages = self.pages.get(out["controller"], [])
        if out["kind"] == 0 and most > 0:
            pages += [((out["seq"], at), data[at:at + 4096])
                      for at in range(0, len(data) - 4095, 4096)]
            del pages[:-most]

    def see_digest(self, out, _, tail):
        out["qid"] = out["sqid"]
        length = out["true_length"]
        if out["algorithm"] == 1:
            tail = tail[:out["digest_length"]]
            out["digests"] = [n for n, in struct.iter_unpack("<I", tail[:len(tail) // 4 * 4])]
        elif out["algorithm"] == 2:
            out["data"] = (struct.pack("<Q", out["fill"]) * (length // 8 + 1))[:length].hex()
        elif out["algorithm"] == 0 and length % 4096 == 0 and out["same_offset"] % 4096 == 0:
            pages = dict(self.pages.get(out["controller"], []))
            found = [pages.get((out["same_as"], out["same_offset"] + at))
                     for at in range(0, length, 4096)]
            if None not in found:
                out["data"] = b"".join(found).hex()

    def see_event(self, out, *_):
        if out["event"] not in (17, 18):
            out["qid"] = None

    def see_verdict(self, out, special, _):
        out["qid"] = out["sqid"]
        out["plugin"] = special["PLUGIN"].rstrip(b"\0").decode()

    def see_annotation(self, out, _, tail):
        text = tail[:out["text_length"]]
        try:
            decoded = text.decode()
        except UnicodeDecodeError:
            return
        out["text"] = "".join(c if c.isprintable() else "\\x%02x" % ord(c) for c in decoded)


def main():
    with open(sys.argv[1], "rb") as file:
        trace = Trace(file.read())
    for out, data in trace.frames():
        if trace.record(out, data) is None:
            out = {"record": out["record"], "type": "unreadable"}
        print(json.dumps(out))


main()
