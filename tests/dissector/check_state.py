#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""check_state.py fields
check_state.py DUMP TSHARK: what Wireshark and nvmetap dump say of the state as of each record, against a
model of host and controller made here of the records alone.

DUMP is `nvmetap dump --json -v`, of which the model reads only what stands in the records; TSHARK is tshark
-T fields with the arguments that the first form prints.
"""
import json
import sys

NAMES = ["not known", "disabled", "starting", "ready", "shutting down", "shut down", "failed"]
QUEUE = ("entries", "base", "head", "tail", "outstanding")
FIELDS = (["condition", "queues", "outstanding", "command", "command.age", "omitted", "sq", "sq.cq", "cq", "cq.vector"] +
          [f"{kind}.{name}" for kind in ("sq", "cq") for name in QUEUE] +
          [f"register.{name}" for name in ("cap", "vs", "cc", "csts", "aqa", "asq", "acq")] +
          [f"msix.{name}" for name in ("enabled", "function_masked", "masked_count", "masked", "pending_count",
                                       "pending")])
REGISTERS = {"cap": (0, 8), "vs": (8, 4), "cc": (0x14, 4), "csts": (0x1c, 4), "aqa": (0x24, 4), "asq": (0x28, 8),
             "acq": (0x30, 8)}
WRITABLE = ("cc", "aqa", "asq", "acq")
RESETS = {3: "controller", 4: "function", 5: "subsystem", 6: "device"}
GONE = {2, 9, 10, 20, 21, 22, 24}  # detached, migrated, removed, returned, tracing stopped, recovered


class Controller:
    def __init__(self, epoch):
        self.epoch = epoch
        self.bytes, self.condition = {}, "not known"
        self.queues = {}  # by (is completion queue, id)
        self.open = []
        self.capability, self.config = None, {}
        self.msix_seen, self.control, self.masked, self.pending = False, None, {}, set()
        self.enabled = False

    def register(self, name):
        at, size = REGISTERS[name]
        if any(at + i not in self.bytes for i in range(size)):
            return None
        return sum(self.bytes[at + i] << 8 * i for i in range(size))

    def drop_queue(self, key):
        if self.queues.pop(key, None) is not None and not key[0]:
            self.open = [one for one in self.open if one["sqid"] != key[1]]

    def reset(self):
        for key in list(self.queues):
            self.drop_queue(key)
        for i in range(0x14, 0x18):
            self.bytes[i] = 0
        self.enabled, self.condition = False, "disabled"

    def queue(self, is_cq, qid, **given):
        if given:
            self.drop_queue((is_cq, qid))
        elif (is_cq, qid) in self.queues:
            return self.queues[is_cq, qid]
        made = {"entries": None, "base": None, "cqid": qid, "vector": None, "posted": [],
                "head": 0 if given else None, "tail": 0 if given else None, **given}
        self.queues[is_cq, qid] = made
        return made

    # --- registers ---

    def access(self, one, is_write, snapshot):
        def covered(at, size):
            return any(at <= one["offset"] + i < at + size for i in range(one["size"]))

        for name, (at, size) in REGISTERS.items():
            for i in range(min(one["size"], 8)):
                place = one["offset"] + i
                if at <= place < at + size and (not is_write or snapshot or name in WRITABLE):
                    self.bytes[place] = one["value"] >> 8 * i & 0xff
        cc = self.register("cc")
        if covered(0x14, 4) and cc is not None:
            self.saw_cc(cc, is_write and not snapshot, snapshot)
        csts = self.register("csts")
        if covered(0x1c, 4) and csts is not None and (not is_write or snapshot):
            self.saw_csts(csts, cc)

    def saw_cc(self, cc, is_write, snapshot):
        was, self.enabled = self.enabled, bool(cc & 1)
        if was and not self.enabled:
            self.reset()
            for i in range(4):
                self.bytes[0x14 + i] = cc >> 8 * i & 0xff
        if not was and self.enabled and (is_write or (snapshot and (False, 0) not in self.queues)):
            aqa = self.register("aqa") or 0
            entries = (lambda n: n + 1) if aqa else (lambda n: None)
            self.queue(False, 0, entries=entries(aqa & 0xfff), base=self.register("asq") or 0)
            self.queue(True, 0, entries=entries(aqa >> 16 & 0xfff), base=self.register("acq") or 0, vector=0)
        if not self.enabled:
            self.condition = "disabled"
        elif cc >> 14 & 3:
            if self.condition not in ("shut down", "failed"):
                self.condition = "shutting down"
        elif self.condition == "disabled" or (self.condition == "not known" and is_write):
            self.condition = "starting"

    def saw_csts(self, csts, cc):
        if csts & 2:
            self.condition = "failed"
        elif csts >> 2 & 3 in (1, 2):
            self.condition = ("shutting down", "shut down")[(csts >> 2 & 3) - 1]
        elif csts & 1 and (cc is None or cc & 1):
            self.condition = "ready"
        elif cc is not None:
            self.condition = "starting" if cc & 1 else "disabled"
        elif self.condition != "disabled":
            self.condition = "not known"

    # --- queues ---

    def doorbell(self, is_cq, qid, value, refused):
        queue = self.queues.get((is_cq, qid))
        if queue is None or refused or (queue["entries"] and value >= queue["entries"]):
            return
        if not is_cq:
            queue["tail"] = value
            return
        while queue["posted"] and queue["head"] != value:
            queue["posted"].pop(0)
            queue["head"] = (queue["head"] + 1) % queue["entries"]
        queue["head"] = value

    def next(self, queue, slot):
        return (slot + 1) % (queue["entries"] or 65536)

    def command(self, one):
        queue = self.queue(False, one["sqid"])
        queue["head"], queue["cqid"] = self.next(queue, one["slot"]), one["cqid"]
        self.open.append(one)
        if self.condition in ("not known", "starting"):
            self.condition = "ready"

    def completion(self, one):
        mine = [other for other in self.open if (other["sqid"], other["cid"]) == (one["sqid"], one["cid"])]
        queue = self.queue(True, one["cqid"])
        if queue["head"] is None:
            queue["head"] = one["head"]
        queue["tail"] = self.next(queue, one["slot"])
        queue["posted"].append(one["slot"])
        if not mine:
            return
        command = mine[0]
        self.open.remove(command)
        if one["sqid"] != 0 or one["status"] != 0:
            return
        qid, entries = command["cdw10"] & 0xffff, (command["cdw10"] >> 16) + 1
        high, flags = command["cdw11"] >> 16, command["cdw11"] & 0xffff
        if command["opcode"] == 5 and qid:
            self.queue(True, qid, entries=entries, base=command["prp1"], vector=high if flags & 2 else None)
        elif command["opcode"] == 1 and qid:
            self.queue(False, qid, entries=entries, base=command["prp1"], cqid=high)
        elif command["opcode"] in (0, 4) and qid:
            self.drop_queue((command["opcode"] == 4, qid))

    # --- MSI-X ---

    def configuration(self, one, is_write):
        self.msix_seen = True
        for i in range(one["size"]):
            if not is_write:
                self.config.setdefault(one["offset"] + i, one["value"] >> 8 * i & 0xff)
        at = self.config.get(0x34)
        while at and self.capability is None and at in self.config and at + 1 in self.config:
            if self.config[at] == 0x11:
                self.capability = at
            at = self.config[at + 1]
        if self.capability is not None and one["offset"] <= self.capability + 3 < one["offset"] + one["size"]:
            high = one["value"] >> 8 * (self.capability + 3 - one["offset"]) & 0xff
            self.control = (bool(high & 0x80), bool(high & 0x40))

    def msix(self, one, is_write):
        self.msix_seen = True
        if one["space"] == 2:
            for at in range(one["offset"], one["offset"] + one["size"], 4):
                if at % 16 == 12:
                    self.masked[at // 16] = one["value"] >> 8 * (at - one["offset"]) & 1
        elif not is_write:
            for bit in range(one["size"] * 8):
                (self.pending.add if one["value"] >> bit & 1 else self.pending.discard)(one["offset"] * 8 + bit)

    def interrupt(self, one):
        if one["mode"] != 0:
            return
        self.msix_seen = True
        if one["state"] == 0:
            self.control = (True, False)
            self.pending.discard(one["vector"])
        elif one["state"] == 1:
            self.control = (True, bool(self.control and self.control[1]))
            self.pending.add(one["vector"])

    def event(self, event):
        if event in RESETS:
            self.reset()
            self.pending.clear()
            if RESETS[event] != "controller":
                self.masked, self.control = {}, (False, False)
        elif event in GONE:
            self.condition, self.bytes = "not known", {}
            self.masked, self.control = {}, None
            self.pending.clear()
            if event == 22:
                for key in list(self.queues):
                    self.drop_queue(key)
        else:
            self.condition = {1: "disabled", 11: "shut down", 12: "ready", 13: "failed"}.get(event, self.condition)

    # --- a record ---

    def take(self, one):
        """Returns the queues that it is about: ids, or None."""
        if one["epoch"] != self.epoch:
            self.reset()
            self.epoch = one["epoch"]
        kind, snapshot = one["type"], one["flags"] & 1
        refused = one.get("access_flags", 0) & 2
        if kind == "meta":
            self.access({"offset": 0, "size": 8, "value": one["cap"]}, False, False)
            self.access({"offset": 8, "size": 4, "value": one["vs"]}, False, False)
        elif kind in ("reg_read", "reg_write"):
            if one["offset"] >= 0x1000 and kind == "reg_write" and one["offset"] % 4 == 0:
                qid, is_cq = (one["offset"] - 0x1000) // 8, bool((one["offset"] - 0x1000) // 4 & 1)
                self.doorbell(is_cq, qid, one["value"], refused)
                return (None, qid) if is_cq else (qid, None)
            if not refused:
                self.access(one, kind == "reg_write", snapshot)
        elif kind in ("config_read", "config_write") and not refused:
            self.configuration(one, kind == "config_write")
        elif kind in ("msix_read", "msix_write") and not refused:
            self.msix(one, kind == "msix_write")
        elif kind == "shadow_doorbell":
            self.doorbell(bool(one["is_cq"]), one["qid"], one["value"], False)
        elif kind == "interrupt":
            self.interrupt(one)
            return None, one["cqid"]
        elif kind == "command":
            self.command(one)
            return one["sqid"], one["cqid"]
        elif kind == "completion":
            self.completion(one)
            return one["sqid"], one["cqid"]
        elif kind in ("data", "digest", "verdict"):
            queue = self.queues.get((False, one["sqid"]))
            if queue and not (kind == "verdict" and one["cid"] == 0xffff):
                return one["sqid"], queue["cqid"]
        elif kind == "event":
            self.event(one["event"])
        elif kind == "queue_state":
            key = (bool(one["is_cq"]), one["qid"])
            self.queue(*key, entries=one["entries"], base=one["base"], head=one["head"], tail=one["tail"],
                       cqid=one["qid"] if key[0] else one["cqid"],
                       vector=one["vector"] if key[0] and one["queue_flags"] & 2 else None)
        if kind in ("shadow_doorbell", "event_index", "queue_state"):
            return (None, one["qid"]) if one["is_cq"] else (one["qid"], None)
        return None, None

    def state(self, one, sqid, cqid):
        shown = {"condition": [NAMES.index(self.condition)], "outstanding": [len(self.open)],
                 "queues": [sum(qid != 0 for _, qid in self.queues)],
                 "command": [other["record"] for other in self.open[:64]],
                 "command.age": [max(0, one["time_ns"] - other["time_ns"]) for other in self.open[:64]],
                 "omitted": [len(self.open) - 64] if len(self.open) > 64 else []}
        for name in REGISTERS:
            value = self.register(name)
            shown["register." + name] = [] if value is None else [value]
        for kind, qid in (("sq", sqid), ("cq", cqid)):
            queue = self.queues.get((kind == "cq", qid))
            if queue is None:
                continue
            shown[kind] = [qid]
            outstanding = sum(other["sqid"] == qid for other in self.open) if kind == "sq" else len(queue["posted"])
            known = {"entries": queue["entries"] or None, "base": queue["base"] if queue["entries"] else None,
                     "head": queue["head"], "tail": queue["tail"], "outstanding": outstanding}
            for name, value in known.items():
                shown[f"{kind}.{name}"] = [] if value is None else [value]
            if kind == "sq":
                shown["sq.cq"] = [queue["cqid"]]
            elif queue["vector"] is not None:
                shown["cq.vector"] = [queue["vector"]]
        if self.msix_seen:
            masked = sorted(vector for vector, bit in self.masked.items() if bit)
            pending = sorted(self.pending)
            shown.update({"msix.masked_count": [len(masked)], "msix.masked": masked[:64],
                          "msix.pending_count": [len(pending)], "msix.pending": pending[:64]})
            if self.control is not None:
                shown.update({"msix.enabled": [int(self.control[0])], "msix.function_masked": [int(self.control[1])]})
        return shown


def number(field, text):
    if field == "command.age":
        seconds, _, fraction = text.partition(".")
        return int(seconds) * 10**9 + int(fraction.ljust(9, "0"))
    return int(text, 0) if text not in ("True", "False") else int(text == "True")


def in_json(state, field):
    value = state.get(field, [])
    if field == "condition":
        return [NAMES.index(value)]
    return value if isinstance(value, list) else [int(value)]


def main(argv):
    if argv[1] == "fields":
        print("-T fields -E separator=/t -E occurrence=a -E aggregator=, -e frame.number " +
              " ".join("-e nvmetap.state." + field for field in FIELDS))
        return 0
    controllers, bad, compared, conditions = {}, 0, 0, set()
    with open(argv[1], encoding="utf-8") as dump, open(argv[2], encoding="utf-8") as shark:
        for one, row in zip(map(json.loads, dump), shark, strict=True):
            frame, *cells = row.rstrip("\n").split("\t")
            shown = {field: [number(field, text) for text in cell.split(",") if text]
                     for field, cell in zip(FIELDS, cells, strict=True)}
            if one["type"] == "unreadable":
                continue
            controller = controllers.setdefault(one["controller"], Controller(one["epoch"]))
            expected = controller.state(one, *controller.take(one))
            conditions.add(controller.condition)
            assert int(frame) == one["record"]
            for field in FIELDS:
                compared += 1
                printed = in_json(one["controller_state"], field)
                if not shown[field] == printed == expected.get(field, []):
                    bad += 1
                    if bad < 20:
                        print(f"record {frame} ({one['type']}): {field} is {shown[field]}, in JSON {printed}, "
                              f"expected {expected.get(field, [])}")
    print(f"{compared} compared, {bad} differ, conditions {sorted(conditions)}")
    return 1 if bad or not compared else 0


sys.exit(main(sys.argv))
