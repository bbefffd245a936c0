#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Wireshark's built-in NVMe dissector as the judge of ours: the same commands, completions and data, once as
a trace and once as NVMe/TCP, must have the same values in every pair of fields of judge_fields.

judge.py write DIR TRACE…      DIR/trace.pcap, DIR/tcp.pcap, DIR/flipped.pcap (bytes of it falsified), and what is to be asked
judge.py compare DIR           DIR/ours and DIR/theirs, what tshark -T fields said of them; with --flipped, that every
                               falsified frame and no other is found
judge.py fields DIR            DIR/their_list (tshark -G fields): each nvme.* field stands in judge_fields
"""
import calendar
import collections
import json
import pathlib
import re
import struct
import sys
import time

import judge_tcp
import judge_trace

HERE = pathlib.Path(__file__).resolve().parent
SEPARATOR = "\x7f"  # of a field's values
RAW = {"sqe": "sqe", "cqe": "cqe", "payload": "data"}  # what the trace recorded, as bytes; a capsule's data after its entry
ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|.)")
ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class Row:
    """A line of judge_fields."""

    def __init__(self, line, number):
        self.ours, self.theirs, self.how, self.remark = (cell.strip() for cell in line.split("|", 3))
        self.number = number
        self.words = self.how.split()
        self.unseen = self.take("unseen")  # not in any of the traces, or in this version
        self.more = self.take("more")      # on more of our frames than there
        self.set = self.take("set") or self.more  # on our frames too
        self.since = self.take_version("since")
        self.before = self.take_version("before")
        self.values = self.telling = 0

    def take(self, word):
        if word not in self.words:
            return False
        self.words.remove(word)
        return True

    def take_version(self, word):
        if word not in self.words:
            return None
        at = self.words.index(word)
        version = self.words[at + 1]
        del self.words[at:at + 2]
        return tuple(int(part) for part in version.split("."))

    def option(self, word, count=1):
        """The numbers that follow a word, or None."""
        if word not in self.words:
            return None
        at = self.words.index(word)
        return [int(number) for number in self.words[at + 1:at + 1 + count]]

    def holds(self, version):
        return (not self.since or version >= self.since) and (not self.before or version < self.before)

    def compared(self):
        return self.ours != "-"

    def expected(self, ours):
        """Theirs by ours: a list, as long as ours is."""
        part = self.option("bytes", 2)
        if part:
            every = self.option("every")
            at, size = part
            whole = ours[0]
            ends = range(at, len(whole) - size + 1, every[0]) if every else [at] if at + size <= len(whole) else []
            ours = [whole[start:start + size] for start in ends]
        if "highest" in self.words:
            ours = [value[::-1] for value in ours]
        item = self.option("item")
        if item:
            ours = ours[item[0]:item[0] + 1]
        less = self.option("less")
        if less:
            ours = [number(value) - less[0] for value in ours]
        bits = self.option("bits", 2) if "their" not in self.words else None
        if bits:
            ours = [number(value) >> bits[0] & (1 << bits[1]) - 1 for value in ours]
        if "nonzero" in self.words:
            ours = [int(number(value) != 0) for value in ours]
        return ours

    def told(self, theirs):
        """Theirs, in the form of what is expected."""
        bits = self.option("bits", 2) if "their" in self.words else None
        if bits:
            theirs = [number(value) >> bits[0] & (1 << bits[1]) - 1 for value in theirs]
        if "capped" in self.words:  # our field has 64 bits
            theirs = [min(number(value), (1 << 64) - 1) for value in theirs]
        return theirs


def number(value):
    return int.from_bytes(value, "little") if isinstance(value, bytes) else value


def plain(value):
    """Nothing but zeros or blanks."""
    return not value.strip(b" \0") if isinstance(value, bytes) else not value


def same(ours, theirs):
    """One value of each; bytes can be a number (the lowest first) or a text."""
    if isinstance(ours, bytes) != isinstance(theirs, bytes):
        raw, other = (ours, theirs) if isinstance(ours, bytes) else (theirs, ours)
        if isinstance(other, str):
            return raw.split(b"\0")[0].decode("ascii", "replace").strip() == other
        return number(raw) == other
    if isinstance(ours, str) != isinstance(theirs, str):
        text, count = (ours, theirs) if isinstance(ours, str) else (theirs, ours)
        return count.to_bytes(8, "little").decode("ascii", "replace").strip(" \0") == text
    return ours == theirs


def table():
    rows = []
    for at, line in enumerate((HERE / "judge_fields").read_text(encoding="utf-8").splitlines(), 1):
        if line and not line.startswith("#"):
            rows.append(Row(line, at))
    return rows


def field_types(path):
    types = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            cells = line.rstrip("\n").split("\t")
            if cells[0] == "F" and re.match(r"nvme(tap)?\.", cells[2]):
                types[cells[2]] = cells[3]
    return types


def parse(kind, text):
    if kind in ("FT_BYTES", "FT_GUID", "FT_EUI64"):
        return bytes.fromhex(text.replace(":", "").replace("-", ""))
    if kind.startswith("FT_STRING"):
        # Ours has \\x18 for a byte that isn't text; since 4.4 tshark escapes the backslash once more.
        while re.search(r"\\x[0-9a-f]{2}|\\[abfnrtv]", text):
            text = ESCAPE.sub(lambda m: chr(int(m[1][1:], 16)) if m[1][0] == "x" and len(m[1]) == 3 else
                              ESCAPED.get(m[1], m[1]), text)
        return text.strip(" \0")
    if kind == "FT_ABSOLUTE_TIME":  # milliseconds since 1970
        form = "%b %d, %Y %H:%M:%S" if text[0].isalpha() else "%Y-%m-%dT%H:%M:%S"
        seconds, fraction = text.split(".")
        return calendar.timegm(time.strptime(seconds, form)) * 1000 + int(fraction[:3])
    if text in ("True", "False"):
        return int(text == "True")
    return int(text, 0) if re.fullmatch(r"0x[0-9a-fA-F]+|-?\d+", text) else text


def told(path, names, types):
    """Frame → field → values, as tshark -T fields told them."""
    frames = {}
    with open(path, encoding="utf-8", newline="\n", errors="replace") as lines:
        for line in lines:
            first, *cells = line.rstrip("\n").split("\t")
            frames[int(first)] = {name: [parse(types[name], text) for text in cell.split(SEPARATOR)]
                                  for name, cell in zip(names, cells) if cell}
    return frames


def names_asked(rows, theirs):
    """The fields that are asked for of the trace and of NVMe/TCP."""
    nvme = sorted({row.theirs for row in rows} & set(theirs))
    return sorted({row.ours for row in rows if row.compared()} - set(RAW)) + nvme, nvme


def write(directory, traces):
    judge_trace.make().write(directory / "structures.pcap")
    records, commands = judge_tcp.read([directory / "structures.pcap"] + traces)
    with open(directory / "trace.pcap", "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 159))
        for at, record in enumerate(records):
            out.write(struct.pack("<IIII", 1800000000 + at // 10**6, at % 10**6 * 1000, len(record), len(record)))
            out.write(record)
    with open(directory / "tcp.pcap", "wb") as out:
        writer = judge_tcp.Writer(out)
        writer.write(commands)
    flipped = judge_tcp.flip(directory / "tcp.pcap", directory / "flipped.pcap", writer.pairs)
    told_of = [(frame, ours, raw.hex(), kind) for frame, ours, raw, kind in writer.pairs]
    (directory / "pairs.json").write_text(json.dumps({"pairs": told_of, "flipped": flipped}))
    ours, theirs = names_asked(table(), field_types(directory / "their_list"))
    for name, fields in (("ours", ours), ("theirs", theirs)):
        (directory / f"{name}_asked").write_text("".join(f"-e {field} " for field in ["frame.number"] + fields))


def check_fields(directory):
    """Every field that this Wireshark has is in the table; of 4.0's, which it was made from, none is missing."""
    have = {name for name in field_types(directory / "their_list") if name.startswith("nvme.")}
    rows = table()
    known = {row.theirs for row in rows}
    missing = sorted(have - known)
    for name in missing:
        print(f"{name} isn't in judge_fields")
    gone = sorted({row.theirs for row in rows if not row.since} - have)
    for name in gone:
        print(f"{name} of judge_fields isn't in this Wireshark")
    silent = [row for row in rows if not row.compared() and not row.remark]
    for row in silent:
        print(f"judge_fields:{row.number}: not compared, and no reason")
    compared = {row.theirs for row in rows if row.compared()} & have
    print(f"{len(compared)} of {len(have)} compared")
    return not missing and not gone and not silent


