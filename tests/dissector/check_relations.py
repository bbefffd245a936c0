#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""check_relations.py DUMP.json FIELDS: each link and number of tshark -2 -T fields, and those of dump --json,
against links_model.py's own calculation from the raw records; and there must be some of each of NEEDED=….
"""
import collections
import json
import os
import sys

from links_model import COLUMNS, Model

# dump reads a trace once: what it tells it must know by then.
JSON = {"size": "transfer_size", "throughput": "throughput", "interarrival": "interarrival_ns", "depth": "depth",
        "range.first": "range_first_record", "range.previous": "range_previous_record", "retry_of": "retry_of_record",
        "abort.victim": "victim_record", "queue.created_in": "queue_created_record",
        "queue.cq_created_in": "cq_created_record", "queue.create": "created_record", "reset.count": "reset_count",
        "reset.first": "reset_first_record", "reset.last": "reset_last_record", "reset.asked_in": "reset_asked_record",
        "enabled_in": "enabled_record", "shutdown.asked_in": "shutdown_record"}


def main(argv):
    model = Model()
    records = {}
    with open(argv[1], encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            records[record["record"]] = record
            model.take(record)
    want = model.finish()
    bad, compared, seen = [], 0, collections.Counter()

    def compare(who, number, column, got):
        nonlocal compared
        true = [value for value in want[number][column] if value is not None]
        compared += len(true)
        seen[column] += bool(true)
        if got != true:
            bad.append(f"record {number} ({records[number]['type']}): {who} {column} {got}, it is {true}")

    with open(argv[2], encoding="utf-8") as lines:
        for line in lines:
            number, *cells = line.rstrip("\n").split("\t")
            number = int(number)
            for column, cell in zip(COLUMNS, cells, strict=True):
                compare("tshark", number, column, [int(value) for value in cell.split(",") if value])
            for column, key in JSON.items():
                record = records[number]
                # A command's data, its retry and its end come after it; a Delete's count after its fetch.
                if column == "size" and record["type"] == "command" and key not in record:
                    continue
                if column in ("queue.created_in", "queue.cq_created_in", "queue.create") and \
                        record["type"] == "command" and record["sqid"] == 0:
                    continue
                compare("dump", number, column, [record[key]] if key in record else [])
    missing = [column for column in os.environ.get("NEEDED", "").split() if not seen[column]]
    print(f"{compared} values, {len(bad)} wrong, {len(seen)} kinds")
    print("\n".join(bad[:20] + [f"none of {column}" for column in missing]))
    return 1 if bad or missing or not compared else 0


sys.exit(main(sys.argv))
