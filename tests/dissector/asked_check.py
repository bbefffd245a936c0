#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""asked_check.py WITH-PLUGIN TRACE: each field that a frame's tree shows, a filter for it finds, there and
nowhere else.

What a filter's tree doesn't ask for isn't added at all, by our own judgement of what it asks for.
"""
import json
import subprocess
import sys
from xml.etree import ElementTree


def shown(with_plugin, trace):
    """Field name -> numbers of the frames that show it (hidden or not), of ours and of nvme.*."""
    pdml = subprocess.run([with_plugin, "tshark", "-2", "-n", "-T", "pdml", "-r", trace], check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    frames = {}
    for number, packet in enumerate(ElementTree.fromstring(pdml), 1):
        for field in packet.iter():
            name = field.get("name") or ""
            if name.startswith(("nvmetap.", "nvme.", "_ws.expert")):
                frames.setdefault(name, set()).add(number)
    return frames


def main(with_plugin, trace):
    frames = shown(with_plugin, trace)
    sharkd = subprocess.Popen([with_plugin, "sharkd", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True)

    def ask(method, **params):
        sharkd.stdin.write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}) + "\n")
        sharkd.stdin.flush()
        for line in sharkd.stdout:
            if line.startswith("{"):
                return json.loads(line)["result"]
        raise SystemExit(f"sharkd ended at {method} {params}")

    ask("load", file=trace)
    for number in range(1, ask("status")["frames"] + 1):
        ask("frame", frame=number)  # so that each has been seen once, as in the second pass
    bad = 0
    for name, numbers in sorted(frames.items()):
        found = {row["num"] for row in ask("frames", filter=name)}
        if found != numbers:
            print(f"{name}: shown in {sorted(numbers - found)} and not found, found in {sorted(found - numbers)} "
                  "and not shown")
            bad += 1
    sharkd.stdin.close()
    print(f"{len(frames)} fields, {bad} of them found elsewhere than shown")
    return 1 if bad or len(frames) < 30 else 0


sys.exit(main(*sys.argv[1:]))
