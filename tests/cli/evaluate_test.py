"""The command line of `evaluate`."""

import json
import os
import struct

import harness

CHECKPOINT = os.path.join(harness.TESTDATA, "hf", "llama-trained")


def read_npy(path):
    """Shape and values of a float32 NumPy file."""
    with open(path, "rb") as file:
        magic, length = struct.unpack("<8sH", file.read(10))
        assert magic == b"\x93NUMPY\x01\x00", magic
        assert (10 + length) % 64 == 0, length
        header = eval(file.read(length).decode("ascii"), {})  # pylint: disable=eval-used
        assert header["descr"] == "<f4" and not header["fortran_order"], header
        rows, columns = header["shape"]
        data = file.read()
        assert len(data) == 4 * rows * columns
        return (rows, columns), struct.unpack(f"<{rows * columns}f", data)


class Evaluate(harness.ProgramTest):

    def setUp(self):
        super().setUp()
        self.succeed("convert", "--outtype", "f32", CHECKPOINT, "in.gguf")
        self.write("ids.txt", "1 5\n7\t9 ")

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def logits(self, *words):
        return ("evaluate", "logits", "-m", "in.gguf", "--ids", "ids.txt", "-o", "out.npy", *words)

    def test_logits_are_a_numpy_file(self):
        self.succeed(*self.logits())
        shape, values = read_npy(self.path("out.npy"))
        self.assertEqual((4, 640), shape)
        self.assertGreater(max(values), 1.0)
        # Cut into single tokens, on more threads, with a cache that loses little.
        self.succeed(*self.logits("--force", "-b", "1", "-t", "3"))
        for a, b in zip(values, read_npy(self.path("out.npy"))[1]):
            self.assertAlmostEqual(a, b, delta=1e-3)
        self.succeed(*self.logits("--force", "--cache-type-k", "f16", "--cache-type-v", "Q8_0"))
        for a, b in zip(values, read_npy(self.path("out.npy"))[1]):
            self.assertAlmostEqual(a, b, delta=1.0)

    def test_quantized_models_run(self):
        _, expected = (self.succeed(*self.logits()), read_npy(self.path("out.npy"))[1])
        for name in ("Q8_0", "Q4_K_M", "IQ4_XS"):
            self.succeed("quantize", "--type", name, "--force", "in.gguf", "in-q.gguf")
            self.succeed("evaluate", "logits", "-m", "in-q.gguf", "--ids", "ids.txt", "-o",
                         "out.npy", "--force")
            values = read_npy(self.path("out.npy"))[1]
            squares = sum((a - b) ** 2 for a, b in zip(values, expected))
            self.assertLess(squares, 0.02 * sum(a * a for a in expected), name)

    def speed(self, *words):
        text = os.path.join(CHECKPOINT, "eval.txt")
        return ("evaluate", "speed", "-m", "in.gguf", "-f", text, *words)

    def test_speed_and_memory(self):
        ballast = bytearray(b"x") * (300 << 20)  # of this process, not of the one measured
        result = json.loads(
            self.succeed(*self.speed("--prompt-tokens", "32", "-n", "8", "--json")).stdout)
        del ballast
        self.assertEqual((32, 8), (result["prompt_tokens"], result["generated_tokens"]))
        self.assertGreaterEqual(result["first_token_seconds"],
                                32 / result["prompt_tokens_per_second"])
        for name in ("tokens_per_second", "load_seconds"):
            self.assertGreater(result[name], 0, name)
        self.assertGreater(result["peak_bytes"], os.path.getsize(self.path("in.gguf")))
        if not harness.is_sanitized("evaluate"):
            self.assertLess(result["peak_bytes"], 200 << 20)
        said = self.succeed(*self.speed("--prompt-tokens", "32", "-n", "8")).stdout
        self.assertRegex(said, r"prompt +32 tokens, [\d.]+ tokens/s")
        self.assertRegex(said, r"memory +[\d.]+ MiB")

    def test_speed_of_what_cannot_be_run(self):
        self.write("short.txt", "a few words")
        self.fail_with(1, "evaluate", "speed", "-m", "in.gguf", "-f", "short.txt",
                       mentions=("short.txt", "tokens", "576"))
        # More bytes than are encoded at first, few tokens.
        self.write("spaces.txt", "a" + " " * 40000 + "b")
        self.succeed("evaluate", "speed", "-m", "in.gguf", "-f", "spaces.txt", "--prompt-tokens",
                     "16", "-n", "4", "-q")
        self.succeed("convert", os.path.join(harness.TESTDATA, "hf", "bert"), "bert.gguf")
        self.fail_with(1, "evaluate", "speed", "-m", "bert.gguf", "-f", "short.txt",
                       mentions=("bert.gguf", "encoder"))
        self.fail_with(2, *self.speed("-n", "0"))

    def test_existing_outputs_stay_without_force(self):
        self.write("out.npy", "precious")
        self.fail_with(1, *self.logits(), mentions=("out.npy", "--force"))
        with open(self.path("out.npy"), encoding="utf-8") as file:
            self.assertEqual("precious", file.read())

    def test_wrong_usage(self):
        self.fail_with(2, "evaluate")
        self.fail_with(2, "evaluate", "logit")
        self.fail_with(2, "evaluate", "logits", "-m", "in.gguf")
        self.fail_with(2, *self.logits("--cache-type-k", "q9_9"),
                       mentions=("--cache-type-k", "q9_9", "q8_0"))
        self.fail_with(2, *self.logits("-b", "0"))

    def test_bad_inputs_are_named(self):
        self.write("ids.txt", "1 5 six")
        self.fail_with(1, *self.logits(), mentions=("ids.txt", "word 3", "six"))
        self.write("ids.txt", " \n")
        self.fail_with(1, *self.logits(), mentions=("ids.txt", "no token ids"))
        self.write("ids.txt", "1 640")
        self.fail_with(1, *self.logits(), mentions=("token 1 is 640", "0 to 639"))
        self.assertFalse(os.path.exists(self.path("out.npy")))
        self.write("ids.txt", "1")
        self.fail_with(1, "evaluate", "logits", "-m", "absent.gguf", "--ids", "ids.txt", "-o",
                       "out.npy", mentions=("absent.gguf",))
        self.succeed("gguf", "set", "in.gguf", "general.architecture=string:mamba", "-o",
                     "mamba.gguf")
        self.fail_with(1, "evaluate", "logits", "-m", "mamba.gguf", "--ids", "ids.txt", "-o",
                       "out.npy", mentions=("mamba.gguf", "mamba", "llama"))

    def test_long_sequences_are_warned_of(self):
        self.write("ids.txt", " ".join(["3"] * 600))
        said = self.succeed(*self.logits()).stderr
        self.assertIn("600 tokens are more than the", said)
        self.assertEqual((600, 640), read_npy(self.path("out.npy"))[0])


if __name__ == "__main__":
    harness.main()
