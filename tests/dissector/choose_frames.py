#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""choose_frames.py TRACE N: numbers of the first N frames of each kind, for a display filter's set."""
import collections
import pathlib
import sys

from kinds import Kinds, frames


def main(trace, most):
    kinds, seen, chosen = Kinds(), collections.Counter(), []
    for number, (_, _, frame, _) in enumerate(frames(pathlib.Path(trace).read_bytes()), 1):
        kind = kinds.kind(frame)
        seen[kind] += 1
        if seen[kind] <= int(most):
            chosen.append(number)
    print(",".join(map(str, chosen)))


main(*sys.argv[1:])
