#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""profile_shows.py TROUBLE <dump.json: what the trace (nvmetap dump --json) shows of a trouble.

Prints "habit: yes|no" (the host does what the drive doesn't bear) and "effect: yes|no" (it came
to harm), judged by commands, completions, doorbells, registers and messages alone: a profile's own
verdict records aren't looked at.
"""
import json
import statistics
import sys

GAP_NS = 100_000_000  # longer than anything here takes that goes well
EN = 1
RDY = 1
CFS = 2


def io(r):
    return r["type"] in ("command", "completion") and r["sqid"] > 0


def written(r, offset):
    return r["type"] == "reg_write" and r["offset"] == offset


def read(r, offset):
    return r["type"] == "reg_read" and r["offset"] == offset


def pauses(records):
    """Each record that a long pause follows, with those before it."""
    for i in range(1, len(records)):
        if records[i]["time_ns"] - records[i - 1]["time_ns"] >= GAP_NS:
            yield records[:i]


def queue_state(records, qid):
    """(advertised and not fetched, completed and not acknowledged, fetched and not completed)"""
    waiting = unacknowledged = outstanding = 0
    for r in records:
        if r["qid"] != qid:
            continue
        if r["type"] == "reg_write" and r.get("doorbell") == "sq_tail":
            waiting += r["stands_for"]
        elif r["type"] == "reg_write" and r.get("doorbell") == "cq_head":
            unacknowledged -= r["stands_for"]
        elif r["type"] == "command":
            waiting -= 1
            outstanding += 1
        elif r["type"] == "completion":
            outstanding -= 1
            unacknowledged += 1
    return waiting, unacknowledged, outstanding


def gets_slower(records):
    """Slow after many writes without Format NVM; what is soon after one isn't judged."""
    took, formats = [], 0
    for r in records:
        if r["type"] != "completion":
            continue
        if r["opcode_name"] == "Write":
            took.append(r["latency_ns"])
        elif r["sqid"] == 0 and r["opcode"] == 0x80 and r["status"] == 0:
            took, formats = [], formats + 1
    medians = [statistics.median(took[i:i + 16]) for i in range(0, len(took) - 15, 16)]
    slow = len(medians) >= 5 and medians[-1] > 4 * min(medians) and medians[-1] - min(medians) > 15_000_000
    return formats == 0, slow


def format_helps(records):
    """As if it were a trouble: was it formatted, and was it faster then?"""
    done = [r for r in records if r["type"] == "completion"]
    at = next((i for i, r in enumerate(done) if r["sqid"] == 0 and r["opcode"] == 0x80), None)
    if at is None:
        return False, False
    before = [r["latency_ns"] for r in done[:at] if io(r)][-8:]
    after = [r["latency_ns"] for r in done[at:] if io(r)][:8]
    return True, statistics.median(before) > 2 * statistics.median(after)


def status_first(records):
    """A head doorbell for an entry that wasn't posted as a whole yet."""
    bad = [r for r in records if r.get("doorbell") == "cq_head" and not r["valid"]]
    return bool(bad), bool(bad) and any(queue_state(p, 1)[2] + queue_state(p, 1)[1] > 0 for p in pauses(records))


def limits(records):
    refused = [r for r in records if r["type"] == "completion" and r["status"] != 0]
    return bool(refused), bool(refused)


def stalls_unacknowledged(records):
    states = [queue_state(before, 1) for before in pauses(records)]
    effect = any(waiting > 0 and unacknowledged >= 8 for waiting, unacknowledged, _ in states)
    return effect, effect


def reconnect(records):
    habit = effect = False
    enabled = lingering = False
    for r in records:
        if written(r, 0x14):
            on = bool(r["value"] & EN)
            habit |= lingering and on
            lingering = lingering or (enabled and not on)
            enabled = on
        elif read(r, 0x1c) and not r["value"] & RDY:
            lingering = False
        elif lingering and r["type"] == "reg_write" and 0x24 <= r["offset"] < 0x38:
            habit = True
    for before in pauses(records):
        enabled = max((i for i, r in enumerate(before) if written(r, 0x14)), default=len(before))
        effect |= queue_state(before[enabled:], 0)[1] > 0
    return habit, effect


def apple_like(records):
    told = False
    habit = False
    for r in records:
        if r["type"] == "command" and r["sqid"] == 0 and r["opcode"] >= 0xc0:
            told = True
        if r["type"] == "command" and r["sqid"] == 0 and r["opcode"] in (1, 5) and not told:
            habit = True
        if r["type"] == "command" and r["sqid"] > 0 and not r["command_flags"] & 0x3c:
            habit = True
    return habit, any(read(r, 0x1c) and r["value"] & CFS for r in records)


def buffer_reuse(records):
    pages = [r["prp1"] >> 12 for r in records if r["type"] == "command" and io(r)]
    habit = any(page in pages[max(0, i - 8):i] for i, page in enumerate(pages))
    return habit, any(queue_state(before, 1)[2] > 0 for before in pauses(records))


def doorbell_race(records):
    bells = [r for r in records if r["qid"] == 1 and r.get("doorbell")]
    habit = any(a["doorbell"] != b["doorbell"] and b["time_ns"] - a["time_ns"] < 100_000
                for a, b in zip(bells, bells[1:]))
    return habit, any(queue_state(before, 1)[0] > 0 for before in pauses(records))


def lost_interrupts(records):
    habit = effect = stale = False
    for r in records:
        if r["type"] == "msix_write" and r["offset"] // 16 == 1:
            stale = True
        elif r["type"] == "msix_read":
            stale = False
        elif r["type"] == "completion" and io(r):
            habit |= stale
    for before in pauses(records):
        told = max((i for i, r in enumerate(before) if r["type"] == "interrupt" and r["cqid"] == 1), default=0)
        effect |= any(r["type"] == "completion" and io(r) for r in before[told:])
    return habit, effect


def no_queue_count(records):
    asked = habit = effect = False
    for r in records:
        if written(r, 0x14):
            asked = asked and bool(r["value"] & EN)
        if r["type"] == "completion" and r["sqid"] == 0:
            if r["opcode"] == 9 and r["cdw10"] & 0xff == 7 and r["status"] == 0:
                asked = True
            if r["opcode"] in (1, 5):
                habit |= not asked
                effect |= r["status"] != 0
    return habit, effect


def main():
    records = [json.loads(line) for line in sys.stdin]
    assert records, "an empty trace shows nothing"
    habit, effect = globals()[sys.argv[1].replace("-", "_")](records)
    print("habit:", "yes" if habit else "no")
    print("effect:", "yes" if effect else "no")


main()
