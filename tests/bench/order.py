#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The bench's part about dependency order: nvmetap replay --order dependency against fio's read_iolog.

The same I/O, 32 outstanding, in turns: by fio on a file (each way that it may be fast in, the best one counts), by us
into the model, whose namespace is memory of that size, and over vfio-user into a recorder in another process whose
namespace is such a file. Rates are each program's own, from its first I/O to its last.
"""
import json
import os
import pathlib
import statistics
import subprocess
import time

BLOCK = 512
ENGINES = (("io_uring", 0), ("io_uring", 1), ("libaio", 1))


def make_iolog(nvmetap, trace, iolog, disk):
    """The trace's reads and writes, as fio wants them (version 2)."""
    dump = subprocess.Popen([nvmetap, "dump", "--json", trace], stdout=subprocess.PIPE, text=True)
    count = 0
    with open(iolog, "w", encoding="utf-8") as file:
        print(f"fio version 2 iolog\n{disk} add\n{disk} open", file=file)
        for line in dump.stdout:
            if '"type":"command"' not in line:
                continue
            record = json.loads(line)
            if record["qid"] != 0 and record["opcode"] in (1, 2):
                way = "write" if record["opcode"] == 1 else "read"
                print(disk, way, record["cdw10"] * BLOCK, ((record["cdw12"] & 0xffff) + 1) * BLOCK, file=file)
                count += 1
        print(f"{disk} close", file=file)
    if dump.wait() != 0:
        raise SystemExit("bench: dump failed")
    return count


def fio(iolog, engine, direct, count):
    out = subprocess.run(["fio", "--name=replay", f"--read_iolog={iolog}", f"--ioengine={engine}", "--iodepth=32",
                          f"--direct={direct}", "--replay_no_stall=1", "--output-format=json"],
                         check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    job = json.loads(out[out.index("{"):])["jobs"][0]
    if job["error"] != 0 or job["read"]["total_ios"] + job["write"]["total_ios"] != count:
        raise SystemExit(f"bench: fio did something else: {job['read']['total_ios']}, {job['write']['total_ios']}")
    return count / (max(job["read"]["runtime"], job["write"]["runtime"]) / 1e3)


def ours(nvmetap, trace, count, *target):
    out = subprocess.run([nvmetap, "replay", "--json", trace, "--order", "dependency", *target],
                         check=True, stdout=subprocess.PIPE, text=True).stdout
    result = json.loads(out)
    if result["differences"] != 0 or result["order"]["ios"] != count:
        raise SystemExit("bench: the replay differs")
    return result["order"]["iops"]


def over_vfio_user(nvmetap, trace, count, work, disk):
    socket = work / "order.sock"
    with subprocess.Popen([nvmetap, "record", "--socket", socket, "--once", "--no-control", "--log", "quiet",
                           "--serial", "BENCH", "--namespace", f"file:{disk}"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        while not socket.exists():
            time.sleep(0.02)
        rate = ours(nvmetap, trace, count, "--target", f"vfio-user:{socket}")
        server.wait()
    return rate


def make_disk(path, size):
    """Blocks that are there: a file with holes would be another disk at the second turn."""
    with open(path, "wb") as file:
        for _ in range(size >> 20):
            file.write(bytes(1 << 20))
    os.sync()


def settled(measure, *arguments):
    """What the one before has written isn't the next one's to wait for."""
    os.sync()
    return measure(*arguments)


def run(nvmetap, work, quick, repeats, figures, progress):
    progress("replay in dependency order, and fio's")
    work, count = pathlib.Path(work), 5000 if quick else 200000
    size = 64 << 20  # small: else it is the machine's way of giving memory that is measured
    disks = [work / "order-fio.disk", work / "order.disk"]
    for disk in disks:
        make_disk(disk, size)
    trace, iolog = work / "order.pcap", work / "order.iolog"
    # Data is there, and yet no disk is needed to read the trace from.
    subprocess.run([nvmetap, "record", "--no-control", "--trace", trace, "--data", "full,dedup", "--serial", "BENCH",
                    "--namespace", f"ram:{size}", "--workload", f"rw=randrw,count={count},depth=32"],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if make_iolog(nvmetap, trace, iolog, disks[0]) != count:
        raise SystemExit("bench: the trace has other commands than were asked for")
    rows = []
    for _ in range(repeats):
        best = max(settled(fio, iolog, engine, direct, count) for engine, direct in ENGINES)
        rows.append((best, settled(ours, nvmetap, trace, count),
                     settled(over_vfio_user, nvmetap, trace, count, work, disks[1])))
    for path in (*disks, trace, iolog):
        path.unlink()
    figures["replay_order.fio_iops"] = round(statistics.median(row[0] for row in rows))
    figures["replay_order.iops"] = round(statistics.median(row[1] for row in rows))
    figures["replay_order.ratio"] = round(statistics.median(row[1] / row[0] for row in rows), 3)
    figures["replay_order.vfio_user_iops"] = round(statistics.median(row[2] for row in rows))
    figures["replay_order.vfio_user_ratio"] = round(statistics.median(row[2] / row[0] for row in rows), 3)
