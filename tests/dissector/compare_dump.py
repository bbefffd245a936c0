#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""compare_dump.py DUMP.json FIELDS: nvmetap dump --json against agree.test's tshark -T fields."""
import json
import sys

COLUMNS = ("record summary seq controller epoch qid cid opcode status command_record doorbell_record latency_ns "
           "fetch_ns depth").split()


def number(text, key):
    if text == "":
        return None
    if key.endswith("_ns"):
        seconds, _, fraction = text.partition(".")
        return int(seconds) * 10**9 + int(fraction.ljust(9, "0"))
    return int(text, 0)


def main(argv):
    with open(argv[1], encoding="utf-8") as lines:
        dump = {record["record"]: record for record in map(json.loads, lines) if "type" in record}
    bad = compared = 0
    with open(argv[2], encoding="utf-8") as lines:
        for line in lines:
            row = dict(zip(COLUMNS, line.rstrip("\n").split("\t")))
            record = dump.pop(int(row["record"]), None)
            if record is None:
                continue
            for key in COLUMNS[1:]:
                ours = row[key] if key == "summary" else number(row[key], key)
                theirs = record.get(key)
                if key in ("opcode", "status") and record["type"] == "verdict":
                    continue  # its status is the plug-in's wish, under a name of its own
                if key in ("cid", "opcode", "depth") and theirs is None:
                    theirs = ours if record["type"] not in ("command", "completion") else theirs
                if key == "doorbell_record" and record["type"] not in ("command", "completion"):
                    continue
                if key == "command_record" and record["type"] != "completion":
                    continue
                compared += 1
                if key == "summary":  # tshark doubles backslashes from 4.4 on
                    ours, theirs = ours.replace("\\\\", "\\"), theirs.replace("\\\\", "\\")
                if ours != theirs:
                    bad += 1
                    print(f"record {record['record']} ({record['type']}) {key}: tshark {ours!r}, dump {theirs!r}")
    for left in dump:
        bad += 1
        print(f"record {left}: tshark has no such frame")
    print(f"{compared} values compared, {bad} differ")
    return 1 if bad or not compared else 0


sys.exit(main(sys.argv))
