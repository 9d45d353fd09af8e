"""Importance matrices that are damaged, or of another model: one line that says so."""

import math
import os
import struct

import gguf_file
import harness

UP, DOWN = "blk.0.ffn_up.weight", "blk.1.ffn_down.weight"
TENSORS = {"token_embd.weight": [256, 8], UP: [256, 8], DOWN: [512, 8],
           "blk.0.ffn_up_exps.weight": [256, 2, 8]}
RECORDED = os.path.join(harness.TESTDATA, "importance")


def entries(changes=None):
    """Complete {name: (sums, counts)}, with `changes`."""
    found = {UP: ([2.0] * 256, [2]), DOWN: ([2.0] * 512, [2]),
             "blk.0.ffn_up_exps.weight": ([2.0] * 256 * 8, [2] * 8)}
    found.update(changes or {})
    return found


def with_value(value):
    return {UP: ([2.0] * 7 + [value] + [2.0] * 248, [2])}


# name: (entries, what the message must mention besides the file's name)
WRONG = {
    "too narrow": ({UP: ([1.0] * 128, [1])}, [UP, "128 values", "expected 256"]),
    "too wide": ({DOWN: ([1.0] * 1024, [1])}, [DOWN, "1024 values", "expected 512"]),
    "other experts": ({"blk.0.ffn_up_exps.weight": ([1.0] * 256 * 4, [1] * 4)},
                      ["4 x 256", "8 x 256"]),
    "experts of half the width": ({"blk.0.ffn_up_exps.weight": ([1.0] * 256 * 8, [1] * 16)},
                                  ["16 x 128", "8 x 256"]),
    "a negative sum": (with_value(-1.0), [UP, "value 7 is -1", "compute"]),
    "NaN": (with_value(math.nan), [UP, "value 7 is", "nan", "compute"]),
    "infinity": (with_value(math.inf), [UP, "value 7 is inf", "compute"]),
    "beyond all activations": (with_value(1e30), [UP, "value 7 is 5e+29", "1e+15", "compute"]),
    "a negative count": ({UP: ([1.0] * 256, [-2])}, [UP, "count 0 is -2", "compute"]),
    "a count of NaN": ({UP: ([1.0] * 256, [math.nan])}, [UP, "count 0 is", "compute"]),
    "a count of infinity": ({UP: ([1.0] * 256, [math.inf])}, [UP, "count 0 is inf", "compute"]),
}


class BadImportance(harness.ProgramTest):

    def setUp(self):
        super().setUp()
        gguf_file.model(TENSORS).write(self.path("in.gguf"))

    def refuse(self, name, mentions=()):
        """Refused in one line, whether the type needs importance data or only uses it."""
        before = self.listing()
        for type_name in ("Q4_K_S", "IQ2_XS"):
            self.fail_with(1, "quantize", "--type", type_name, "--imatrix", name, "in.gguf",
                           "out.gguf", mentions=[os.path.basename(name), *mentions])
            self.assertEqual(before, self.listing())

    def test_what_they_are_made_from_is_right(self):
        gguf_file.importance(entries()).write(self.path("good.gguf"))
        with open(self.path("good.dat"), "wb") as file:
            file.write(gguf_file.legacy_importance(entries()))
        for name in ("good.gguf", "good.dat"):
            for type_name in ("Q4_K_S", "IQ2_XS"):
                self.succeed("quantize", "--force", "--type", type_name, "--imatrix", name,
                             "in.gguf", "out.gguf")

    def test_wrong_entries(self):
        for name, (changes, mentions) in WRONG.items():
            with self.subTest(name=name):
                gguf_file.importance(entries(changes)).write(self.path("bad.gguf"))
                self.refuse("bad.gguf", mentions)

    def test_wrong_entries_of_a_legacy_file(self):
        for name in ("too narrow", "too wide", "a negative sum", "NaN", "infinity",
                     "beyond all activations"):
            with self.subTest(name=name):
                changes, mentions = WRONG[name]
                with open(self.path("bad.dat"), "wb") as file:
                    file.write(gguf_file.legacy_importance(entries(changes), calls=2))
                self.refuse("bad.dat", mentions)

    def test_of_another_model(self):
        # No name in common: computing with it would only pretend.
        for name in ("qwen3moe.gguf", "kjv-llama.gguf", "kjv-llama.dat"):
            with self.subTest(file=name):
                gguf_file.model({"model.layers.0.weight": [256, 8]}).write(self.path("in.gguf"))
                self.refuse(os.path.join(RECORDED, name), ["another model", "in.gguf",
                                                           "model.layers.0.weight"])

    def test_some_names_match(self):
        both = entries({"blk.7.ffn_up.weight": ([1.0] * 256, [1])})
        del both[DOWN]
        gguf_file.importance(both).write(self.path("other.gguf"))
        said = self.succeed("quantize", "--type", "Q4_K_S", "--imatrix", "other.gguf", "in.gguf",
                            "out.gguf").stderr.splitlines()
        self.assertEqual(2, len(said), said)
        self.assertIn("other.gguf: 1 of 3 entries (the first is 'blk.7.ffn_up.weight')", said[0])
        self.assertIn(DOWN, said[1])

    def test_every_truncation_is_refused(self):
        # The unit tests cut at many more places; these go through the program.
        gguf_file.importance(entries()).write(self.path("whole.gguf"))
        with open(self.path("whole.gguf"), "rb") as file:
            whole = file.read()
        for ending, content in (("gguf", whole), ("dat", gguf_file.legacy_importance(entries()))):
            # Legacy: the trailer of 16 bytes may be missing as a whole.
            lengths = [*range(0, 24, 3), *range(24, len(content) - 17, len(content) // 40),
                       len(content) - 33, len(content) - 1]
            for length in lengths:
                with self.subTest(format=ending, length=length):
                    with open(self.path(f"cut.{ending}"), "wb") as file:
                        file.write(content[:length])
                    self.fail_with(1, "quantize", "--type", "Q4_K_S", "--imatrix",
                                   f"cut.{ending}", "in.gguf", "out.gguf",
                                   mentions=[f"cut.{ending}", "importance matrix"])
        self.assertNotIn("out.gguf", self.listing())

    def test_counts_that_claim_more_than_the_file(self):
        for position, number in ((0, -1), (0, 1 << 30), (4, 1 << 30), (4, -5), (4, 0)):
            with self.subTest(position=position, number=number):
                content = bytearray(gguf_file.legacy_importance(entries()))
                struct.pack_into("<i", content, position, number)
                with open(self.path("bad.dat"), "wb") as file:
                    file.write(content)
                self.refuse("bad.dat", ["importance matrix", str(number)])

    def test_files_that_are_something_else(self):
        with open(self.path("text.txt"), "w", encoding="utf-8") as file:
            file.write("In the beginning God created the heaven and the earth.\n" * 20)
        os.mkdir(self.path("folder"))
        for name, mentions in (("text.txt", ["importance matrix", "compute"]),
                               ("in.gguf", ["importance matrix", "imatrix.datasets"]),
                               ("folder", ["folder"]), ("absent.gguf", ["No such file"])):
            with self.subTest(file=name):
                self.refuse(name, mentions)


if __name__ == "__main__":
    harness.main()
