"""Vision towers other than Gemma 3's in llama.cpp (the Python package `xllamacpp`)."""

import json
import os
import shutil
import struct

import generate_checkpoint
import harness
import numpy
from llama_cpp import Model, divergence, log_softmax, png

HF = os.path.join(harness.TESTDATA, "hf")
GOLDEN_IMAGE = os.path.join(harness.TESTDATA, "images", "golden.png")
SIDE = 56
VOCABULARY = 640
BEFORE, AFTER = "Look at this picture:", "What is it?"


def golden(name):
    """A float32 tensor of LLaVA's golden.safetensors."""
    with open(os.path.join(HF, "llava", "golden.safetensors"), "rb") as file:
        size = struct.unpack("<Q", file.read(8))[0]
        tensor = json.loads(file.read(size))[name]
        begin, end = tensor["data_offsets"]
        file.seek(8 + size + begin)
        return numpy.frombuffer(file.read(end - begin), numpy.float32).reshape(tensor["shape"])


class Towers(harness.ProgramTest):

    def load(self):
        return Model(self.path("text.gguf"), mmproj=self.path("mmproj.gguf"))

    def probabilities(self, model, image):
        answer = model.complete_image(BEFORE, image, AFTER, max_tokens=1, top_logprobs=VOCABULARY)
        return model.all_log_probabilities(answer["choices"][0], VOCABULARY)

    def test_llava_is_the_training_librarys(self):
        self.succeed("convert", "--outtype", "f32", os.path.join(HF, "llava"), "text.gguf",
                     "--mmproj", "mmproj.gguf")
        with open(GOLDEN_IMAGE, "rb") as file:
            found = self.probabilities(self.load(), file.read())
        # As the training library computes it with the class behind the patches, where this
        # llama.cpp has it; everything else is as it was trained.
        expected = log_softmax(golden("llama_cpp_logits"))
        print(f"divergence {divergence(expected, found):.3g}")
        self.assertLess(divergence(expected, found), 1e-4)

    def two_blocks(self):
        """Qwen 2.5 VL with a second block: llama.cpp wants one that sees windows only."""
        copy = self.path("two-blocks")
        shutil.copytree(os.path.join(HF, "qwen2vl"), copy)
        weights = os.path.join(copy, "model.safetensors")
        tensors = generate_checkpoint.read_safetensors(weights)
        generate_checkpoint.write_safetensors(weights, {**tensors, **{
            name.replace(".blocks.0.", ".blocks.1."): tensor for name, tensor in tensors.items()
            if ".blocks.0." in name}})
        path = os.path.join(copy, "config.json")
        with open(path, encoding="utf-8") as file:
            config = json.load(file)
        config["vision_config"].update(depth=2, fullatt_block_indexes=[1])
        os.remove(path)
        generate_checkpoint.write_json(path, config)
        return copy

    def test_qwen_answers_requests_with_images(self):
        for checkpoint in (os.path.join(HF, "qwen2-vl"), self.two_blocks()):
            with self.subTest(checkpoint=checkpoint):
                self.succeed("convert", "--force", "--outtype", "f16", checkpoint, "text.gguf",
                             "--mmproj", "mmproj.gguf")
                model = self.load()
                gradient = png(lambda x, y: (4 * x, 4 * y, 128), SIDE)
                expected = self.probabilities(model, gradient)
                other = self.probabilities(model, png(lambda x, y: (255, 0, 0), SIDE))
                self.assertGreater(divergence(expected, other), 1e-3, "the image makes no difference")
                # The tower in Q8_0 answers nearly the same.
                self.succeed("quantize", "--force", "--mmproj-type", "Q8_0", "mmproj.gguf",
                             "quantized.gguf")
                os.replace(self.path("quantized.gguf"), self.path("mmproj.gguf"))
                found = self.probabilities(self.load(), gradient)
                print(f"{divergence(expected, other):.3g}, Q8_0 {divergence(expected, found):.3g}")
                self.assertLess(divergence(expected, found), 0.1 * divergence(expected, other))


if __name__ == "__main__":
    harness.main()
