"""llama.cpp (through the Python package `xllamacpp`) loads our files and predicts with them."""

import json
import math
import os
import struct

import harness
import numpy
from llama_cpp import Model, divergence

CHECKPOINT = os.path.join(harness.TESTDATA, "kjv-llama")
VOCABULARY = 2048
NUM_PROMPTS = 16
NUM_GENERATED = 24
IMPORTANCE = os.path.join(harness.TESTDATA, "importance", "kjv-llama.gguf")
NUM_CHAPTERS, FIRST_WORD, WORDS_PER_CHAPTER = 16, 5, 25

# How often llama.cpp predicts the same next word with a recipe's file, made with importance data,
# as with the F16 file: (recipes, lowest of them as measured at --effort standard, bound). Over the
# 400 positions of positions() the standard deviation is 0.005 at 0.99 and 0.02 at 0.8; the bounds
# are about twice that away, other CPUs sum in another order.
AGREEMENT = [
    (("F32", "F16", "BF16"), 1.0, 0.99),
    (("Q8_0", "MXFP4_MOE"), 0.995, 0.98),  # without experts all of MXFP4_MOE is Q8_0
    (("Q6_K", "Q5_0", "Q5_1", "Q5_K_S", "Q5_K_M"), 0.965, 0.945),
    (("Q4_0", "Q4_1", "Q4_K_S", "Q4_K_M", "IQ4_NL", "IQ4_XS"), 0.9225, 0.895),
    (("MXFP4", "NVFP4"), 0.9075, 0.875),  # 4-bit floats do not use importance data
    (("Q3_K_S", "Q3_K_M", "Q3_K_L"), 0.875, 0.84),
    (("IQ3_M", "IQ3_S", "IQ3_XS", "IQ3_XXS"), 0.8475, 0.81),
    (("Q2_K", "Q2_K_S", "IQ2_M", "IQ2_S"), 0.8125, 0.77),
    (("IQ2_XS", "IQ2_XXS", "IQ1_M", "IQ1_S"), 0.715, 0.665),
    # For models that were trained for them, which this one was not. The output matrix has more bits.
    (("Q2_0", "TQ1_0", "TQ2_0"), 0.725, 0.675),
    (("Q1_0",), 0.465, 0.41),
]


def prompts():
    """Beginnings of chapters, of different lengths."""
    with open(os.path.join(CHECKPOINT, "eval.txt"), encoding="utf-8") as file:
        lines = file.read().splitlines()
    return [line[:120 + 17 * index] for index, line in enumerate(lines[:NUM_PROMPTS])]


def positions():
    """Beginnings of chapters that grow word by word, so that llama.cpp adds to what it has read."""
    with open(os.path.join(CHECKPOINT, "eval.txt"), encoding="utf-8") as file:
        chapters = [line.split(" ") for line in file.read().splitlines()[:NUM_CHAPTERS]]
    return [" ".join(words[:end]) for words in chapters
            for end in range(FIRST_WORD, FIRST_WORD + WORDS_PER_CHAPTER)]


