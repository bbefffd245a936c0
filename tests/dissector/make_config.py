#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""make_config.py SEED FILE: a trace in which a host reads a configuration space with many capabilities.

SEED seeds the registers' bits; the lists of capabilities and what leads to them are as they must be.
"""
import random
import struct
import sys

from make_trace import Trace

CONFIG_READ = 2
# (offset, identifier, bytes)
CAPABILITIES = ((0x40, 0x01, 8), (0x48, 0x05, 24), (0x60, 0x10, 60), (0x9C, 0x11, 12), (0xA8, 0x03, 8), (0xB0, 0x13, 6))
# (offset, identifier, version, bytes)
EXTENDED = ((0x100, 0x01, 2, 72), (0x148, 0x03, 1, 12), (0x158, 0x0D, 1, 8), (0x168, 0x0E, 1, 8), (0x178, 0x0F, 1, 8),
            (0x188, 0x18, 1, 8), (0x198, 0x1E, 1, 16), (0x1B0, 0x1B, 1, 8), (0x1C0, 0x1F, 1, 12), (0x1D0, 0x19, 1, 12),
            (0x1F0, 0x10, 1, 64))


def space(seed):
    source = random.Random(seed)
    data = bytearray(4096)
    data[0:0x40] = source.randbytes(0x40)
    data[0x06] |= 0x10                      # there are capabilities
    data[0x09:0x0C] = b"\x02\x08\x01"       # an NVM Express controller
    data[0x0E] = 0
    data[0x10:0x28] = struct.pack("<6I", 0xFEB00004, 0, 0, 0, 0, 0)
    data[0x34] = CAPABILITIES[0][0]
    for i, (at, number, size) in enumerate(CAPABILITIES):
        data[at:at + size] = source.randbytes(size)
        data[at] = number
        data[at + 1] = CAPABILITIES[i + 1][0] if i + 1 < len(CAPABILITIES) else 0
    data[0x42] = data[0x42] & ~7 | 3        # Power Management version 3
    data[0x4A] = data[0x4A] & ~0x80 | 0x80 * (seed % 2)  # MSI with 64 bits, and with 32
    data[0x62] = 0x02                       # PCI Express version 2, an endpoint
    for i, (at, number, version, size) in enumerate(EXTENDED):
        data[at:at + size] = source.randbytes(size)
        following = EXTENDED[i + 1][0] if i + 1 < len(EXTENDED) else 0
        data[at:at + 4] = struct.pack("<I", number | version << 16 | following << 20)
    return data


def main(argv):
    if len(argv) != 3:
        sys.exit(__doc__)
    trace, data = Trace(), space(int(argv[1]))
    trace.meta()
    for at in range(0, 0x240, 4):
        trace.access(CONFIG_READ, 0, at, *struct.unpack_from("<I", data, at))
    trace.write(argv[2])


if __name__ == "__main__":
    main(sys.argv)
