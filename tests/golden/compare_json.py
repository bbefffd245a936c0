#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""compare_json.py EXPECTED ACTUAL: every key of each line of EXPECTED is in ACTUAL's, with its value."""
import json
import sys
from itertools import zip_longest


def main():
    bad = lines = fields = 0
    with open(sys.argv[1]) as a, open(sys.argv[2]) as b:
        for number, (expected, actual) in enumerate(zip_longest(a, b), 1):
            if expected is None or actual is None:
                print(f"line {number}: only in {'actual' if expected is None else 'expected'}")
                return 1
            expected, actual = json.loads(expected), json.loads(actual)
            lines += 1
            for key, value in expected.items():
                fields += 1
                if key not in actual or actual[key] != value or \
                        isinstance(actual[key], bool) != isinstance(value, bool):
                    print(f"line {number}: {key}: {value!r} expected, {actual.get(key)!r} found")
                    bad += 1
                    if bad == 20:
                        return 1
    print(f"{lines} lines, {fields} fields alike" if not bad else f"{bad} differ")
    return 1 if bad or not lines else 0


sys.exit(main())
