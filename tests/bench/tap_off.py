#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""tap_off.py BUILD: what taps cost an I/O when nobody listens, in instructions; one JSON object.

Three builds of the command (`make tap-off`): the real one, one whose taps were compiled away, and one
that counts how often the controller asks whether somebody listens. The built-in driver's I/Os are run
by valgrind, which counts instructions and simulates a branch predictor: exact, whatever the machine
does meanwhile. Twice, with few I/Os and many: what the start takes falls out.
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

FEW, MANY = 4000, 24000


def record(binary, count, *before):
    out = subprocess.run([*before, binary, "record", "--no-control", "--namespace", "null:64M", "--rw", "randrw",
                          "--depth", "32", "--count", str(count)], check=True, capture_output=True, text=True)
    return out.stderr


def asks(path):
    """The lines of a source file that ask."""
    lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()
    return {number for number, line in enumerate(lines, 1) if re.search(r"\btap_on\(", line)}


def counted(binary, count):
    """Instructions; conditional branches where taps are asked about, and those predicted wrongly."""
    with tempfile.NamedTemporaryFile("r") as out:
        record(binary, count, "valgrind", "--tool=callgrind", "--branch-sim=yes", "--compress-strings=no",
               "--compress-pos=no", f"--callgrind-out-file={out.name}")
        instructions = branches = wrong = 0
        lines, skip = set(), False
        for text in out:
            if re.match(r"f[lie]=", text):
                path = text[3:].strip()
                lines = asks(path) if "/controller/" in path and path.endswith(".c") else set()
            elif text.startswith("calls="):
                skip = True  # the next line is what the callee took
            elif text[0].isdigit():
                numbers = [int(n) for n in text.split()] + [0] * 5
                if not skip:
                    instructions += numbers[1]
                    if numbers[0] in lines:
                        branches += numbers[2]
                        wrong += numbers[3]
                skip = False
        return instructions, branches, wrong


def per_io(values):
    few, many = values
    return (many - few) / (MANY - FEW)


def main():
    build = sys.argv[1]
    figures = {}
    for name, binary in (("with", "nvmetap"), ("without", "tap-off/none/nvmetap")):
        runs = [counted(f"{build}/{binary}", count) for count in (FEW, MANY)]
        figures[name] = [per_io(values) for values in zip(*runs)]
    asked = per_io([int(re.search(r"asked (\d+)", record(f"{build}/tap-off/counted/nvmetap", count))[1])
                    for count in (FEW, MANY)])
    instructions, branches, wrong = figures["with"]
    print(json.dumps({"tap_off.instructions_per_io": round(instructions, 1),
                      "tap_off.asked_per_io": round(asked, 2),
                      "tap_off.instructions_per_tap": round((instructions - figures["without"][0]) / asked, 2),
                      "tap_off.branches_per_tap": round(branches / asked, 3),
                      "tap_off.wrong_per_1000": round(1000 * wrong / branches, 2) if branches else None}))


main()
