"""Every family: llama.cpp loads the file we convert and computes what the checkpoint does."""

import json
import os
import shutil
import struct

import generate_checkpoint
import harness
import numpy
from llama_cpp import Model, divergence, log_softmax

HF = os.path.join(harness.TESTDATA, "hf")
ENCODERS = ["bert"]
TOWERS = ["llava", "qwen2-vl"]  # whose answers are about images: towers_test.py
# Where golden.safetensors has several answers: llama.cpp's. It takes the long factors whenever the
# context is longer than the original one, and rounds the range in which YaRN interpolates.
LOGITS = {"phi3": "logits_long_factors", "gpt-oss": "logits_yarn_truncated"}
LENGTHS = (1, 8, 24, 40, 48)
NUM_GENERATED = 5

# Nats, and probability of any one token: at most 1.8e-5 and 0.0015 measured. With MXFP4 weights
# llama.cpp rounds activations to 8 bits: 1.7e-4 and 0.0021.
BOUNDS = {"gpt-oss": (5e-4, 0.005)}
OTHER_BOUNDS = (6e-5, 0.004)
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


def widened(dtype, data):
    """Values of F16, BF16 or F32 bytes."""
    if dtype == "BF16":
        return (numpy.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4")
    return numpy.frombuffer(data, {"F16": "<f2", "F32": "<f4"}[dtype]).astype("<f4")


class Families(harness.ProgramTest):

    def convert(self, name):
        # F32: with 16-bit weights llama.cpp rounds activations to them too, some CPUs more than others.
        self.succeed("convert", "--quiet", "--force", "--outtype", "f32", os.path.join(HF, name),
                     "out.gguf")
        return self.path("out.gguf")

    def test_decoders_predict_what_the_checkpoint_does(self):
        names = [name for name in checkpoints() if name not in ENCODERS + TOWERS]
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


    def test_lora_adapters_do_what_merging_them_does(self):
        # A model per way in which a matrix is reordered or stacked.
        cases = (
            ("llama", "model.layers.0.self_attn.q_proj", "model.layers.1.self_attn.k_proj",
             "model.layers.1.mlp.down_proj", "lm_head", "model.embed_tokens"),
            ("qwen3", "model.layers.0.self_attn.q_proj", "model.layers.1.mlp.gate_proj"),
            ("phi3", "model.layers.0.self_attn.qkv_proj", "model.layers.1.mlp.gate_up_proj"),
            ("mixtral", *(f"model.layers.1.block_sparse_moe.experts.{expert}.w1"
                          for expert in range(4))),
        )
        generator = numpy.random.default_rng(3)
        rank, alpha = 4, 8
        for name, *modules in cases:
            with self.subTest(checkpoint=name):
                merged = self.path(f"merged-{name}")
                shutil.copytree(os.path.join(HF, name), merged)
                weights = os.path.join(merged, "model.safetensors")
                stored = generate_checkpoint.read_safetensors(weights)
                adapter = {}
                for module in modules:
                    dtype, shape, data = stored[module + ".weight"]
                    a = generator.normal(0, 0.2, (rank, shape[1])).astype("<f4")
                    b = generator.normal(0, 0.2, (shape[0], rank)).astype("<f4")
                    halves = {"lora_A.weight": a, "lora_B.weight": b}
                    if module == "model.embed_tokens":  # of the transpose
                        halves = {"lora_embedding_A": b.T, "lora_embedding_B": a.T}
                    for half, values in halves.items():
                        adapter[f"base_model.model.{module}.{half}"] = (
                            "F32", list(values.shape), values.tobytes())
                    full = widened(dtype, data).reshape(shape) + alpha / rank * (b @ a)
                    stored[module + ".weight"] = ("F32", shape, full.astype("<f4").tobytes())
                for key, (dtype, shape, data) in stored.items():  # experts have one type
                    stored[key] = ("F32", shape, widened(dtype, data).tobytes())
                generate_checkpoint.write_safetensors(weights, stored)
                generate_checkpoint.write_adapter(self.path("adapter"), adapter, lora_alpha=alpha)
                base = os.path.join(HF, name)
                self.succeed("convert", "--force", "--outtype", "f32", merged, "merged.gguf")
                self.succeed("convert", "--force", "--outtype", "f32", base, "base.gguf")
                self.succeed("convert", "--force", "--lora-base", base, "adapter", "adapter.gguf")
                tensors = golden(name)
                ids = [int(token) for token in tensors["input_ids"].reshape(-1)]
                models = (Model(self.path("base.gguf")), Model(self.path("merged.gguf")),
                          Model(self.path("base.gguf"), adapters=[self.path("adapter.gguf")]))
                for length in range(24, len(ids)):
                    plain, expected, found = (
                        model.log_probabilities(ids[:length], tensors["logits"].shape[-1])
                        for model in models)
                    if not any(values is None for values in (plain, expected, found)):
                        break
                changed, nats = divergence(expected, plain), divergence(expected, found)
                print(f"{name}: {changed:.1e} nats without the adapter, {nats:.1e} with it")
                self.assertGreater(changed, 0.01)
                self.assertLess(nats, 1e-4)


if __name__ == "__main__":
    harness.main()
