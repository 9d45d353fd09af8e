"""Writes the seeds of //gguf/io:zstd_file_fuzz into a folder: python3 make_zstd_corpus.py FOLDER

Frames hold raw blocks, so that nothing but the format (RFC 8878, and zstd's seekable format) is
needed to make them.
"""

import os
import struct
import sys


def frame(data, claimed=None):
    """A frame with one raw block and a content size of four bytes."""
    size = len(data) if claimed is None else claimed
    return (b"\x28\xB5\x2F\xFD\xA0" + struct.pack("<I", size)
            + struct.pack("<I", len(data) << 3 | 1)[:3] + data)


def table(entries, frames=None):
    body = b"".join(struct.pack("<II", *entry) for entry in entries)
    count = len(entries) if frames is None else frames
    return (struct.pack("<II", 0x184D2A5E, len(body) + 9) + body
            + struct.pack("<IBI", count, 0, 0x8F92EAB1))


A, B = frame(b"first frame"), frame(b"second")
ENTRIES = [(len(A), 11), (len(B), 6)]
SEEDS = {
    "frames": A + B,
    "seekable": A + B + table(ENTRIES),
    "skippable": struct.pack("<II", 0x184D2A53, 5) + b"12345" + A,
    "short_table": A + B + table(ENTRIES[:1]),
    "huge_table": A + table(ENTRIES[:1], 0xFFFFFFFF),
    "huge_frame": frame(b"x", 0x40000000) + table([(len(frame(b"x")), 0x40000000)]),
    "wrong_size": frame(b"short", 6),
    "no_size": b"\x28\xB5\x2F\xFD\x00\x58\x09\x00\x00x",
}

for name, content in SEEDS.items():
    with open(os.path.join(sys.argv[1], name + ".zst"), "wb") as file:
        file.write(content)