class Judge:
    def __init__(self, directory, version, rows):
        self.types = {**field_types(directory / "their_list"), **field_types(directory / "our_list")}
        self.rows = [row for row in rows if row.holds(version)]
        self.by_theirs = collections.defaultdict(list)
        for row in self.rows:
            if row.compared():
                self.by_theirs[row.theirs].append(row)
        self.asked = names_asked(rows, field_types(directory / "their_list"))
        unknown = [name for name in self.asked[0] if name not in self.types]
        if unknown:
            raise SystemExit(f"fields that nvmetap doesn't have: {' '.join(unknown)}")
        self.ours = told(directory / "ours", self.asked[0], self.types)
        self.wrong = collections.defaultdict(list)  # frame of NVMe/TCP → what differs
        self.direct = collections.Counter()

    def pair(self, frame, ours, raw, kind, theirs):
        told_of = [self.ours[number] for number in ours]
        for name, values in theirs.items():
            compared = 0
            for row in self.by_theirs.get(name, ()):
                if row.ours in RAW:
                    mine = [raw] if RAW[row.ours] == kind else None
                else:
                    mine = next((one[row.ours] for one in told_of if row.ours in one), None)
                if mine is None:
                    continue
                compared += 1
                self.values(frame, ours, row, row.expected(mine), row.told(values))
            # What is nothing but zeros, ours sums up.
            if not compared and self.by_theirs.get(name) and not all(plain(value) for value in values):
                self.wrong[frame].append(f"{name} has {values[:4]}, our frames {ours} nothing")
            # Wireshark's own field on our frame: no translation, one comparison.
            if name in told_of[0] and name in self.by_theirs:
                self.direct[name] += 1
                if told_of[0][name] != values:
                    self.wrong[frame].append(f"{name} is {told_of[0][name][:4]} on our frame {ours[0]}, {values[:4]} there")
        # A response that ends without a status is one that a bug of theirs cut short.
        # Fabrics commands have fields of their own there.
        whole = kind != "cqe" or "nvme.cqe.status" in theirs
        if whole and "nvme.fabrics.cmd" not in theirs and "nvme.fabrics.cqe" not in theirs:
            for name in told_of[0]:
                if name in self.by_theirs and name not in theirs and not any(row.more for row in self.by_theirs[name]):
                    self.wrong[frame].append(f"{name} is only on our frame {ours[0]}")

    def values(self, frame, ours, row, expected, theirs):
        first = row.option("first")
        if first:
            expected, theirs = expected[:first[0]], theirs[:first[0]]
        # An array ends where only zeros follow, or where its count says.
        rest = theirs[len(expected):]
        if len(expected) > len(theirs) or any(not plain(value) for value in rest) or \
                not all(same(mine, their) for mine, their in zip(expected, theirs)):
            self.wrong[frame].append(f"judge_fields:{row.number}: {row.ours} {expected[:4]} of frames {ours}, "
                                     f"{row.theirs} {theirs[:4]}")
        row.values += len(expected)
        row.telling += any(not plain(value) for value in expected)


