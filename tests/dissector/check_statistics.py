#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""check_statistics.py BUILD TRACE: the tables of tshark -z and of the Statistics menu, one and two passes,
against nvmetap stats and against what is counted here from tshark -T fields.

BUILD/nvmetap is asked for its stats; the environment's WITH runs a command with the plug-in.
"""
import collections
import json
import os
import subprocess
import sys

from sharkd import Sharkd

WITH = os.environ["WITH"]
STAGES = {"Total": "total", "Fetch": "fetch", "Execute": "execute", "Interrupt": "interrupt",
          "Acknowledge": "acknowledge"}
QUANTILES = {"p50_ns": 0.5, "p90_ns": 0.9, "p99_ns": 0.99, "p99_9_ns": 0.999}
KEYS = ["count", "min_ns", "mean_ns", *QUANTILES, "max_ns", "max_record"]


def run(*command, expect=(0,)):
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=120, check=False)
    if done.returncode not in expect:
        raise SystemExit(f"{command}: exit status {done.returncode}")
    return done.stdout


def tshark(trace, *options):
    return run(WITH, "tshark", "-n", "-r", trace, *options)


def table(text):
    """{title: {row's name: [numbers]}}; the title is "" where there is none."""
    tables, title, heads = {}, "", None
    for line in text.splitlines():
        if line.count("|") > 2 and heads is None:
            heads = line.split("|")
        elif line.count("|") > 2:
            name, *numbers, _ = line.split("|")
            assert name.strip() not in tables[title], f"two rows {name}"
            tables[title][name.strip()] = [int(number) for number in numbers]
        elif heads is not None and not line.startswith("="):
            title = line.split(":")[0]
            tables[title] = {}
    return tables


def stats_rows(stats):
    """nvmetap stats as the table has it."""
    rows = {name: {} for name in STAGES.values()}
    for opcode in stats["opcodes"]:
        name = opcode["name"] or ("admin " if opcode["set"] == "admin" else "") + f"opcode 0x{opcode['opcode']:02x}"
        for stage, numbers in opcode["latency"].items():
            rows[stage][name] = [numbers[key] for key in KEYS]
    for stage, numbers in stats["latency"].items():
        rows[stage]["All I/O commands"] = [numbers[key] for key in KEYS]
    return rows


def same_as_stats(latency, stats):
    wanted = stats_rows(stats)
    for title, stage in STAGES.items():
        assert latency[title].keys() == wanted[stage].keys(), (stage, latency[title].keys() ^ wanted[stage].keys())
        for name, numbers in latency[title].items():
            assert numbers == wanted[stage][name], (stage, name, numbers, wanted[stage][name])


def nanoseconds(text):
    seconds, _, fraction = text.partition(".")
    return int(seconds) * 10**9 + int((fraction + "000000000")[:9])


FIELDS = {"number": "frame.number", "type": "nvmetap.type", "qid": "nvmetap.qid", "name": "nvmetap.opcode.name",
          "opcode": "nvmetap.opcode", "latency": "nvmetap.latency", "fetch": "nvmetap.latency.fetch",
          "interrupt": "nvmetap.latency.interrupt", "acknowledge": "nvmetap.latency.acknowledge",
          "status": "nvmetap.status", "response_to": "nvmetap.response_to", "controller": "nvmetap.controller",
          "nsid": "nvmetap.nsid", "size": "nvmetap.size", "src": "_ws.col.Source"}


def frames(trace, *filters):
    options = [option for field in FIELDS.values() for option in ("-e", field)]
    text = tshark(trace, "-2", "-T", "fields", "-E", "occurrence=f", *options, *filters)
    return [dict(zip(FIELDS, line.split("\t"))) for line in text.splitlines()]


def same_as_fields(latency, rows):
    measured = collections.defaultdict(list)
    for frame in rows:
        command, completion = frame["type"] == "11", frame["type"] == "12" and frame["response_to"]
        for title, field in (("Total", "latency"), ("Interrupt", "interrupt"), ("Acknowledge", "acknowledge"),
                             ("Fetch", "fetch")):
            if frame[field] and (command if title == "Fetch" else completion):
                value = (nanoseconds(frame[field]), int(frame["number"]))
                measured[title, frame["qid"] == "0", frame["name"] or frame["opcode"]].append(value)
                if frame["qid"] != "0":
                    measured[title, None, "All I/O commands"].append(value)
    for title in ("Total", "Fetch", "Interrupt", "Acknowledge"):
        here = latency[title].values()
        there = [values for (stage, *_), values in measured.items() if stage == title]
        assert len(here) == len(there), (title, len(here), len(there))
        exact = lambda values: (len(values), min(values)[0], max(values)[0],
                                min(number for ns, number in values if ns == max(values)[0]))
        assert sorted((n[0], n[1], n[7], n[8]) for n in here) == sorted(map(exact, there)), title
        for (stage, *_, name), values in measured.items():
            if stage == title and name in latency[title] and len(values) == latency[title][name][0]:
                quantiles_hold(latency[title][name], sorted(ns for ns, _ in values))


def quantiles_hold(row, values):
    mean = sum(values) / len(values)
    assert abs(row[2] - mean) <= 0.5 + mean / 2**50, (row, mean)
    for got, share in zip(row[3:7], QUANTILES.values()):
        exact = values[max(0, -int(-share * len(values) // 1) - 1)]  # the least that `share` don't exceed
        assert exact <= got <= exact * 33 // 32 + 1, (share, exact, got)


def rows_hold(trace, rows):
    """Queues, namespaces and statuses."""
    by_number = {frame["number"]: frame for frame in rows}
    queues, namespaces, statuses = (collections.defaultdict(lambda: [0] * 5) for _ in range(3))
    for frame in rows:
        kind = frame["type"]
        if kind == "12" and frame["response_to"]:
            command = by_number[frame["response_to"]]
        elif kind == "11":
            command = frame
        else:
            continue
        places = [queues[f"controller {command['controller']} SQ {command['qid']}"]]
        if command["qid"] != "0":
            places.append(namespaces[f"controller {command['controller']} namespace {int(command['nsid'], 0)}"])
        if kind == "12":
            places.append(statuses[int(frame["status"], 0)])
        for place in places:
            place[0] += kind == "12"
            place[1] += kind == "12" and int(frame["status"], 0) != 0
            if kind == "12" and frame["latency"]:
                place[2] = max(place[2], nanoseconds(frame["latency"]))
            place[3] += kind == "11"
            if kind == "12" and int(frame["status"], 0) == 0 and frame["size"]:
                place[4] += int(frame["size"])
    short = lambda numbers: numbers[:2] + [numbers[4], *numbers[6:]]
    for name, wanted, title in (("queues", queues, "Submission Queues"), ("namespaces", namespaces, "Namespaces")):
        got = table(tshark(trace, "-q", "-z", f"nvmetap,{name}"))[title]
        assert {name: short(numbers) for name, numbers in got.items()} == \
            dict(wanted), name
    got = table(tshark(trace, "-q", "-z", "nvmetap,statuses"))["Statuses"]
    assert sorted(map(short, got.values())) == sorted(n[:3] for n in statuses.values())


def response_times_hold(text, latency):
    """The same commands and their mean, in microseconds."""
    got = {}
    for line in text.splitlines():
        words = line.split()
        if words and words[0].isdigit():
            got[" ".join(words[1:-5])] = (int(words[-5]), float(words[-2]))
    wanted = {name: (n[0], n[2]) for name, n in latency["Total"].items() if name != "All I/O commands"}
    assert got.keys() == wanted.keys(), got.keys() ^ wanted.keys()
    for name, (count, mean) in got.items():
        assert count == wanted[name][0] and abs(mean * 1e9 - wanted[name][1]) <= 500 + wanted[name][1] / 1e6, name


def conversations_hold(text, sharkd, rows):
    """Each row's filter finds as many frames as the row counts, and the rows have all frames."""
    conversations = sharkd.ask("tap", tap0="conv:NVMeTap")["taps"][0].get("convs", [])
    endpoints = sharkd.ask("tap", tap0="endpt:NVMeTap")["taps"][0].get("hosts", [])
    assert sum(c["rxf"] + c["txf"] for c in conversations) == \
        sum(frame["type"] != "" and frame["src"] != "recorder" for frame in rows)
    for row in conversations:
        number = len(sharkd.ask("frames", filter=f"({row['filter']}) && nvmetap.src != \"recorder\""))
        assert row["rxf"] + row["txf"] == number, (row, number)
    for row in endpoints:
        number = len(sharkd.ask("frames", filter=f"({row['filter']}) && nvmetap.src != \"recorder\""))
        assert row["rxf"] + row["txf"] == number, (row, number)
    for row in conversations:
        assert f"{row['daddr']} " in text, row


def window_agrees(sharkd, latency):
    """The Statistics menu's table is tshark's; asked twice it is the same."""
    for _ in range(2):
        tables = sharkd.ask("tap", tap0="nstat:nvmetap,latency")["taps"][0]["tables"]
        for one in tables:
            got = {row[0]: [int(number) for number in row[1:]] for row in one["i"]}
            assert got.keys() == latency[one["t"].split(":")[0]].keys()
            for name, numbers in got.items():
                assert numbers == latency[one["t"].split(":")[0]][name], (name, numbers)
    for name in ("queues", "namespaces", "statuses"):
        assert "tables" in sharkd.ask("tap", tap0=f"nstat:nvmetap,{name}")["taps"][0]
    assert "tables" in sharkd.ask("tap", tap0="srt:nvmetap")["taps"][0]


def main(argv):
    build, trace = argv[1:]
    stats = json.loads(run(f"{build}/nvmetap", "stats", "--json", trace, expect=(0, 1)))  # 1: foreign frames
    rows = frames(trace)
    once = table(tshark(trace, "-q", "-z", "nvmetap,latency"))
    twice = table(tshark(trace, "-2", "-q", "-z", "nvmetap,latency"))
    assert list(once) == list(STAGES) and once == twice, "one pass and two differ"
    same_as_stats(once, stats)
    same_as_fields(once, rows)
    for condition in ("nvmetap.qid == 1", "nvmetap.opcode.name == \"Read\"", "nvmetap.status != 0"):
        some = table(tshark(trace, "-q", "-z", f"nvmetap,latency,{condition}"))
        same_as_fields(some, frames(trace, "-Y", condition))
    rows_hold(trace, rows)
    text = tshark(trace, "-q", "-z", "nvmetap,srt", "-z", "conv,nvmetap", "-z", "endpoints,nvmetap")
    response_times_hold(text, once)
    sharkd = Sharkd(WITH)
    sharkd.ask("load", file=trace)
    window_agrees(sharkd, once)
    conversations_hold(text, sharkd, rows)
    window_agrees(sharkd, once)
    sharkd.end()
    print(sum(n[0] for n in once["Total"].values()), "latencies")


main(sys.argv)
