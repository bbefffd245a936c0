#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""merge_samples.py OUT [--first N] TRACE…: one trace of all, each with a controller number of its own, so
that one run of tshark shows them all as it would show each; or of the first N frames of each."""
import itertools
import pathlib
import struct
import sys

from kinds import frames


def main(out, *traces):
    first = None
    if traces[0] == "--first":
        first, traces = int(traces[1]), traces[2:]
    with open(out, "wb") as merged:
        for controller, trace in enumerate(traces):
            data = pathlib.Path(trace).read_bytes()
            if controller == 0:
                merged.write(data[:16] + struct.pack("<I", 262144) + data[20:24])  # any snap length
            for seconds, ns, frame, length in itertools.islice(frames(data), first):
                if len(frame) >= 14:
                    frame = frame[:12] + struct.pack("<H", controller) + frame[14:]
                merged.write(struct.pack("<IIII", seconds, ns, len(frame), length) + frame)


main(*sys.argv[1:])
