# SPDX-License-Identifier: BSD-2-Clause
"""What every link and number of a record must be, from the raw records of nvmetap dump --json alone: from docs/wireshark.md's
words, a naive calculation that looks at each block and each command. None of our own link fields is read.
"""
import collections

ENDED, ABORTED = "ended", 7
DELETE_SQ, CREATE_SQ, DELETE_CQ, CREATE_CQ, IDENTIFY, ABORT, NS_MANAGEMENT, FORMAT = 0, 1, 4, 5, 6, 8, 0x0D, 0x80
LOG, DOWNLOAD, SECURITY = 2, 0x11, (0x81, 0x82)
WITH_RANGE = (0x01, 0x02, 0x04, 0x05, 0x08, 0x0C)
MOVES_BLOCKS = (0x01, 0x02, 0x05, 0x7D)
COLUMNS = ("response_in response_to doorbell_in interrupt_in acknowledged_in cancelled_in announces covers acknowledges "
           "handled_in handles size throughput interarrival depth range.first range.previous retry_of retried_in "
           "abort.victim aborted_by abort.outcome queue.created_in queue.cq_created_in queue.create queue.deleted_in "
           "queue.reset_in queue.count queue.first queue.last queue.sq_created_in reset.count reset.first reset.last "
           "reset.done_in reset.asked_in ready_in enabled_in shutdown.done_in shutdown.asked_in latency.ns "
           "latency.fetch.ns latency.execute.ns latency.interrupt.ns latency.acknowledge.ns").split()


def in_ring(start, end, slot):
    return start <= slot < end if start <= end else slot >= start or slot < end


class Command:
    def __init__(self, record, key):
        self.record, self.key = record, key
        self.doorbell = self.completion = self.interrupt = self.acknowledge = self.cancel = None
        self.slot = self.made = self.queue = None
        self.depth = 0
        self.range_first = self.range_previous = self.retry_of = self.retried_in = None
        self.victim = self.aborted_by = None
        self.since = None
        self.size = self.moved = 0
        self.sized = False

    number = property(lambda self: self.record["record"])

    def failed(self):
        return self.cancel is not None or self.completion is not None and self.completion["status"] != 0

    def range(self):
        r = self.record
        if r["sqid"] == 0 or r["opcode"] not in WITH_RANGE:
            return None
        return r["controller"], r["nsid"], r["cdw10"] | r["cdw11"] << 32, (r["cdw12"] & 0xFFFF) + 1


class Queue:
    def __init__(self, qid, is_cq, entries=0, created=None, known=False):
        self.qid, self.is_cq, self.entries, self.created = qid, is_cq, entries, created
        self.pointer = 0 if known else None
        self.cq_created = self.vector = self.ended = self.how = self.before = None
        self.uses, self.bells, self.posted, self.sqs = [], [], [], []


class Controller:
    def __init__(self, epoch):
        self.epoch, self.cc, self.csts = epoch, 0, 0
        self.queues, self.whole = {}, False
        self.last_with_id = {}
        self.reset = self.enabling = self.stopping = None


class Change:
    def __init__(self, kind, record, ended=()):
        self.kind, self.at, self.ended, self.done = kind, record, sorted(ended), None
        self.told, self.seen = None, None


