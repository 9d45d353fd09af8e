"""Every family: llama.cpp loads the file we convert and computes what the checkpoint does."""

import json
import os
import struct

import harness
import numpy
from llama_cpp import Model, divergence, log_softmax

HF = os.path.join(harness.TESTDATA, "hf")
ENCODERS = ["bert"]
# Where golden.safetensors has several answers: llama.cpp's. It takes the long factors whenever the
# context is longer than the original one, and rounds the range in which YaRN interpolates.
LOGITS = {"phi3": "logits_long_factors", "gpt-oss": "logits_yarn_truncated"}
LENGTHS = (1, 8, 24, 40, 48)
NUM_GENERATED = 5

# Nats, and probability of any one token. Matrices stay in the checkpoint's 16 bits and llama.cpp
# rounds activations to them: at most 5.9e-5 and 0.00053 measured. With MXFP4 weights it rounds
# activations to 8 bits: 1.4e-4 and 0.0016.
BOUNDS = {"gpt-oss": (5e-4, 0.005)}
OTHER_BOUNDS = (2e-4, 0.002)
DTYPES = {"F32": "<f4", "I32": "<i4", "U8": "u1"}


def golden(name):
    """{name: array} of golden.safetensors."""
    with open(os.path.join(HF, name, "golden.safetensors"), "rb") as file:
        content = file.read()
    start = 8 + struct.unpack_from("<Q", content)[0]
    tensors = {}
    for key, entry in json.loads(content[8:start]).items():
        if key != "__metadata__":
            begin, end = entry["data_offsets"]
            tensors[key] = numpy.frombuffer(content[start + begin:start + end],
                                            DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def checkpoints():
    return sorted(name for name in os.listdir(HF)
                  if os.path.exists(os.path.join(HF, name, "model.safetensors")) or
                  os.path.exists(os.path.join(HF, name, "model.safetensors.index.json")))


class Families(harness.ProgramTest):

    def convert(self, name):
        self.succeed("convert", "--quiet", "--force", os.path.join(HF, name), "out.gguf")
        return self.path("out.gguf")

    def test_decoders_predict_what_the_checkpoint_does(self):
        names = [name for name in checkpoints() if name not in ENCODERS]
        self.assertGreater(len(names), 13)
        for name in names:
            with self.subTest(checkpoint=name):
                tensors = golden(name)
                ids = [int(token) for token in tensors["input_ids"].reshape(-1)]
                logits = tensors[LOGITS.get(name, "logits")]
                logits = logits.reshape(-1, logits.shape[-1])
                model = Model(self.convert(name))
                nats_bound, probability_bound = BOUNDS.get(name, OTHER_BOUNDS)
                num_compared = 0
                for length in LENGTHS:
                    found = model.log_probabilities(ids[:length], logits.shape[1])
                    if found is None:
                        continue
                    exact = log_softmax(logits[length - 1])
                    nats = divergence(exact, found)
                    probability = abs(numpy.exp(exact) - numpy.exp(found)).max()
                    print(f"{name}, {length} tokens: {nats:.1e} nats, {probability:.5f}")
                    self.assertLess(nats, nats_bound)
                    self.assertLess(probability, probability_bound)
                    num_compared += 1
                self.assertGreaterEqual(num_compared, 3)
                answer = model.complete("In the beginning", n_predict=NUM_GENERATED,
                                        ignore_eos=True)
                self.assertEqual(NUM_GENERATED, answer["usage"]["completion_tokens"])

    def test_encoders_embed_as_the_checkpoint_does(self):
        for name in ENCODERS:
            with open(os.path.join(HF, name, "golden_texts.json"), encoding="utf-8") as file:
                texts = json.load(file)["texts"]
            tensors = golden(name)
            model = Model(self.convert(name), embedding=True)
            for index, text in enumerate(texts):
                with self.subTest(checkpoint=name, text=text):
                    # llama.cpp evaluates GELU by a table of half precision.
                    difference = abs(model.embedding(text) - tensors[f"embedding.{index}"]).max()
                    print(f"{name}, {text!r}: {difference:.5f}")
                    self.assertLess(difference, 1e-3)


if __name__ == "__main__":
    harness.main()
