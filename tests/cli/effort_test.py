"""`quantize --effort`: the levels differ, the default is the middle one, and each writes the same file
whatever the number of threads."""

import os

import gguf_file
import harness

CHECKPOINT = os.path.join(harness.TESTDATA, "kjv-llama")
IMPORTANCE = os.path.join(harness.TESTDATA, "importance", "kjv-llama.gguf")
TENSOR = "blk.3.ffn_down.weight"
# One of every family of encoders; all need or use importance data, but the last two.
TYPES = ["Q4_0", "Q5_1", "Q3_K_S", "Q4_K_S", "IQ1_M", "IQ2_XS", "IQ3_S", "IQ4_XS", "NVFP4", "TQ2_0"]


class Effort(harness.ProgramTest):

    def quantize(self, name, *words):
        self.succeed("quantize", "--quiet", "--force", "--imatrix", IMPORTANCE, *words, CHECKPOINT,
                     name)
        return self.path(name)

    def test_levels_differ_and_standard_is_the_default(self):
        for kind in TYPES:
            with self.subTest(type=kind):
                hashes = {}
                for effort in ("reference", "standard", "max"):
                    path = self.quantize("out.gguf", "--type", kind, "--effort", effort)
                    hashes[effort] = gguf_file.tensor_hashes(path)
                self.assertNotEqual(hashes["reference"][TENSOR], hashes["standard"][TENSOR])
                default = gguf_file.tensor_hashes(self.quantize("out.gguf", "--type", kind))
                self.assertEqual(hashes["standard"], default)

    def test_files_do_not_depend_on_threads_or_memory(self):
        for effort in ("standard", "max"):
            for kind in TYPES:
                with self.subTest(type=kind, effort=effort):
                    words = ("--type", kind, "--effort", effort)
                    one = self.quantize("one.gguf", *words, "--threads", 1)
                    other = self.quantize("other.gguf", *words, "--threads", 5, "--memory-limit",
                                          "64MiB")
                    self.assert_same_files(one, other)

    def test_types_without_a_better_encoding_stay_as_they_are(self):
        for kind in ("F16", "BF16"):
            files = [self.quantize(f"{effort}.gguf", "--type", kind, "--effort", effort)
                     for effort in ("reference", "max")]
            self.assert_same_files(*files)

    def test_misspelt_level_lists_the_levels(self):
        self.fail_with(2, "quantize", "--effort", "maximum", "--type", "Q4_0", CHECKPOINT, "o.gguf",
                       mentions=["--effort", "reference", "standard", "max"])


if __name__ == "__main__":
    harness.main()
