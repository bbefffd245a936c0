#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""compare_verbose.py DUMP PDML: nvmetap dump -v against tshark -T pdml, label by label.

Of each record, every line that both print must say the same number and the same name. A label
that only one prints must be in ONLY_DUMP or ONLY_TSHARK below. What stands below State must be the
same, in the same order.
"""
import collections
import functools
import re
import sys
import xml.etree.ElementTree as tree

# Told by both, in forms that don't compare: bytes or a name.
OTHER_FORM = ("Submission Queue Entry", "Completion Queue Entry", "Plug-in", "Time of the First Loss",
              "Time of the Last Loss")
# By Wireshark's names: findings, which `nvmetap check` prints.
ONLY_TSHARK_FIELDS = re.compile(r"nvmetap\.check")
# What one of them tells otherwise, or the other can't know.
ONLY_DUMP = re.compile(r"""^(
    Use.of.this.identifier | (Outstanding|Under.way).on.its.queue | (Announced|Fetched|Completed).in.record |
        Time:.* | Commands.that.it.stands.for  # Wireshark has them as links (relations.c)
  | Byte.in.the.File | Time | Record  # the frame's, not the record's
  | JSON                  # its text: Wireshark's is cut
)$""", re.X)
ONLY_TSHARK = re.compile(r"""^(
    # Links and latencies: dump has them in brackets and in µs.
    (Execute.|Fetch.)?Latency | (Command|Completion|Response|Doorbell|First|Last|Announced|Interrupt|
        Acknowledg|Previous|Queue|In.Flight|Covers|Handles).*
  | .*\(nvme\..*          # Wireshark's own fields
  | .*\(\d+              # of Wireshark's own text: (1 of 2: …
  | Description.* | Entries
)$""", re.X)
# The same by another name.
RENAMED = {"Queue Depth": "Outstanding on its queue", "Reuse of the Command Identifier": "Use of this identifier",
           "Command in": "Fetched in record", "Announced by the doorbell in": "Announced in record",
           "Completion of the command in": "Fetched in record"}
BYTES = "its bytes"
FLAGS = "its flags"  # of dump: all names in parentheses; of tshark: (name, is it set)

STATE = "\0state"


@functools.lru_cache(maxsize=1 << 16)
def value(text):
    """The number that a value says, and its name; or the text."""
    text = text.strip()
    if text in ("True", "False"):
        return (int(text == "True"), None)
    match = re.fullmatch(r"(0x[0-9a-f]+|0|[1-9]\d*)(?: \((.*)\))?", text)
    if match:  # 0x06 (Identify), 8 (0x7, zero-based)
        name = match.group(2)
        return (int(match.group(1), 0), None if name and re.match(r"0x|\d+$", name) else name)
    match = re.fullmatch(r"(.*) \((0x[0-9a-f]+|0|[1-9]\d*)\)", text)
    if match:  # Identify (0x06)
        name = None if match.group(1) in ("Unknown", "unknown") else match.group(1)
        return (int(match.group(2), 0), name)
    match = re.fullmatch(r"(0x[0-9a-f]+|0|[1-9]\d*)(,| \().*", text)
    if match:  # flags, each with its name
        return (int(match.group(1), 0), None)
    return text


def same(ours, theirs):
    if isinstance(ours, str) and isinstance(theirs, tuple):
        return ours == theirs[1]  # an address written out, and its number
    if isinstance(ours, str) or isinstance(theirs, str):
        return ours == theirs
    names = {name for name in (ours[1], theirs[1]) if name not in (None, "not known")}
    return ours[0] == theirs[0] and len(names) <= 1


def dump_records(path):
    """{number: {label: values}}; the bytes of its tail under BYTES."""
    records, lines = {}, None
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            start = re.match(r" *(\d+) +-?\d+\.\d{9} ", line)
            if start:
                lines = records[int(start.group(1))] = collections.defaultdict(list)
                continue
            state = re.match(r" {4}\[State: (.*)\]$", line)
            if state and lines is not None:
                lines = lines[STATE]
                lines.append(("State", state.group(1)))
                continue
            entry = re.match(r" {4,}(\S.*?) {2,}(\S.*)$", line)
            if isinstance(lines, list):
                if entry:
                    lines.append((entry.group(1), value(entry.group(2))))
                continue
            if entry and lines is not None and re.fullmatch("0x[0-9a-f]{4,}", entry.group(1)):
                at = line.index("0x") + len(entry.group(1)) + 2
                lines[BYTES].append(line[at:at + 48].replace(" ", ""))
            elif entry and lines is not None:
                lines[re.sub(r"^\[(.*)\]$", r"\1", entry.group(1))].append(value(entry.group(2)))
                lines[FLAGS] += re.findall(r"\(([a-z][^()]*)\)", entry.group(2))
    return records


def tshark_records(path):
    for _, packet in tree.iterparse(path):
        if packet.tag != "packet":
            continue
        number, lines = None, collections.defaultdict(list)
        for field in packet.iter("field"):
            name, shown = field.get("name", ""), field.get("showname")
            if name == "num":
                number = int(field.get("show"))
            if not name.startswith("nvmetap.") or shown is None or field.get("hide") == "yes":
                continue
            if ONLY_TSHARK_FIELDS.match(name):
                continue
            if name == "nvmetap.payload":
                lines[BYTES].append(field.get("value"))
                continue
            shown = re.sub(r"^[01. ]+ = ", "", shown)
            label, colon, text = shown.partition(": ")
            if re.match(r"nvmetap\.state\b", name):
                lines[STATE].append((label, text if label == "State" else value(text)))
            elif re.fullmatch("nvmetap.*_?flags.*[a-z]", name) and text in ("True", "False"):
                lines[FLAGS].append((label, text == "True"))
            elif colon and text != "":  # of an empty text dump has the label alone
                lines[RENAMED.get(label, label)].append(value(text))
        yield number, lines
        packet.clear()


def main(argv):
    dump = dump_records(argv[1])
    compared = bad = states = 0
    only = collections.Counter()
    for number, theirs in tshark_records(argv[2]):
        ours = dump.pop(number, {})
        ours_state, theirs_state = ours.pop(STATE, []), theirs.pop(STATE, [])
        compared += len(theirs_state)
        states += bool(theirs_state)
        if [label for label, _ in ours_state] != [label for label, _ in theirs_state] or \
                not all(same(a[1], b[1]) for a, b in zip(ours_state, theirs_state)):
            bad += 1
            print(f"record {number}: state: dump {ours_state}, tshark {theirs_state}")
        names = ours.pop(FLAGS, [])
        for name, is_set in theirs.pop(FLAGS, []):
            compared += 1
            if is_set != (name in names):
                bad += 1
                print(f"record {number}: flag {name}: tshark {is_set}")
        # What a list's bytes say stands in its entries, and a transfer's in its pieces.
        theirs_bytes, ours_bytes = theirs.pop(BYTES, []), "".join(ours.pop(BYTES, []))
        if ours_bytes and not {"PRP Entry", "SGL Descriptor"} & theirs.keys():
            compared += 1
            if theirs_bytes[0] != ours_bytes:
                bad += 1
                print(f"record {number}: its bytes differ")
        for label in (ours.keys() | theirs.keys()) - set(OTHER_FORM):
            if label not in theirs:
                if not ONLY_DUMP.match(label):
                    only["dump: " + label] += 1
            elif label not in ours:
                if not ONLY_TSHARK.match(label):
                    only["tshark: " + label] += 1
            else:
                for a, b in zip(ours[label], theirs[label]):
                    compared += 1
                    if not same(a, b):
                        bad += 1
                        if bad < 20:
                            print(f"record {number}: {label}: dump {a!r}, tshark {b!r}")
    for label, count in only.most_common(60):
        print(f"only in {label} ({count} times)")
    print(f"{compared} values compared, {states} states, {bad} differ, {len(only)} labels in one only")
    return 1 if bad or only or not compared or not states or dump else 0


sys.exit(main(sys.argv))
