"""Gemma 3 with an image: llama.cpp (the Python package `xllamacpp`) and `generate` say the same."""

import json
import os
import struct

import harness
import numpy
from llama_cpp import Model, divergence, log_softmax, png

CHECKPOINT = os.path.join(harness.TESTDATA, "hf", "gemma3-vision")
GOLDEN_IMAGE = os.path.join(harness.TESTDATA, "images", "golden.png")
VOCABULARY = 704
SIDE = 56  # of the model's images: nothing is resized, which llama.cpp does without antialiasing
BEFORE, AFTER = "Look at this picture:", "What is it? And God saw the light, that it was good."
NUM_GENERATED = 4


def golden(name):
    """A float32 tensor of golden.safetensors."""
    with open(os.path.join(CHECKPOINT, "golden.safetensors"), "rb") as file:
        size = struct.unpack("<Q", file.read(8))[0]
        tensor = json.loads(file.read(size))[name]
        begin, end = tensor["data_offsets"]
        file.seek(8 + size + begin)
        return numpy.frombuffer(file.read(end - begin), numpy.float32).reshape(tensor["shape"])


class ImageAnswers(harness.ProgramTest):

    def setUp(self):
        super().setUp()
        self.succeed("convert", "--outtype", "f32", CHECKPOINT, "text.gguf", "--mmproj",
                     "mmproj.gguf")
        self.model = Model(self.path("text.gguf"), mmproj=self.path("mmproj.gguf"))

    def complete(self, before, image, after, **fields):
        """As `generate` writes it: llama.cpp adds the image's marks, but no blank lines."""
        return self.model.complete_image(f"{before}\n\n", image, f"\n\n{after}", **fields)

    def test_probabilities_are_the_training_librarys(self):
        with open(GOLDEN_IMAGE, "rb") as file:
            answer = self.complete(BEFORE, file.read(), AFTER, max_tokens=1,
                                   top_logprobs=VOCABULARY)
        found = self.model.all_log_probabilities(answer["choices"][0], VOCABULARY)
        expected = log_softmax(golden("mm_logits")[-1])
        # tests/runtime/vision_test.cc holds ours against the same logits. llama.cpp evaluates GELU
        # through a table in half precision.
        print(f"divergence {divergence(expected, found):.3g}")
        self.assertLess(divergence(expected, found), 1e-4)

    def test_the_same_words_are_likeliest(self):
        images = [png(color, SIDE) for color in (
            lambda x, y: (4 * x, 4 * y, 128), lambda x, y: (255, 0, 0),
            lambda x, y: (x * y % 256, 255 * (x // 8 % 2), 3 * y))]
        answers = []
        for number, image in enumerate(images):
            with open(self.path(f"{number}.png"), "wb") as file:
                file.write(image)
            said = self.succeed("generate", "-m", "text.gguf", "--mmproj", "mmproj.gguf", "--image",
                                f"{number}.png", "-p", "the", "-n", NUM_GENERATED, "--temp", 0,
                                "--json").stdout
            ours = json.loads(said)
            theirs = self.complete("", image, "the", max_tokens=NUM_GENERATED, top_logprobs=1)
            entries = theirs["choices"][0]["logprobs"]["content"]
            self.assertEqual(theirs["usage"]["prompt_tokens"], ours["prompt_tokens"])
            answers.append(ours["tokens"])
            self.assertEqual([entry["id"] for entry in entries], ours["tokens"])
        self.assertEqual(len(images), len(set(map(tuple, answers))), answers)


if __name__ == "__main__":
    harness.main()
