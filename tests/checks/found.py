#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""found.py [rules]: from what `nvmetap check --json` printed: RULE@RECORD of each finding, sorted by
record and rule, in one line; with "rules" the rules alone, each once. Exits 1 when a key is missing."""
import json
import sys

KEYS = {"rule": str, "severity": str, "spec": str, "record": int, "time_ns": int, "controller": int,
        "evidence": int, "text": str}

out = json.load(sys.stdin)
findings = out["findings"]
for finding in findings:
    for key, kind in KEYS.items():
        assert isinstance(finding[key], kind), f"{key} of {finding}"
    assert finding["severity"] in ("note", "warning", "error")
    assert 1 <= finding["record"] <= finding["evidence"], finding
sums = {s: sum(f["severity"] == s for f in findings) for s in ("error", "warning", "note")}
if sum(sums.values()) == sum(out["found"].values()):  # else --max cut them
    assert (out["errors"], out["warnings"], out["notes"]) == tuple(sums.values()), out
if sys.argv[1:] == ["rules"]:
    print(*sorted({f["rule"] for f in findings}))
else:
    print(*(f"{rule}@{record}" for record, rule in sorted((f["record"], f["rule"]) for f in findings)))
