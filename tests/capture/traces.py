# SPDX-License-Identifier: BSD-2-Clause
"""Traces for the tests of cut and merge: frames as bytes, and what nvmetap says of a file."""
import json
import os
import pathlib
import struct
import subprocess

TOP = pathlib.Path(__file__).resolve().parents[2]
NVMETAP = os.path.join(os.environ.get("BUILD", str(TOP / "build")), "nvmetap")
HEADER = struct.Struct("<IBBBBIHHIIQ")  # docs/trace-format.md, "Header"
META, COMMAND, COMPLETION, QUEUE_STATE = 1, 11, 12, 18
SNAPSHOT = 1


class Frame:
    """A frame of nanosecond pcap with a record."""

    def __init__(self, time_ns, data):
        self.time_ns = time_ns
        self.data = bytearray(data)

    def _fields(self):
        return list(HEADER.unpack_from(self.data))

    def _set(self, index, value):
        fields = self._fields()
        fields[index] = value
        HEADER.pack_into(self.data, 0, *fields)

    type = property(lambda self: self._fields()[2])
    flags = property(lambda self: self._fields()[4])
    controller = property(lambda self: self._fields()[6],
                          lambda self, value: self._set(6, value))
    pci_address = property(lambda self: self._fields()[9],
                           lambda self, value: self._set(9, value))
    seq = property(lambda self: self._fields()[10], lambda self, value: self._set(10, value))

    @property
    def leading(self):
        return self.type == META or bool(self.flags & SNAPSHOT)


def read(path):
    raw = pathlib.Path(path).read_bytes()
    assert struct.unpack_from("<I", raw)[0] == 0xA1B23C4D, path
    frames, at = [], 24
    while at < len(raw):
        seconds, ns, captured, _ = struct.unpack_from("<IIII", raw, at)
        frames.append(Frame(seconds * 10**9 + ns, raw[at + 16:at + 16 + captured]))
        at += 16 + captured
    return frames


def renumber_back(frame):
    """A frame of a controller that merge has given another number, as that of controller 0 which it was. False: a
    meta-record that doesn't tell."""
    known = b'"cntlid":0,'
    changed = frame.controller != 0
    frame.controller = 0
    if frame.type != META or not changed:
        return True
    told = bytes(frame.data).split(b"{" + known, 1)
    if len(told) != 2:
        return False
    json_length = struct.unpack_from("<I", frame.data, 32 + 20)[0] - len(known)
    whole = bytearray(told[0] + b"{" + told[1])[:32 + 24 + json_length]
    whole += bytes(-len(whole) % 8)
    struct.pack_into("<I", whole, 8, len(whole))
    struct.pack_into("<I", whole, 32 + 20, json_length)
    frame.data = whole
    return True


def write(path, frames):
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHIIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 159))
        for frame in frames:
            size = len(frame.data)
            out.write(struct.pack("<IIII", frame.time_ns // 10**9, frame.time_ns % 10**9, size,
                                  size))
            out.write(frame.data)


def run(*words, status=0, **more):
    """nvmetap with these words; its standard output. None: any status is fine."""
    done = subprocess.run([NVMETAP, *map(str, words)], capture_output=True, check=False, **more)
    if status is not None and done.returncode != status:
        raise AssertionError(f"{words}: exit status {done.returncode}, not {status}: "
                             f"{done.stderr.decode()[-400:]}")
    return done.stdout


def dump(path):
    return [json.loads(line) for line in run("dump", "--json", path).splitlines()]


def findings(path):
    """How often nvmetap check finds what."""
    return json.loads(run("check", "--json", path, status=None))["found"]


def new_findings(piece, whole):
    return {rule: count for rule, count in findings(piece).items() if count > whole.get(rule, 0)}


def samples():
    return sorted((TOP / "samples").glob("*.pcap")) + \
        sorted((TOP / "samples/profiles").glob("*.pcap"))


class Tap:
    """TAP lines; `done` ends the test."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def ok(self, good, what, why=""):
        self.count += 1
        print(f"{'ok' if good else 'not ok'} {self.count} - {what}")
        if not good:
            self.failed += 1
            print("\n".join("# " + line for line in str(why).splitlines()))

    def attempt(self, what, function, *arguments, **more):
        """The function returns None, or what is wrong."""
        try:
            wrong = function(*arguments, **more)
        except AssertionError as error:
            wrong = error
        self.ok(wrong is None, what, wrong)

    def done(self):
        print(f"1..{self.count}")
        raise SystemExit(1 if self.failed else 0)
