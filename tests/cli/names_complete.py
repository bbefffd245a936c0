#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""names_complete.py ENUM NVMETAP TRACE <HEADERS: whether nvmetap dump -v explains every value of an enum of
libnvme's headers (preprocessed, on standard input), in a trace that is made for it: commands by name and fields,
data structures and features by name and members.
"""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "checks"))
# pylint: disable=wrong-import-position
from make_checks import Host

IDENTIFY, GET_LOG_PAGE, SET_FEATURES, FABRICS = 0x06, 0x02, 0x09, 0x7F
OUT, IN = 1, 2
# What says nothing beyond its name: Asynchronous Event Request, Keep Alive, Fabric Zoning Lookup, Clear Exported
# NVM Resource Configuration, Doorbell Buffer Config; Flush.
ADMIN_WITHOUT, IO_WITHOUT = {0x0C, 0x18, 0x25, 0x28, 0x7C}, {0x00}
# What newer headers have of specifications after 2.1.
LATER = {
    "nvme_admin_opcode": {0x38, 0x8C},
    "nvme_cmd_get_log_lid": {0x1D, 0x1E, 0x1F, 0x24, 0x25, 0x27, 0x28, 0x7F},
    "nvme_features_id": {0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28},
}
# "Title (ID)  value (name)"; members of data, and fields in a dword, are indented deeper than the dwords.
FIELD = re.compile(r"^ {6,}\S.*? \(([A-Z0-9_]+)\)(?: \[[^]]*\])? +(\S.*)$")


def values(headers, enum):
    body = re.search(r"enum\s+" + enum + r"\s*\{(.*?)\}", headers, re.S).group(1)
    known = {}
    for name, value in re.findall(r"(\w+)\s*=\s*([^,}]+)", body):
        value = value.strip()
        known[name] = known[value] if value in known else int(value, 0)
    return sorted(set(known.values()) - LATER.get(enum, set()))


def lines_of_record(lines, number):
    mine = False
    for line in lines:
        start = re.match(r"^ *(\d+) +\d+\.\d+ +", line)
        mine = int(start.group(1)) == number if start else mine
        if line.startswith("    [State: "):  # its registers aren't the command's
            mine = False
        if mine:
            yield line


class Asked:
    """A trace with a command for each value, and where each is."""

    def __init__(self):
        self.host = Host()
        self.host.start()
        self.records = {}

    def add(self, value, qid, opcode, direction=None, **more):
        cid, at = self.host.fetch(qid, opcode, **more)
        self.records[value] = [at]
        if direction is not None:  # no byte is zero, so that nothing is left out as empty
            self.host.data(qid, cid, 0, direction, 0x30000000, b"\x01" * 4096)
            self.records[value].append(self.host.number())

    def dump(self, nvmetap, path):
        self.host.write(path)
        return subprocess.run([nvmetap, "dump", "-v", path], check=True, capture_output=True,
                              text=True).stdout.splitlines()


def ask(enum, all_values):
    asked = Asked()
    for value in all_values:
        if enum == "nvme_admin_opcode":
            asked.add(value, 0, value)
        elif enum == "nvme_io_opcode":
            asked.add(value, 1, value)
        elif enum == "nvme_fctype":
            asked.add(value, 0, FABRICS, nsid=value)
        elif enum == "nvme_identify_cns":
            asked.add(value, 0, IDENTIFY, IN, cdw=(value,))
        elif enum == "nvme_cmd_get_log_lid":
            asked.add(value, 0, GET_LOG_PAGE, IN, cdw=(value | 1023 << 16,))
        else:
            asked.add(value, 0, SET_FEATURES, OUT, cdw=(value, 0x01010101))
    return asked


def wrong(enum, value, records, lines):
    """None, or what is missing of a value."""
    command = list(lines_of_record(lines, records[0]))
    fields = {match.group(1): match.group(2) for match in map(FIELD.match, command) if match}
    members = [match for at in records[1:] for match in map(FIELD.match, lines_of_record(lines, at)) if match]
    named = {"nvme_identify_cns": "CNS", "nvme_cmd_get_log_lid": "LID", "nvme_features_id": "FID",
             "nvme_fctype": "FCTYPE"}
    if enum not in named:
        if not any(re.search(rf"Opcode +0x{value:02x} \(.+\)$", line) for line in command):
            return "no name"
        without = ADMIN_WITHOUT if enum == "nvme_admin_opcode" else IO_WITHOUT
        return None if (not fields) == (value in without) else f"its fields: {sorted(fields)}"
    if not fields.get(named[enum], "").endswith(")"):
        return "no name"
    if enum == "nvme_features_id":
        # Beyond the identifier, whether to save it, and the one number that every feature has.
        return None if members or set(fields) - {"FID", "SV", "VALUE", "UIDX"} else "nothing of its value"
    return None if enum == "nvme_fctype" or members else "nothing of its data"


def main(argv):
    enum, nvmetap, path = argv[1:]
    all_values = values(sys.stdin.read(), enum)
    asked = ask(enum, all_values)
    lines = asked.dump(nvmetap, path)
    bad = 0
    for value, records in asked.records.items():
        why = wrong(enum, value, records, lines)
        if why is not None:
            print(f"{enum} {value:#04x}: {why}")
            bad += 1
    print(f"{len(all_values)} values of {enum}")
    return 1 if bad or len(all_values) < 6 else 0


sys.exit(main(sys.argv))
