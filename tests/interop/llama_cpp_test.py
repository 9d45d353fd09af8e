"""llama.cpp (through the Python package `xllamacpp`) loads our files and predicts with them."""

import json
import math
import os
import struct

import harness
import numpy
import xllamacpp

CHECKPOINT = os.path.join(harness.TESTDATA, "kjv-llama")
VOCABULARY = 2048
NUM_PROMPTS = 16
NUM_GENERATED = 24


class Model:
    """A GGUF loaded by llama.cpp, on the CPU."""

    def __init__(self, path):
        parameters = xllamacpp.CommonParams()
        parameters.model.path = path
        parameters.n_ctx = 512
        parameters.n_parallel = 1
        parameters.n_gpu_layers = 0
        parameters.cpuparams.n_threads = 1  # several would spin while they wait for a busy core
        parameters.cpuparams_batch.n_threads = 1
        parameters.warmup = False
        parameters.verbosity = -1
        self.server = xllamacpp.Server(parameters)  # RuntimeError when the file is refused

    def complete(self, prompt, **fields):
        request = {"prompt": prompt, "temperature": 0, "cache_prompt": False, **fields}
        result = self.server.handle_completions(request)
        return result if isinstance(result, dict) else result[0]

    def log_probabilities(self, prompt):
        """Natural logarithms of the probability of each possible next token."""
        answer = self.complete(prompt, n_predict=1, n_probs=VOCABULARY)
        top = answer["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
        values = numpy.full(VOCABULARY, -100.0)  # llama.cpp leaves out what rounds to zero
        for entry in top:
            values[entry["id"]] = entry["logprob"]
        assert abs(numpy.exp(values).sum() - 1) < 1e-3, "not all of the vocabulary was given"
        return values


def divergence(expected, found):
    """Kullback-Leibler divergence, in nats."""
    return float((numpy.exp(expected) * (expected - found)).sum())


def prompts():
    """Beginnings of chapters, of different lengths."""
    with open(os.path.join(CHECKPOINT, "eval.txt"), encoding="utf-8") as file:
        lines = file.read().splitlines()
    return [line[:120 + 17 * index] for index, line in enumerate(lines[:NUM_PROMPTS])]


class LlamaCpp(harness.ProgramTest):

    def model(self, type_name):
        name = f"{type_name}.gguf"
        if not os.path.exists(self.path(name)):
            self.succeed("quantize", "--type", type_name, CHECKPOINT, name)
        return Model(self.path(name))

    def test_loads_and_generates_with_every_type(self):
        for type_name in ("F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K",
                          "Q3_K_S", "Q3_K_M", "Q3_K_L", "Q4_K_S", "Q4_K_M", "Q5_K_S", "Q5_K_M",
                          "Q6_K", "IQ4_NL", "IQ4_XS", "IQ3_M", "IQ3_S"):
            with self.subTest(type=type_name):
                answer = self.model(type_name).complete(prompts()[0], n_predict=NUM_GENERATED,
                                                        ignore_eos=True)
                self.assertEqual(NUM_GENERATED, answer["usage"]["completion_tokens"])
                text = answer["choices"][0]["text"]
                print(f"{type_name}: {text!r}")
                self.assertGreater(len(set(text.split())), 3, "the same word over and over")
                os.remove(self.path(f"{type_name}.gguf"))

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
                found = model.log_probabilities([int(token) for token in ids[:length]])
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
        # any token's probability. Measured: Q8_0 0.00023 and 0.016, Q6_K 0.00098 and 0.024, Q5_K_M
        # 0.0020 and 0.037, Q4_0 0.0078 and 0.057; twice that leaves room for other CPUs' sums.
        bounds = {"Q8_0": (0.0005, 0.032), "Q6_K": (0.002, 0.05), "Q5_K_M": (0.004, 0.075),
                  "Q4_0": (0.016, 0.12)}
        reference_model = self.model("F16")
        expected = [reference_model.log_probabilities(prompt) for prompt in prompts()]
        for type_name, (mean_bound, probability_bound) in bounds.items():
            with self.subTest(type=type_name):
                model = self.model(type_name)
                found = [model.log_probabilities(prompt) for prompt in prompts()]
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
