"""Weights that are no numbers: named with tensor, row and column, never quantized away."""

import os
import struct

import generate_checkpoint
import gguf_file
import harness

TENSOR = "blk.0.ffn_up.weight"
ROW, COLUMN = 37, 211
NAN, INFINITY, NEGATIVE_INFINITY = 0x7E01, 0x7C00, 0xFC00  # as F16
COLUMNS = 256


class BadWeights(harness.ProgramTest):

    def setUp(self):
        super().setUp()
        generate_checkpoint.generate(self.path("model"), layers=1, feed_forward=256)
        self.succeed("convert", "--outtype", "f16", "model", "good.gguf")
        with open(self.path("good.gguf"), "rb") as file:
            self.good = file.read()
        self.offset = gguf_file.Reader(self.path("good.gguf")).tensors[TENSOR].offset

    def write_with(self, values):
        """bad.gguf: the good file with {(row, column): F16 pattern} in TENSOR."""
        content = bytearray(self.good)
        for (row, column), pattern in values.items():
            struct.pack_into("<H", content, self.offset + 2 * (row * COLUMNS + column), pattern)
        with open(self.path("bad.gguf"), "wb") as file:
            file.write(content)

    def refuse(self, type_name, row=ROW, column=COLUMN):
        complaint = self.fail_with(1, "quantize", "--type", type_name, "bad.gguf", "out.gguf",
                                   mentions=[TENSOR]).stderr
        self.assertRegex(complaint, rf"row {row}\b")
        self.assertRegex(complaint, rf"column {column}\b")
        self.assertNotIn("out.gguf", self.listing())
        self.assertNotIn("out.gguf.partial", self.listing())

    def test_each_kind_for_each_kind_of_type(self):
        for pattern in (NAN, INFINITY, NEGATIVE_INFINITY):
            self.write_with({(ROW, COLUMN): pattern})
            for type_name in ("Q8_0", "Q4_0", "Q5_1", "Q2_K", "Q5_K_M"):
                with self.subTest(pattern=hex(pattern), type=type_name):
                    self.refuse(type_name)

    def test_at_the_edges_of_the_tensor(self):
        for row, column in ((0, 0), (0, COLUMNS - 1), (255, 0), (255, COLUMNS - 1)):
            with self.subTest(row=row, column=column):
                self.write_with({(row, column): NAN})
                self.refuse("Q4_K_M", row, column)

    def test_the_first_of_several_is_named_whatever_the_threads(self):
        self.write_with({(200, 3): NAN, (ROW, COLUMN): INFINITY, (255, 0): NAN})
        for threads in (1, 2, 7):
            with self.subTest(threads=threads):
                complaint = self.fail_with(1, "quantize", "--threads", threads, "--type", "Q5_K_M",
                                           "bad.gguf", "out.gguf").stderr
                self.assertRegex(complaint, rf"row {ROW}\b.*column {COLUMN}\b")

    def test_in_a_checkpoint(self):
        path = self.path("model", "model.safetensors")
        with open(path, "r+b") as file:
            content = file.read()
            data = 8 + struct.unpack_from("<Q", content)[0]
            # The first tensor of the file is the embedding.
            file.seek(data + 2 * (ROW * COLUMNS + COLUMN))
            file.write(struct.pack("<H", NAN))
        complaint = self.fail_with(1, "quantize", "--type", "Q8_0", "model", "out.gguf").stderr
        self.assertRegex(complaint, r"token_embd\.weight|embed_tokens\.weight")
        self.assertRegex(complaint, rf"row {ROW}\b.*column {COLUMN}\b")
        self.assertFalse(os.path.exists(self.path("out.gguf")))


if __name__ == "__main__":
    harness.main()