def compare(directory, version, flipped):
    judge = Judge(directory, version, table())
    theirs = told(directory / ("their_flipped" if flipped else "theirs"), judge.asked[1], judge.types)
    written = json.loads((directory / "pairs.json").read_text())
    for frame, ours, raw, kind in written["pairs"]:
        if not flipped or frame in theirs:  # only the beginning is falsified
            judge.pair(frame, ours, bytes.fromhex(raw), kind, theirs[frame])
    if flipped:
        found, want = sorted(judge.wrong), sorted(written["flipped"])
        print(f"falsified {want}, found {found[:20]}")
        return found == want
    for frame, what in list(judge.wrong.items())[:20]:
        print(f"frame {frame}: {what[0]}")
    unused = [row for row in judge.rows if row.compared() and not row.telling and not row.unseen]
    for row in unused:
        print(f"judge_fields:{row.number}: {row.ours} and {row.theirs}: nothing but zeros compared")
    set_too = {row.theirs for row in judge.rows if row.set}
    other = sorted(set_too ^ set(judge.direct))
    for name in other:
        print(f"{name} is {'not ' if name in set_too else ''}on our frames, other than judge_fields says")
    used = [row for row in judge.rows if row.values]
    print(f"{sum(row.values for row in used)} values of {len(used)} pairs of fields, "
          f"{sum(judge.direct.values())} of {len(judge.direct)} nvme.* fields on our frames")
    return not judge.wrong and not unused and not other


def main(argv):
    if len(argv) < 3:
        raise SystemExit(__doc__)
    command, directory = argv[1], pathlib.Path(argv[2])
    version = tuple(int(part) for part in (directory / "version").read_text().split(".")[:2])
    if command == "write":
        write(directory, [pathlib.Path(path) for path in argv[3:]])
        return 0
    if command == "fields":
        return 0 if check_fields(directory) else 1
    return 0 if compare(directory, version, "--flipped" in argv) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv))
