#!/usr/bin/env python3
"""Writes the seeds in testdata/fuzz/gguf: tiny GGUF files, valid and broken, one rule each.

Usage: make_gguf_corpus.py FOLDER
"""
import os
import struct
import sys

UINT8, INT8, UINT16, INT16, UINT32, INT32, FLOAT32, BOOL, STRING, ARRAY, UINT64, INT64, FLOAT64 = range(13)
CODES = {UINT8: "B", INT8: "b", UINT16: "H", INT16: "h", UINT32: "I", INT32: "i", FLOAT32: "f",
         BOOL: "B", UINT64: "Q", INT64: "q", FLOAT64: "d"}


class Gguf:
    def __init__(self, order="<"):
        self.order = order

    def number(self, kind, value):
        return struct.pack(self.order + CODES[kind], value)

    def string(self, text):
        return self.number(UINT64, len(text)) + text

    def value(self, kind, value):
        return self.string(value) if kind == STRING else self.number(kind, value)

    def key(self, name, kind, value, element=None):
        head = self.string(name) + self.number(UINT32, kind)
        if kind != ARRAY:
            return head + self.value(kind, value)
        return (head + self.number(UINT32, element) + self.number(UINT64, len(value)) +
                b"".join(self.value(element, v) for v in value))

    def tensor(self, name, dims, kind, offset):
        return (self.string(name) + self.number(UINT32, len(dims)) +
                b"".join(self.number(UINT64, d) for d in dims) +
                self.number(UINT32, kind) + self.number(UINT64, offset))

    def file(self, keys, tensors, data=b"", version=3, alignment=32, counts=None):
        n_tensors, n_keys = counts or (len(tensors), len(keys))
        head = (b"GGUF" + self.number(UINT32, version) + self.number(UINT64, n_tensors) +
                self.number(UINT64, n_keys) + b"".join(keys) + b"".join(tensors))
        return head + bytes(-len(head) % alignment) + data


def seeds():
    little, big = Gguf(), Gguf(">")
    arch = little.key(b"general.architecture", STRING, b"test")
    scalars = [little.key(b"s%d" % kind, kind, 1) for kind in CODES]
    arrays = [little.key(b"a%d" % kind, ARRAY, [1, 0], kind) for kind in CODES]
    strings = little.key(b"strings", ARRAY, [b"", b"word", b"\xc3\xa9"], STRING)
    yield "empty", b""
    yield "magic", b"GGUF"
    yield "header", little.file([], [])
    yield "version1", little.file([], [], version=1)
    yield "version2", little.file([arch], [], version=2)
    yield "scalars", little.file([arch] + scalars, [])
    yield "arrays", little.file([arch, strings] + arrays, [])
    yield "nested_array", little.file([little.key(b"n", ARRAY, [], ARRAY)], [])
    yield "bad_text", little.file([little.key(b"\xff\x1b", STRING, b"\x00\xfe")], [])
    yield "bad_bool", little.file([little.key(b"b", BOOL, 7)], [])
    yield "twice", little.file([arch, arch], [])
    yield "huge_counts", little.file([], [], counts=(2**63, 2**64 - 1))
    yield "huge_string", little.file([little.string(b"k") + struct.pack("<IQ", STRING, 2**62)], [])
    yield "huge_array", little.file(
        [little.string(b"k") + struct.pack("<IIQ", ARRAY, STRING, 2**30)], [])
    for alignment in (1, 8, 48):
        key = little.key(b"general.alignment", UINT32, alignment)
        yield "alignment%d" % alignment, little.file(
            [arch, key], [little.tensor(b"t", [4], 0, 0)], bytes(64), alignment=alignment)
    tensors = [little.tensor(b"f32", [4, 2], 0, 0), little.tensor(b"q4_0", [32], 2, 32),
               little.tensor(b"q4_k", [256], 12, 64)]
    yield "tensors", little.file([arch], tensors, bytes(range(224)))
    yield "overlap", little.file([arch], [little.tensor(b"a", [9], 0, 0),
                                          little.tensor(b"b", [1], 0, 32)], bytes(96))
    yield "hole", little.file([arch], [little.tensor(b"a", [1], 0, 64)], bytes(96))
    yield "zero_dimension", little.file([arch], [little.tensor(b"a", [32, 0], 8, 0)])
    yield "scalar_tensor", little.file([arch], [little.tensor(b"a", [], 0, 0)], bytes(32))
    yield "huge_shape", little.file([arch], [little.tensor(b"a", [2**32, 2**32], 0, 0)], bytes(32))
    yield "unknown_type", little.file([arch], [little.tensor(b"a", [32], 4, 0)], bytes(32))
    yield "no_padding", little.file([arch], [little.tensor(b"a", [1], 0, 0)], bytes(4))
    yield "split", little.file([little.key(b"split.no", UINT16, 1),
                                little.key(b"split.tensors.count", INT32, 4),
                                little.key(b"split.count", UINT16, 3)], [])
    yield "big_endian", big.file(
        [big.key(b"general.architecture", STRING, b"test"), big.key(b"f", FLOAT64, 0.5),
         big.key(b"a", ARRAY, [1, 2], INT16)],
        [big.tensor(b"f32", [4], 0, 0), big.tensor(b"q8_0", [32], 8, 32)], bytes(range(96)))


def main():
    os.makedirs(sys.argv[1], exist_ok=True)
    for name, content in seeds():
        with open(os.path.join(sys.argv[1], name + ".gguf"), "wb") as out:
            out.write(content)


if __name__ == "__main__":
    main()
