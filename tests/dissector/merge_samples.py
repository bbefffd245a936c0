#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""merge_samples.py OUT TRACE…: one trace of all, each with a controller number of its own, so that one
run of tshark shows them all as it would show each."""
import pathlib
import struct
import sys

from kinds import frames


def main(out, *traces):
    with open(out, "wb") as merged:
        for controller, trace in enumerate(traces):
            data = pathlib.Path(trace).read_bytes()
            if controller == 0:
                merged.write(data[:24])
            for seconds, ns, frame, length in frames(data):
                frame = frame[:12] + struct.pack("<H", controller) + frame[14:]
                merged.write(struct.pack("<IIII", seconds, ns, len(frame), length) + frame)


main(*sys.argv[1:])
