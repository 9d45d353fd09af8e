"""The main job: a checkpoint becomes a quantized GGUF, the same one by every road."""

import os

import gguf_file
import harness

CHECKPOINT = os.path.join(harness.TESTDATA, "kjv-llama")
# One of every kind of block that the main job promises, legacy and K; the mixtures among them
# choose by position, so a wrong order of decisions shows too.
TYPES = ["Q5_K_M", "Q4_0", "Q5_0", "Q8_0", "Q2_K", "Q3_K_M", "Q4_K_M", "Q6_K", "IQ4_XS", "IQ3_S",
         "TQ1_0", "MXFP4"]


class MainJob(harness.ProgramTest):

    def quantize(self, name, *words):
        """Runs quantize into `name` and returns the path of the result."""
        self.succeed("quantize", "--quiet", *words, self.path(name))
        return self.path(name)

    def test_folder_equals_f16_file_then_quantize(self):
        self.succeed("convert", "--outtype", "f16", CHECKPOINT, "f16.gguf")
        for name in TYPES:
            with self.subTest(type=name):
                direct = self.quantize(f"direct-{name}.gguf", "--type", name, CHECKPOINT)
                by_file = self.quantize(f"by-file-{name}.gguf", "--type", name, "f16.gguf")
                expected = gguf_file.tensor_hashes(by_file)
                self.assertEqual(expected, gguf_file.tensor_hashes(direct))
                self.assertEqual(list(expected), list(gguf_file.tensor_hashes(direct)), "order")
                self.succeed("gguf", "verify", direct)
                os.remove(direct)
                os.remove(by_file)

    def test_file_does_not_depend_on_threads(self):
        for name in TYPES:
            with self.subTest(type=name):
                one = self.quantize("1.gguf", "--force", "--threads", 1, "--type", name, CHECKPOINT)
                for threads in (2, 7):
                    other = self.quantize(f"{threads}.gguf", "--force", "--threads", threads,
                                          "--type", name, CHECKPOINT)
                    self.assert_same_files(one, other)

    def test_file_does_not_depend_on_memory_limit(self):
        plain = self.quantize("plain.gguf", "--type", "Q5_K_M", CHECKPOINT)
        tight = self.quantize("tight.gguf", "--memory-limit", "64MiB", "--type", "Q5_K_M",
                              CHECKPOINT)
        self.assert_same_files(plain, tight)

    def test_several_types_from_one_read_equal_single_runs(self):
        self.succeed("quantize", "--type", "Q4_0,Q5_K_M,F16", CHECKPOINT, "all-{type}.gguf")
        self.assertEqual(["all-F16.gguf", "all-Q4_0.gguf", "all-Q5_K_M.gguf"], self.listing())
        for name in ("Q4_0", "Q5_K_M", "F16"):
            alone = self.quantize("alone.gguf", "--force", "--type", name, CHECKPOINT)
            self.assert_same_files(alone, self.path(f"all-{name}.gguf"))

    def test_leaves_the_result_and_nothing_else(self):
        self.quantize("out.gguf", "--type", "Q5_K_M", "--verify", CHECKPOINT)
        self.assertEqual(["out.gguf"], self.listing())

    def test_importance_data_of_either_format(self):
        plain = self.quantize("plain.gguf", "--type", "Q4_K_M", CHECKPOINT)
        hashes = {}
        for ending in ("gguf", "dat"):
            weights = os.path.join(harness.TESTDATA, "importance", f"kjv-llama.{ending}")
            path = self.quantize(f"{ending}.gguf", "--type", "Q4_K_M", "--imatrix", weights,
                                 CHECKPOINT)
            reader = gguf_file.Reader(path)
            self.assertEqual(weights[:127], reader.get("quantize.imatrix.file"))
            self.assertEqual(12, reader.get("quantize.imatrix.chunks_count"))
            self.assertEqual(8 * 7, reader.get("quantize.imatrix.entries_count"))
            hashes[ending] = gguf_file.tensor_hashes(path)
        name = "blk.3.ffn_down.weight"
        self.assertNotEqual(gguf_file.tensor_hashes(plain)[name], hashes["gguf"][name])
        self.assertEqual(hashes["gguf"], hashes["dat"])

    def test_types_that_need_importance_data(self):
        weights = os.path.join(harness.TESTDATA, "importance", "kjv-llama.gguf")
        path = self.quantize("out.gguf", "--type", "Q2_K_S", "--imatrix", weights, CHECKPOINT)
        self.assertEqual("Q2_K", gguf_file.Reader(path).tensors["blk.4.attn_q.weight"].type)

    def test_f16_is_the_checkpoint_itself(self):
        # An F16 checkpoint quantized to F16 is what convert makes of it.
        converted = self.path("converted.gguf")
        self.succeed("convert", "--outtype", "f16", CHECKPOINT, converted)
        direct = self.quantize("direct.gguf", "--type", "F16", CHECKPOINT)
        self.assertEqual(gguf_file.tensor_hashes(converted), gguf_file.tensor_hashes(direct))


if __name__ == "__main__":
    harness.main()
