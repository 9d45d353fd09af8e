"""Our runtime and llama.cpp predict the same from the same quantized file, but for the 8 bits to which
llama.cpp rounds activations."""

import os

import harness
import numpy
from llama_cpp import Model, divergence, log_softmax

KJV = os.path.join(harness.TESTDATA, "kjv-llama")
HF = os.path.join(harness.TESTDATA, "hf")
# What llama.cpp's probabilities may differ by: nats in the middle of all predictions and at most, and
# probability of any one token. Measured: at most 4.5e-4, 1.3e-3 and 0.0145; 4.1e-4,
# 0.077 and 0.0141 where experts are chosen: there noise now and then decides a near tie between two of
# them, which untrained routers have many of.
DENSE, EXPERTS = (1e-3, 6e-3, 0.04), (1e-3, 0.3, 0.05)
CHECKPOINTS = {"kjv-llama": (KJV, DENSE), **{
    name: (os.path.join(HF, name), bounds) for name, bounds in
    (("qwen2", DENSE), ("gemma3-text", DENSE), ("qwen3moe", EXPERTS), ("gpt-oss", EXPERTS))}}
# Rows that a type's blocks do not divide get another, as the field's quantizer chooses it.
TYPES = ["Q8_0", "Q4_K_M", "IQ4_XS"]
LENGTHS = (4, 16, 40, 90)
NUM_PROMPTS = 3


def prompts():
    """Beginnings of chapters."""
    with open(os.path.join(KJV, "eval.txt"), encoding="utf-8") as file:
        return [line[:600] for line in file.read().splitlines()[3:3 + NUM_PROMPTS]]


class Runtime(harness.ProgramTest):

    def ids(self, text):
        with open(self.path("text.txt"), "w", encoding="utf-8") as file:
            file.write(text)
        said = self.succeed("tokenize", "-m", "model.gguf", "-f", "text.txt", "--ids").stdout
        return [int(word) for word in said.split()][:max(LENGTHS)]

    def our_logits(self, ids):
        """Logits after each of `ids`, [tokens][vocabulary]."""
        with open(self.path("ids.txt"), "w", encoding="utf-8") as file:
            file.write(" ".join(map(str, ids)))
        self.succeed("evaluate", "logits", "-m", "model.gguf", "--ids", "ids.txt", "-o",
                     "logits.npy", "--force")
        return numpy.load(self.path("logits.npy"))

    def compare(self):
        """[(nats, largest difference of a probability)] over prompts and lengths."""
        model = Model(self.path("model.gguf"))
        differences = []
        for prompt in prompts():
            ids = self.ids(prompt)
            logits = self.our_logits(ids)
            for length in LENGTHS:
                found = model.log_probabilities(ids[:length], logits.shape[1])
                if found is None:
                    continue
                ours = log_softmax(logits[length - 1])
                differences.append((divergence(ours, found),
                                    abs(numpy.exp(ours) - numpy.exp(found)).max()))
        return differences

    def test_same_predictions_from_the_same_file(self):
        for name, (folder, bounds) in CHECKPOINTS.items():
            for kind in TYPES:
                with self.subTest(checkpoint=name, type=kind):
                    self.succeed("quantize", "--quiet", "--force", "--type", kind, folder,
                                 "model.gguf")
                    differences = self.compare()
                    self.assertGreaterEqual(len(differences), 8)
                    nats, probabilities = zip(*differences)
                    found = (numpy.median(nats), max(nats), max(probabilities))
                    print(f"{name} {kind}: {len(differences)} predictions, {found[0]:.1e} nats in "
                          f"the middle, {found[1]:.1e} at most, probability {found[2]:.5f}")
                    for value, bound in zip(found, bounds):
                        self.assertLess(value, bound)

    def test_another_file_is_told_apart(self):
        # Three bits instead of eight are far more than the noise.
        self.succeed("quantize", "--quiet", "--type", "Q3_K_M", KJV, "model.gguf")
        other = Model(self.path("model.gguf"))
        ids = self.ids(prompts()[0])
        self.succeed("quantize", "--quiet", "--force", "--type", "Q8_0", KJV, "model.gguf")
        logits = self.our_logits(ids)
        nats = [divergence(log_softmax(logits[length - 1]),
                           other.log_probabilities(ids[:length], logits.shape[1]))
                for length in LENGTHS]
        print(f"Q8_0 here and Q3_K_M there: {numpy.median(nats):.1e} nats in the middle")
        self.assertGreater(numpy.median(nats), 4 * DENSE[0])


if __name__ == "__main__":
    harness.main()
