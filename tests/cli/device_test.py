"""--device: where a model runs, and what is said when there is no GPU (or no library for one)."""

import json
import os

import harness

CHECKPOINT = os.path.join(harness.TESTDATA, "hf", "llama-trained")
TEXT = os.path.join(CHECKPOINT, "eval.txt")
GENERATE = ("generate", "-m", "model.gguf", "-p", "The little boy", "-n", 3, "--temp", 0)


class Device(harness.ProgramTest):

    def setUp(self):
        super().setUp()
        self.succeed("convert", "--outtype", "f16", CHECKPOINT, "model.gguf")
        os.mkdir(self.path("empty"))
        os.environ["GGUF_CUDA_PATH"] = self.path("empty")

    def tearDown(self):
        del os.environ["GGUF_CUDA_PATH"]
        super().tearDown()

    def test_without_the_library_cuda_is_refused_and_the_cpu_works(self):
        for program in (GENERATE,
                        ("evaluate", "perplexity", "-m", "model.gguf", "-f", TEXT, "-c", 32),
                        ("imatrix", "-m", "model.gguf", "-f", TEXT, "-c", 32, "-o", "i.gguf")):
            said = self.fail_with(1, *program, "--device", "cuda",
                                  mentions=["libgguf_cuda.so", "--config=cuda", "--device cpu"])
            self.assertEqual(1, len(said.stderr.splitlines()))
            self.assertEqual("", said.stdout)
        expected = self.succeed(*GENERATE).stdout
        for device in ("cpu", "auto"):
            self.assertEqual(expected, self.succeed(*GENERATE, "--device", device).stdout)

    def test_list_devices(self):
        for program in (("generate",), ("evaluate", "perplexity"), ("imatrix",)):
            lines = self.succeed(*program, "--list-devices").stdout.splitlines()
            self.assertEqual("cpu", lines[0])
            self.assertIn("no cuda: there is no libgguf_cuda.so", lines[1])

    def test_a_library_that_is_none(self):
        with open(self.path("empty/libgguf_cuda.so"), "w", encoding="utf-8") as file:
            file.write("no library")
        self.fail_with(1, *GENERATE, "--device", "cuda", mentions=["cannot load", "--device cpu"])

    def test_the_programs_own_library(self):
        """With --config=cuda it is found beside the program; here is no GPU, or one that works."""
        os.environ["GGUF_CUDA_PATH"] = ""
        result = self.run_tool(*GENERATE, "--device", "cuda")
        if result.status == 0:
            return
        self.assertEqual(1, result.status)
        self.assertIn("use --device cpu", result.stderr)

    def test_wrong_usage(self):
        self.fail_with(2, *GENERATE, "--gpu-layers", 3, mentions=["--device cuda"])
        self.fail_with(2, *GENERATE, "--device", "tpu", mentions=["cpu,cuda,auto"])

    def test_quantize_searches_on_the_cpu_only(self):
        self.fail_with(1, "quantize", "model.gguf", "--type", "Q4_K_M", "--device", "cuda",
                       mentions=["--device cuda", "leave it out"])
        self.succeed("quantize", "model.gguf", "out.gguf", "--type", "Q8_0", "--device", "cpu")

    def test_inspect_asks_the_library(self):
        self.fail_with(1, "gguf", "inspect", "model.gguf", "--device", "cuda",
                       mentions=["model.gguf", "libgguf_cuda.so"])
        os.environ["GGUF_CUDA_PATH"] = ""
        result = self.run_tool("gguf", "inspect", "model.gguf", "--device", "cuda", "--json")
        if result.status != 0:
            self.skipTest("built without CUDA")
        rows = json.loads(result.stdout)["device_use"]
        self.assertIn(("weights", "F16", "cuda"),
                      [(row["operation"], row["type"], row["place"]) for row in rows])


if __name__ == "__main__":
    harness.main()