class Model:
    def __init__(self):
        self.controllers = {}
        self.commands = []
        self.outstanding = collections.defaultdict(list)
        self.formats = {}
        self.blocks = {}
        self.retryable = {}
        self.want = collections.defaultdict(lambda: collections.defaultdict(list))
        self.signals = {}
        self.changes = []

    # --- queues ---

    def queue(self, c, is_cq, qid):
        if (is_cq, qid) not in c.queues:
            c.queues[is_cq, qid] = Queue(qid, is_cq)
        return c.queues[is_cq, qid]

    def drop(self, c, key, record, how):
        """The commands that were outstanding in it."""
        queue = c.queues.pop(key)
        queue.ended, queue.how = record, how
        lost = []
        if not key[0]:
            for command in [x for x in self.commands if x.queue is queue and x in self.outstanding[x.key]]:
                self.outstanding[command.key].remove(command)
                command.cancel = self.now
                lost.append(command.number)
                self.end(command)
            c.last_with_id = {k: v for k, v in c.last_with_id.items() if k[0] != key[1]}
        return lost

    def end(self, command):
        if command.failed() and command.range():
            self.retryable[command.record["opcode"], command.range()] = command

    def restart(self, c, record):
        lost = []
        for key in list(c.queues):
            lost += self.drop(c, key, record, "reset")
        c.whole = True
        c.enabling = c.stopping = None
        return lost

    def admin_queues(self, c, created):
        c.queues[False, 0] = Queue(0, False, (c.aqa & 0xFFF) + 1 if c.aqa else 0, created, True)
        c.queues[True, 0] = Queue(0, True, (c.aqa >> 16 & 0xFFF) + 1 if c.aqa else 0, created, True)
        c.queues[True, 0].vector = 0
        c.queues[False, 0].cq_created = created

    # --- records ---

    def take(self, r):
        self.now = r
        if "controller" not in r:
            return
        c = self.controllers.setdefault(r["controller"], Controller(r["epoch"]))
        if not hasattr(c, "aqa"):
            c.aqa = 0
        if r["epoch"] != c.epoch:
            c.epoch = r["epoch"]
            lost = self.restart(c, r["record"])
            c.cc = 0
            assert not lost, "commands outstanding at a new epoch: the model has no rule"
        handler = getattr(self, r["type"], None)
        if handler:
            handler(c, r)

    def meta(self, c, r):
        for namespace in r["meta"].get("namespaces", []):
            self.formats[r["controller"], namespace["nsid"]] = [namespace["block_size"], None]

    def reg_read(self, c, r):
        self.access(c, r, False)

    def reg_write(self, c, r):
        self.access(c, r, True)

    def access(self, c, r, is_write):
        if r["space"] != 1:
            return
        if r["offset"] >= 0x1000:
            if is_write:
                index = (r["offset"] - 0x1000) // 4  # CAP.DSTRD is 0 in all traces here
                self.doorbell(c, r, index // 2, index % 2 == 1, r["value"], r["access_flags"] & 2)
            return
        if r["access_flags"] & 2:
            return
        snapshot = r["flags"] & 1
        if r["offset"] == 0x24:
            c.aqa = r["value"]
        if r["offset"] == 0x1C and (not is_write or snapshot):
            c.csts = r["value"]
            if not snapshot:
                self.saw(c, r)
        if r["offset"] == 0x14:
            before, c.cc = c.cc, r["value"]
            if snapshot:
                c.whole = True
                if c.cc & 1 and not before & 1 and (False, 0) not in c.queues:
                    self.admin_queues(c, None)
                return
            if before & 1 and not c.cc & 1:
                change = Change("reset", r, self.restart(c, r["record"]))
                self.changes.append(change)
                c.reset = change
            if not is_write:
                return
            if not before & 1 and c.cc & 1:
                c.reset, c.whole = None, True
                c.enabling = Change("enable", r)
                self.changes.append(c.enabling)
                self.admin_queues(c, r["record"])
            if not before >> 14 & 3 and c.cc >> 14 & 3:
                c.stopping = Change("shutdown", r)
                self.changes.append(c.stopping)

    def saw(self, c, r):
        for change, done in ((c.stopping, c.csts >> 2 & 3 == 2), (c.enabling, c.csts & 1), (c.reset, not c.csts & 1)):
            if change and done and not change.seen:
                change.seen = r
                change.done = change.done or r

    def event(self, c, r):
        kind = r["event"]
        if kind in (3, 4, 5, 6):
            lost = self.restart(c, r["record"])
            c.cc = 0
            if kind == 3 and c.reset and not lost:
                self.want[r["record"]]["reset.asked_in"] = [c.reset.at["record"]]
                return
            c.reset = Change("reset", r, lost)
            self.changes.append(c.reset)
        change = {11: c.stopping, 12: c.enabling}.get(kind)
        if change and not change.told:
            change.told = r
            change.done = change.done or r
        assert kind != 22, "tracing was stopped: the model has no rule"

    def queue_state(self, c, r):
        key = bool(r["is_cq"]), r["qid"]
        if key in c.queues:
            self.drop(c, key, None, None)
        queue = c.queues[key] = Queue(r["qid"], key[0], r["entries"], None, True)
        queue.pointer = r["head"] if key[0] else r["tail"]
        queue.vector = r["vector"] if key[0] and r["queue_flags"] & 2 else None
        c.whole = c.whole or bool(r["flags"] & 1)

    def shadow_doorbell(self, c, r):
        self.doorbell(c, r, self.shadow_qid(r), r["is_cq"] == 1, r["value"], False)

    @staticmethod
    def shadow_qid(r):
        return r["qid"]

    def doorbell(self, c, r, qid, is_cq, value, refused):
        if (is_cq, qid) not in c.queues and (c.whole or refused):
            return
        queue = self.queue(c, is_cq, qid)
        self.queue_links(r, queue)
        if refused or value >= (queue.entries or 65536):
            return
        before, queue.pointer = queue.pointer, value
        if not is_cq:
            if before != value:
                queue.bells.append([r, before, value])
            return
        while before is not None and before != value and queue.posted:
            command = queue.posted[0]
            if not in_ring(before, value, command.slot):
                break
            command.acknowledge = r
            self.want[r["record"]]["acknowledges"].append(command.completion["record"])
            queue.posted.pop(0)

    def interrupt(self, c, r):
        if (True, r["cqid"]) in c.queues:
            self.queue_links(r, c.queues[True, r["cqid"]])
        if r["state"] != 0:
            return
        for key, queue in c.queues.items():
            if key[0] and (key[1] == r["cqid"] or queue.vector == r["vector"]):
                for command in queue.posted:
                    if command.interrupt is None:
                        command.interrupt = r
                        self.want[r["record"]]["covers"].append(command.completion["record"])
        self.want[r["record"]]["covers"].sort()

    def queue_links(self, r, queue):
        want = self.want[r["record"]]
        if queue.is_cq:
            want["queue.cq_created_in"] = [queue.created]
        else:
            want["queue.created_in"], want["queue.cq_created_in"] = [queue.created], [queue.cq_created]

    # --- commands ---

    def command(self, c, r):
        queue = self.queue(c, False, r["sqid"])
        command = Command(r, (r["controller"], r["sqid"], r["cid"]))
        command.queue = queue
        if queue.uses and r["time_ns"] >= queue.uses[-1]["time_ns"]:
            command.since = r["time_ns"] - queue.uses[-1]["time_ns"]
        queue.uses.append(r)
        while queue.bells:
            bell = queue.bells[0]
            if bell[1] is None:
                bell[1] = r["slot"]
            if in_ring(bell[1], bell[2], r["slot"]):
                command.doorbell = bell[0]
                self.want[bell[0]["record"]]["announces"].append(r["record"])
                if (r["slot"] + 1) % (queue.entries or 65536) == bell[2]:
                    queue.bells.pop(0)
                break
            queue.bells.pop(0)
        self.size(command)
        if r["sqid"] == 0 and r["opcode"] == ABORT:
            victim = r["cdw10"] & 0xFFFF, r["cdw10"] >> 16
            open_ones = self.outstanding[(r["controller"], *victim)]
            found = open_ones[0] if open_ones else c.last_with_id.get(victim)
            if found:
                command.victim, found.aborted_by = found, command
        self.commands.append(command)
        self.outstanding[command.key].append(command)
        c.last_with_id[r["sqid"], r["cid"]] = command
        command.depth = sum(x.queue is queue for x in self.open_ones(r["controller"]))
        if command.range():
            self.ranges(command)

    def open_ones(self, controller):
        return [x for key, some in self.outstanding.items() if key[0] == controller for x in some]

    def ranges(self, command):
        """Of each block the first and the last command; of a long range, of its ends and every piece that starts
        or ends in it."""
        controller, nsid, start, count = command.range()
        met = [x for x in self.blocks.get((controller, nsid), [])
               if x.range()[2] < start + count and start < x.range()[2] + x.range()[3]]
        if met:
            command.range_first, command.range_previous = met[0], met[-1]
        self.blocks.setdefault((controller, nsid), []).append(command)
        failed = self.retryable.pop((command.record["opcode"], command.range()), None)
        if failed:
            command.retry_of, failed.retried_in = failed, command

    def size(self, command):
        r, admin = command.record, command.record["sqid"] == 0
        size = 0
        if not admin and r["opcode"] in MOVES_BLOCKS:
            block = self.formats.get((r["controller"], r["nsid"]), [0])[0]
            size = ((r["cdw12"] & 0xFFFF) + 1) * block
        elif admin and r["opcode"] == IDENTIFY:
            size = 4096
        elif admin and r["opcode"] == LOG:
            size = (((r["cdw11"] & 0xFFFF) << 16 | r["cdw10"] >> 16) + 1) * 4
        elif not admin and r["opcode"] == 9:
            size = ((r["cdw10"] & 255) + 1) * 16
        assert not (admin and r["opcode"] in (DOWNLOAD, *SECURITY)), "the model has no rule"
        command.size, command.sized = size, size != 0

    def data(self, c, r):
        open_ones = self.outstanding[r["controller"], r["sqid"], r["cid"]]
        if not open_ones or r["kind"] != 0:
            return
        command = open_ones[0]
        command.moved += r["true_length"]
        x = command.record
        payload = bytes.fromhex(r.get("data", ""))
        if x["sqid"] == 0 and x["opcode"] == IDENTIFY and x["cdw10"] & 255 == 0 and r["offset"] == 0 and \
                len(payload) >= 384 and any(payload[:8]):
            shifts = [payload[128 + 4 * i + 2] for i in range(64)]
            index = payload[26] & 15 | (payload[26] >> 5 & 3) << 4
            self.formats[r["controller"], x["nsid"]] = [1 << shifts[index] if shifts[index] else 0, shifts]

    def completion(self, c, r):
        open_ones = self.outstanding[r["controller"], r["sqid"], r["cid"]]
        if not open_ones:
            return
        command = open_ones.pop(0)
        command.completion, command.slot = r, r["slot"]
        queue = self.queue(c, True, r["cqid"])
        queue.uses.append(r)
        queue.posted.append(command)
        if queue.pointer is None:
            queue.pointer = r["head"]
        self.end(command)
        if r["sqid"] == 0 and r["status"] == 0:
            self.admin(c, command)

    def admin(self, c, command):
        r = command.record
        is_cq = r["opcode"] in (CREATE_CQ, DELETE_CQ)
        key = is_cq, r["cdw10"] & 0xFFFF
        if r["opcode"] in (CREATE_SQ, CREATE_CQ):
            if key in c.queues:
                self.drop(c, key, None, None)
            queue = c.queues[key] = Queue(key[1], is_cq, (r["cdw10"] >> 16) + 1, r["record"], True)
            command.made = queue
            if is_cq:
                queue.vector = r["cdw11"] >> 16 if r["cdw11"] & 2 else None
            else:
                cq = c.queues.get((True, r["cdw11"] >> 16))
                if cq:
                    queue.cq_created = cq.created
                    cq.sqs.append(r["record"])
        elif r["opcode"] in (DELETE_SQ, DELETE_CQ) and key in c.queues:
            command.made = c.queues[key]
            self.drop(c, key, r["record"], "delete")
        elif r["opcode"] == FORMAT:
            index = r["cdw10"] & 15 | (r["cdw10"] >> 12 & 3) << 4
            for (controller, nsid), known in self.formats.items():
                if controller == r["controller"] and r["nsid"] in (nsid, 0xFFFFFFFF):
                    known[0] = 1 << known[1][index] if known[1] and known[1][index] else 0

    # --- at the end ---

    def outcome(self, abort):
        victim = abort.victim
        if victim.cancel is not None:
            return 4
        if victim.completion is None:
            return 5
        if victim.completion["record"] < abort.number:
            return 2
        return 1 if victim.completion["status"] == ABORTED else 3

    def finish(self):
        """{record: {column: [values]}}"""
        handled = {}
        for command in self.commands:
            self.of_command(command)
            if command.completion:
                self.of_completion(command)
            if command.interrupt and command.acknowledge:
                at = command.interrupt["record"], command.acknowledge["record"]
                handled[at[0]] = min(handled.get(at[0], at[1]), at[1])
                if at[0] not in self.want[at[1]]["handles"]:
                    self.want[at[1]]["handles"].append(at[0])
        for interrupt, doorbell in handled.items():
            self.want[interrupt]["handled_in"] = [doorbell]
        for change in self.changes:
            self.of_change(change)
        for want in self.want.values():
            for column in ("handles", "acknowledges", "announces", "covers"):
                want[column].sort()
        return self.want

    def of_queue(self, want, command):
        made = command.made
        if made is None:
            want["queue.created_in"], want["queue.cq_created_in"] = [command.queue.created], [command.queue.cq_created]
            return
        if command.record["opcode"] in (DELETE_SQ, DELETE_CQ):
            want["queue.create"] = [made.created]
        else:
            want["queue.cq_created_in"] = [made.cq_created]
            want["queue.deleted_in"] = [made.ended if made.how == "delete" else None]
            want["queue.reset_in"] = [made.ended if made.how == "reset" else None]
            want["queue.sq_created_in"] = list(made.sqs)
        want["queue.count"] = [len(made.uses)]
        if made.uses:
            want["queue.first"], want["queue.last"] = [made.uses[0]["record"]], [made.uses[-1]["record"]]

    def of_both(self, want, command):
        number = lambda what: what and (what.number if isinstance(what, Command) else what["record"])
        self.of_queue(want, command)
        want["doorbell_in"], want["interrupt_in"] = [number(command.doorbell)], [number(command.interrupt)]
        want["acknowledged_in"] = [number(command.acknowledge)]
        want["depth"] = [command.depth]
        want["size"] = [(command.size if command.sized else command.moved) or None]
        want["abort.victim"], want["aborted_by"] = [number(command.victim)], [number(command.aborted_by)]
        want["abort.outcome"] = [self.outcome(command) if command.victim else None]
        if command.doorbell:
            want["latency.fetch.ns"] = [command.record["time_ns"] - command.doorbell["time_ns"]]
        return number

    def of_command(self, command):
        want = self.want[command.number]
        number = self.of_both(want, command)
        want["response_in"], want["cancelled_in"] = [number(command.completion)], [number(command.cancel)]
        want["interarrival"] = [command.since]
        want["range.first"], want["range.previous"] = [number(command.range_first)], [number(command.range_previous)]
        want["retry_of"], want["retried_in"] = [number(command.retry_of)], [number(command.retried_in)]

    def of_completion(self, command):
        want = self.want[command.completion["record"]]
        self.of_both(want, command)
        want["response_to"] = [command.number]
        took = command.completion["time_ns"] - command.record["time_ns"]
        want["latency.ns"] = want["latency.execute.ns"] = [took]
        for name, moment in (("interrupt", command.interrupt), ("acknowledge", command.acknowledge)):
            if moment:
                want[f"latency.{name}.ns"] = [moment["time_ns"] - command.completion["time_ns"]]
        size = want["size"][0]
        if command.completion["status"] == 0 and size and took > 0:
            want["throughput"] = [size * 10**9 // took]

    def of_change(self, change):
        done, asked = {"reset": ("reset.done_in", "reset.asked_in"), "enable": ("ready_in", "enabled_in"),
                       "shutdown": ("shutdown.done_in", "shutdown.asked_in")}[change.kind]
        want = self.want[change.at["record"]]
        if change.kind == "reset":
            want["reset.count"] = [len(change.ended)]
            if change.ended:
                want["reset.first"], want["reset.last"] = change.ended[:1], change.ended[-1:]
        want[done] = [change.done and change.done["record"]]
        for record in (change.told, change.seen):
            if record:
                self.want[record["record"]][asked] = [change.at["record"]]
