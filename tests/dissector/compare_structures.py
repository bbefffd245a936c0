#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""compare_structures.py DUMP VERBOSE: members in payload records, of nvmetap dump -v and of tshark -O nvmetap."""
import re
import sys

# "Title (ID)", an index, the name of what the index stands for; then the value.
DUMP = re.compile(r"^ {6,}(\S.*? \([A-Z0-9_]+\)(?: \[[^]]*\])?) +(\S.*)$")
TSHARK = re.compile(r"^ +(?:[01. ]+ = )?([^\s[].*? \([A-Z0-9_]+\)(?: \[[^]]*\])?)(?::)? (\S.*)$")
RECORD = re.compile(r"^ *\d+ +\d+\.\d+ +")


def members(lines, pattern, wanted):
    found = []
    for line in lines:
        line = line.rstrip("\n")
        if wanted is not None and RECORD.match(line):
            wanted = " payload " in line
        elif wanted and line.startswith("    [State: "):
            wanted = False
        match = pattern.match(line) if wanted is not False else None
        if match:
            found.append((match.group(1), match.group(2).replace("\\\\", "\\")))
    return found


def main(argv):
    with open(argv[1], encoding="utf-8") as lines:
        dump = members(lines, DUMP, False)
    with open(argv[2], encoding="utf-8") as lines:
        shark = members(lines, TSHARK, None)
    bad = [(ours, theirs) for ours, theirs in zip(dump, shark) if ours != theirs]
    for ours, theirs in bad[:10]:
        print(f"dump {ours}, tshark {theirs}")
    print(f"{len(dump)} members in dump, {len(shark)} in tshark, {len(bad)} differ")
    return 1 if bad or len(dump) != len(shark) or not dump else 0


sys.exit(main(sys.argv))
