#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""compare_verbose.py DUMP PDML: nvmetap dump -v against tshark -T pdml, label by label.

Of each record, every line that both print must say the same number and the same name. A label
that only one prints must be in ONLY_DUMP or ONLY_TSHARK below.
"""
import collections
import re
import sys
import xml.etree.ElementTree as tree

# Told by both, in forms that don't compare: bytes or a name.
OTHER_FORM = ("Submission Queue Entry", "Completion Queue Entry", "Plug-in", "Time of the First Loss",
              "Time of the Last Loss")
# By Wireshark's names: findings, which `nvmetap check` prints; links between data records; what is told of
# configuration space and messages beside their number, which dump -v doesn't take apart.
ONLY_TSHARK_FIELDS = re.compile(
    r"nvmetap\.(check|data\.(reassembled_in|\w*piece|length|captured|missing|list)$|reg\.(config|part)|"
    r"msix(?!\.vector))")
# What one of them tells otherwise, or the other can't know.
ONLY_DUMP = re.compile(r"""^(
    Use.of.this.identifier | (Outstanding|Under.way).on.its.queue | (Announced|Fetched|Completed).in.record |
        Time:.* | Commands.that.it.stands.for  # Wireshark has them as links (relations.c)
  | Byte.in.the.File | Time | Record  # the frame's, not the record's
  | JSON                  # its text: Wireshark's is cut
)$""", re.X)
ONLY_TSHARK = re.compile(r"""^(
    \[?(Latency|Response|Queue|Doorbell|Command|Fetched|Commands|Completions?|Outstanding|Entries|First|Last|
        Interrupt|Acknowledg|Previous|Time|Under|Announced|Depth|In.Flight|Size|Register|MSI-X|Vector|Name|Use|
        Covers?|Handles|Pending|Overall|Entry).*
  | .*\(nvme\..*          # Wireshark's own fields
  | (Execute|Fetch).Latency | Prefetchable.*
  | [a-z].*               # a flag: dump has the names of those that are set beside the number
  | .*\(\d+              # of Wireshark's own text: (1 of 2: …
  | (Sub|Base).Class.* | Programming.Interface.* | (Signaled|Received|Detected|Master).* | SERR.* |
        Parity.* | Capabilities.List.* | Bus.Master.* | Message.* | Masked | Reuse.* | .*Enable.\([A-Z]+\)
                          # bits of PCI registers, MSI-X entries: dump has the number
  | Payload | PRP.Entry | SGL.Descriptor | Description.* | Text | Unknown.Bytes
)$""", re.X)


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
    records, lines = {}, None
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            start = re.match(r" *(\d+) +-?\d+\.\d{9} ", line)
            if start:
                lines = records[int(start.group(1))] = collections.defaultdict(list)
                continue
            entry = re.match(r" {4,}(\S.*?) {2,}(\S.*)$", line)
            if entry and lines is not None and not entry.group(1).startswith("0x"):
                lines[re.sub(r"^\[(.*)\]$", r"\1", entry.group(1))].append(value(entry.group(2)))
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
            shown = re.sub(r"^[01. ]+ = ", "", shown)
            label, colon, text = shown.partition(": ")
            if colon:
                lines[label].append(value(text))
        yield number, lines
        packet.clear()


def main(argv):
    dump = dump_records(argv[1])
    compared = bad = 0
    only = collections.Counter()
    for number, theirs in tshark_records(argv[2]):
        ours = dump.pop(number, {})
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
    print(f"{compared} values compared, {bad} differ, {len(only)} labels in one only")
    return 1 if bad or only or not compared or dump else 0


sys.exit(main(sys.argv))