class LlamaCpp(harness.ProgramTest):

    def model(self, type_name):
        name = f"{type_name}.gguf"
        if not os.path.exists(self.path(name)):
            self.succeed("quantize", "--type", type_name, CHECKPOINT, name)
        return Model(self.path(name))

    def test_loads_and_generates_with_every_type(self):
        for type_name in ("F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K",
                          "Q3_K_S", "Q3_K_M", "Q3_K_L", "Q4_K_S", "Q4_K_M", "Q5_K_S", "Q5_K_M",
                          "Q6_K", "IQ4_NL", "IQ4_XS", "IQ3_M", "IQ3_S", "MXFP4", "NVFP4"):
            with self.subTest(type=type_name):
                answer = self.model(type_name).complete(prompts()[0], n_predict=NUM_GENERATED,
                                                        ignore_eos=True)
                self.assertEqual(NUM_GENERATED, answer["usage"]["completion_tokens"])
                text = answer["choices"][0]["text"]
                print(f"{type_name}: {text!r}")
                self.assertGreater(len(set(text.split())), 3, "the same word over and over")
                os.remove(self.path(f"{type_name}.gguf"))

    def test_every_recipe_with_importance_data_predicts_what_f16_does(self):
        bounds = {name: bound for names, _, bound in AGREEMENT for name in names}
        self.assertEqual(sorted(bounds), sorted(self.recipes()))
        self.succeed("quantize", "--type", "F16", CHECKPOINT, "reference.gguf")
        expected = Model(self.path("reference.gguf")).next_tokens(positions())
        commonest = max(expected.count(token) for token in set(expected)) / len(expected)
        print(f"always guessing F16's commonest token: {commonest:.4f}")
        print("| recipe | bits per weight | same next token as F16 |\n| --- | ---: | ---: |")
        for name, bound in bounds.items():
            with self.subTest(type=name):
                output = json.loads(self.succeed(
                    "quantize", "--json", "--type", name, "--imatrix", IMPORTANCE, CHECKPOINT,
                    "out.gguf").stdout)["outputs"][0]
                model = Model(self.path("out.gguf"))
                os.remove(self.path("out.gguf"))
                answer = model.complete(prompts()[0], n_predict=NUM_GENERATED, ignore_eos=True)
                self.assertEqual(NUM_GENERATED, answer["usage"]["completion_tokens"])
                found = model.next_tokens(positions())
                same = sum(map(int.__eq__, expected, found)) / len(expected)
                print(f"| {name} | {output['bits_per_weight']:.2f} | {same:.4f} |")
                self.assertGreater(same, bound)
                self.assertGreater(same, commonest)

    def test_converted_file_predicts_what_the_checkpoint_does(self):
        # golden.safetensors: 128 token ids and the logits of the F16 weights in float32. llama.cpp
        # rounds activations to half precision on the way; hence not exact.
        ids, logits = self.golden()
        self.succeed("convert", "--outtype", "f16", CHECKPOINT, "converted.gguf")
        model = Model(self.path("converted.gguf"))
        for length in (1, 2, 17, 64, 128):
            with self.subTest(length=length):
                exact = logits[length - 1] - logits[length - 1].max()
                exact -= math.log(numpy.exp(exact).sum())
                found = model.log_probabilities([int(token) for token in ids[:length]],
                                                VOCABULARY)
                print(f"{length} tokens: divergence {divergence(exact, found):.2e}")
                self.assertLess(divergence(exact, found), 1e-4)
                self.assertLess(abs(numpy.exp(exact) - numpy.exp(found)).max(), 0.005)

    def golden(self):
        """(ids, logits) of golden.safetensors."""
        with open(os.path.join(CHECKPOINT, "golden.safetensors"), "rb") as file:
            content = file.read()
        start = 8 + struct.unpack_from("<Q", content)[0]
        header = json.loads(content[8:start])
        def values(name, dtype):
            begin, end = header[name]["data_offsets"]
            return numpy.frombuffer(content[start + begin:start + end], dtype)
        return (values("input_ids", "<i4"),
                values("logits", "<f4").astype(numpy.float64).reshape(-1, VOCABULARY))

    def test_quantized_files_predict_nearly_the_same(self):
        # Mean over the prompts of the divergence from our F16 file, and the largest difference of
        # any token's probability. Measured at --effort standard: Q8_0 0.00017 and 0.0084, Q6_K
        # 0.0012 and 0.032, Q5_K_M 0.0019 and 0.020, Q4_0 0.0103 and 0.090; the bounds leave room for
        # other CPUs' sums.
        bounds = {"Q8_0": (0.0004, 0.02), "Q6_K": (0.002, 0.05), "Q5_K_M": (0.0035, 0.04),
                  "Q4_0": (0.016, 0.14)}
        reference_model = self.model("F16")
        expected = [reference_model.log_probabilities(prompt, VOCABULARY) for prompt in prompts()]
        for type_name, (mean_bound, probability_bound) in bounds.items():
            with self.subTest(type=type_name):
                model = self.model(type_name)
                found = [model.log_probabilities(prompt, VOCABULARY) for prompt in prompts()]
                mean = sum(map(divergence, expected, found)) / NUM_PROMPTS
                largest = max(abs(numpy.exp(a) - numpy.exp(b)).max()
                              for a, b in zip(expected, found))
                print(f"{type_name}: mean divergence {mean:.5f}, probability {largest:.4f}")
                self.assertLess(mean, mean_bound)
                self.assertLess(largest, probability_bound)

    def test_the_tests_own_loader_refuses_a_broken_file(self):
        with open(self.path("broken.gguf"), "wb") as file:
            file.write(b"GGUF" + bytes(100))
        with self.assertRaises(RuntimeError):
            Model(self.path("broken.gguf"))


if __name__ == "__main__":
    harness.main()
