#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""check_findings.py CHECK.json FIELDS LIST [each]: nvmetap check and Wireshark find the same rules at the same
records; the field of each rule stands at its records and nowhere else, with its severity and section.

FIELDS: tshark's frame number, rules, severities, messages, and a column for each rule of LIST, in its
order. With `each`, every rule has to be found at least once.
"""
import collections
import json
import sys

SEVERITY = {"note": "4194304", "warning": "6291456", "error": "8388608"}


def main(check, fields, listed, each=None):
    rules = [line.split()[:2] for line in open(listed, encoding="utf-8")]
    wanted = collections.defaultdict(list)
    for finding in json.load(open(check, encoding="utf-8"))["findings"]:
        wanted[finding["record"]].append(finding["rule"])
    bad, found = [], set()
    shown = {}
    for line in open(fields, encoding="utf-8"):
        number, names, severities, messages, *columns = line.rstrip("\n").split("\t")
        names = sorted(names.split(","))
        shown[int(number)] = names
        found.update(names)
        own = sorted(rule for (_, rule), column in zip(rules, columns) if column)
        if own != sorted(set(names)):
            bad.append(f"frame {number}: the fields of {own} and the rules {names}")
        for severity, rule in rules:
            if rule in names and (SEVERITY[severity] not in severities or ", section " not in messages):
                bad.append(f"frame {number}: {rule} has {severities} {messages}")
    for number in sorted(wanted.keys() | shown.keys()):
        if sorted(wanted.get(number, [])) != shown.get(number, []):
            bad.append(f"record {number}: check says {wanted.get(number)}, Wireshark {shown.get(number)}")
    if each:
        bad += [f"{rule} isn't found" for _, rule in rules if rule not in found]
    print("\n".join(bad[:20]))
    print(f"{len(shown)} records with findings, {len(found)} rules, {len(bad)} faults")
    return 1 if bad or (each and len(rules) < 30) else 0


sys.exit(main(*sys.argv[1:]))
