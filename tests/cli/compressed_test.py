"""Compressed GGUF files: made, unmade, and read by every program as the file itself."""

import json
import os
import struct

import harness

CHECKPOINT = os.path.join(harness.TESTDATA, "hf", "llama-trained")
TEXT = os.path.join(harness.TESTDATA, "kjv-llama", "calibration.txt")


def frame(data):
    """A zstd frame of raw blocks, as RFC 8878 has it, with its size."""
    blocks = []
    for at in range(0, len(data), 1 << 17):
        piece = data[at:at + (1 << 17)]
        last = at + len(piece) == len(data)
        blocks.append(struct.pack("<I", len(piece) << 3 | last)[:3] + piece)
    return b"\x28\xB5\x2F\xFD\xA0" + struct.pack("<I", len(data)) + b"".join(blocks)


class Compressed(harness.ProgramTest):

    def setUp(self):
        super().setUp()
        self.succeed("convert", "--outtype", "f16", CHECKPOINT, "in.gguf")
        self.succeed("gguf", "compress", "in.gguf")

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def write(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)

    def test_round_trip_with_the_same_bytes_for_any_threads(self):
        self.succeed("gguf", "compress", "-t", 3, "in.gguf", "again.gguf.zst")
        self.assert_same_files(self.path("in.gguf.zst"), self.path("again.gguf.zst"))
        self.assertLess(os.path.getsize(self.path("in.gguf.zst")),
                        os.path.getsize(self.path("in.gguf")))
        self.succeed("gguf", "decompress", "in.gguf.zst", "out.gguf")
        self.assert_same_files(self.path("in.gguf"), self.path("out.gguf"))
        self.fail_with(1, "gguf", "decompress", "in.gguf.zst", mentions=["in.gguf", "--force"])
        self.fail_with(1, "gguf", "compress", "in.gguf.zst", "x.zst", mentions=["compressed already"])
        self.fail_with(2, "gguf", "compress", "in.gguf", "x.gguf", mentions=[".zst"])
        self.fail_with(1, "gguf", "decompress", "in.gguf", "x", mentions=["not compressed"])

    def test_every_program_reads_it(self):
        with open(TEXT, encoding="utf-8") as file:
            self.write("text.txt", file.read(1500).encode())
        self.write("ids.txt", b"1 5 7")
        for kind in ("", ".zst"):
            name = "in.gguf" + kind
            self.succeed("quantize", "--type", "Q4_0", name, f"q{kind}.gguf")
            self.succeed("imatrix", "-m", name, "-f", "text.txt", "-o", f"im{kind}.gguf", "-c", 64,
                         "--chunks", 2)
            self.succeed("evaluate", "logits", "-m", name, "--ids", "ids.txt", "-o",
                         f"out{kind}.npy")
        for pattern in ("q{}.gguf", "out{}.npy"):
            self.assert_same_files(self.path(pattern.format("")), self.path(pattern.format(".zst")))
        self.assertIn("equal", self.succeed("gguf", "diff", "in.gguf", "in.gguf.zst").stdout)
        plain, packed = (json.loads(self.succeed("gguf", "verify", "--hash", "--json", name).stdout)
                         for name in ("in.gguf", "in.gguf.zst"))
        self.assertTrue(packed["is_valid"])
        self.assertEqual(plain["tensor_hashes"], packed["tensor_hashes"])
        self.assertEqual(plain["file_hashes"][0]["sha256"], packed["file_hashes"][0]["sha256"])
        for words in (("gguf", "inspect"), ("gguf", "verify", "--deep"), ("recommend", "--vram",
                      "8GiB", "-m"), ("tokenize", "-f", "text.txt", "-m"),
                      ("generate", "-n", 2, "-p", "x", "-m"),
                      ("evaluate", "perplexity", "-c", 64, "-f", "text.txt", "-m")):
            with self.subTest(words=words):
                self.succeed(*words, "in.gguf.zst")
        self.succeed("gguf", "compress", "im.gguf")
        self.succeed("quantize", "--type", "Q4_0", "--imatrix", "im.gguf.zst", "in.gguf", "i.gguf")
        self.succeed("gguf", "extract", "in.gguf.zst", "output_norm.weight", "-o", "norm.npy")
        self.succeed("gguf", "verify", "--deep", "--against", "in.gguf.zst", "q.gguf")

    def test_default_name_and_names_that_ask_for_compression(self):
        self.succeed("quantize", "--type", "Q8_0", "in.gguf.zst")
        self.assertIn("in-Q8_0.gguf", self.listing())
        self.fail_with(2, "quantize", "--type", "Q8_0", "in.gguf", "out.gguf.zst",
                       mentions=["gguf compress"])
        self.fail_with(2, "gguf", "set", "in.gguf.zst", "a=uint8:1", mentions=["gguf compress"])

    def test_split_sets(self):
        self.succeed("gguf", "split", "in.gguf", "part", "--split-max-tensors", 10)
        shards = [name for name in self.listing() if "-of-" in name]
        for shard in shards[1:]:
            self.succeed("gguf", "compress", shard)
            os.remove(self.path(shard))
        for name in (shards[0], shards[1] + ".zst"):
            self.assertIn("equal", self.succeed("gguf", "diff", name, "in.gguf").stdout)
        os.remove(self.path(shards[1] + ".zst"))
        self.fail_with(1, "gguf", "inspect", shards[0], mentions=["shard 2 of", "missing"])

    def test_files_that_other_programs_compressed(self):
        data = self.read("in.gguf")
        half = len(data) // 2
        for name, packed in (("one", frame(data)), ("two", frame(data[:half]) + frame(data[half:]))):
            self.write(name + ".gguf.zst", packed)
            self.assertIn("equal", self.succeed("gguf", "diff", name + ".gguf.zst",
                                                "in.gguf").stdout)

    def test_damage_is_a_sentence(self):
        good = self.read("in.gguf.zst")
        words = ("gguf", "verify", "bad.gguf.zst")
        # Not among the last four bytes: without its mark the table is not looked at, and the frames
        # are found without it.
        for at in (3, 5, 200, len(good) // 2, len(good) - 5, len(good) - 8, len(good) - 20):
            with self.subTest(at=at):
                self.write("bad.gguf.zst", good[:at] + bytes([good[at] ^ 0x55]) + good[at + 1:])
                result = self.run_tool(*words)
                self.assertEqual(1, result.status, harness.describe(words, result))
                self.assertIn("bad.gguf.zst", result.stdout + result.stderr)
        for size in (4, 100, len(good) // 2, len(good) - 1):
            with self.subTest(size=size):
                self.write("bad.gguf.zst", good[:size])
                result = self.run_tool(*words)
                self.assertEqual(1, result.status, harness.describe(words, result))
                self.assertNotIn("aborted", result.stderr)


if __name__ == "__main__":
    harness.main()
