#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""check_links.py [-2] FILE: judge the output of links.test's and samples.test's tshark -T fields.

Every completion's latency must be the difference of the two frames' time stamps; every link must
lead to a frame of the right kind, and with -2 back as well.
"""
import sys
from decimal import Decimal

NAMES = ("number time type response_in response_to doorbell_in interrupt_in acknowledged_in first_command "
         "last_command first_completion last_completion entries latency fetch interrupt acknowledge "
         "command_in cmd_pkt cqe_pkt cmd_latency").split()
COMMAND, COMPLETION, DATA, VERDICT, INTERRUPT = "11", "12", "13", "15", "10"
WRITES = ("5", "6")


def main(argv):
    two = argv[1] == "-2"
    frames = {}
    with open(argv[-1], encoding="utf-8") as lines:
        for line in lines:
            row = dict(zip(NAMES, line.rstrip("\n").split(",")))
            frames[row["number"]] = row
    bad, latencies, links = [], 0, 0

    def want(true, frame, text):
        nonlocal links
        links += 1
        if not true:
            bad.append(f"frame {frame['number']}: {text}")

    def span(frame, name, start, end):
        nonlocal latencies
        latencies += 1
        took = Decimal(frames[end]["time"]) - Decimal(frames[start]["time"])
        want(Decimal(frame[name]) == took, frame, f"{name} {frame[name]} isn't {took}")

    for f in frames.values():
        if f["type"] == COMPLETION and f["response_to"]:
            command = frames[f["response_to"]]
            want(command["type"] == COMMAND, f, "response_to isn't a command")
            want(f["cmd_pkt"] == f["response_to"], f, "nvme.cmd_pkt isn't response_to")
            want(abs(Decimal(f["cmd_latency"]) - Decimal(f["latency"]) * 1000) < Decimal("0.000001"), f,
                 "nvme.cmd_latency isn't the latency in ms")
            span(f, "latency", f["response_to"], f["number"])
            if f["fetch"]:
                span(f, "fetch", f["doorbell_in"], f["response_to"])
            if f["interrupt"]:
                span(f, "interrupt", f["number"], f["interrupt_in"])
            if f["acknowledge"]:
                span(f, "acknowledge", f["number"], f["acknowledged_in"])
            if two:
                want(command["response_in"] == f["number"], f, "its command doesn't lead here")
                want(command["cqe_pkt"] == f["number"], f, "nvme.cqe_pkt doesn't lead here")
        if f["type"] == COMMAND and f["fetch"]:
            span(f, "fetch", f["doorbell_in"], f["number"])
        if f["type"] == COMMAND and f["response_in"]:
            want(frames[f["response_in"]]["response_to"] == f["number"], f, "its completion leads elsewhere")
        for name, kinds in (("doorbell_in", WRITES), ("acknowledged_in", WRITES), ("interrupt_in", (INTERRUPT,))):
            if f[name]:
                want(frames[f[name]]["type"] in kinds, f, f"{name} isn't of that kind")
        if f["command_in"]:
            want(frames[f["command_in"]]["type"] == COMMAND, f, "command_in isn't a command")
        if not two:
            continue
        if f["type"] == COMMAND and f["doorbell_in"]:
            bell = frames[f["doorbell_in"]]
            want(int(bell["first_command"]) <= int(f["number"]) <= int(bell["last_command"]), f,
                 "its doorbell doesn't list it")
        for name in ("interrupt_in", "acknowledged_in"):
            if f["type"] == COMPLETION and f[name]:
                signal = frames[f[name]]
                want(signal["first_completion"] and
                     int(signal["first_completion"]) <= int(f["number"]) <= int(signal["last_completion"]), f,
                     f"{name} doesn't list it")
    print(f"{len(frames)} frames, {latencies} times, {links} checks, {len(bad)} wrong")
    print("\n".join(bad[:20]))
    return 1 if bad or not latencies else 0


sys.exit(main(sys.argv))
