#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""fields_check.py WITH-PLUGIN TRACE: -T fields prints of each field what the whole tree has of it.

For -T fields the plug-in adds only what -e names, as it reads from tshark's command line. Where it can't read it,
as with -n and -e written together, it adds everything: that is what it is held against. The fields are asked for in
groups, since what one asks for brings another's subtree along.
"""
import subprocess
import sys
from xml.etree import ElementTree

GROUPS = 2


def tshark(with_plugin, trace, *options):
    return subprocess.run([with_plugin, "tshark", "-2", "-r", trace, *options], check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True).stdout


def shown(with_plugin, trace):
    """Names of fields, of ours, of nvme.* and of expert information, that a frame shows (hidden or not)."""
    names = {}
    for field in ElementTree.fromstring(tshark(with_plugin, trace, "-n", "-T", "pdml")).iter("field"):
        name = field.get("name") or ""
        if name.startswith(("nvmetap.", "nvme.", "_ws.expert.", "json.")):
            names[name] = True
    return list(names)


def main(with_plugin, trace):
    names = shown(with_plugin, trace)
    bad = 0
    for group in range(GROUPS):
        rest = [word for name in names[group::GROUPS] for word in ("-e", name)]
        narrow = tshark(with_plugin, trace, "-n", "-T", "fields", "-e", "frame.number", *rest)
        whole = tshark(with_plugin, trace, "-T", "fields", "-ne", "frame.number", *rest)
        for number, (one, other) in enumerate(zip(narrow.splitlines(), whole.splitlines()), 1):
            for name, value, expected in zip(["number", *rest[1::2]], one.split("\t"), other.split("\t")):
                if value != expected:
                    print(f"frame {number}: {name} is '{value}' and not '{expected}'")
                    bad += 1
        bad += narrow != whole
    print(f"{len(names)} fields, {bad} differences")
    return 1 if bad or len(names) < 30 else 0


sys.exit(main(*sys.argv[1:]))
