"""Images on the command line: `generate --image` and `evaluate vision`, on a tiny Gemma 3."""

import json
import os

import gguf_file
import harness

CHECKPOINT = os.path.join(harness.TESTDATA, "hf", "gemma3-vision")
LLAMA = os.path.join(harness.TESTDATA, "hf", "llama-trained")
IMAGES = os.path.join(harness.TESTDATA, "images")
GOLDEN = os.path.join(IMAGES, "golden.png")
PHOTO = os.path.join(IMAGES, "photo.jpg")
# The prompt of golden.safetensors, an image of 4 tokens in it.
PROMPT = ("Look at this picture:<start_of_image>"
          "What is it? And God saw the light, that it was good.")


class Vision(harness.ProgramTest):

    def setUp(self):
        super().setUp()
        self.succeed("convert", "--outtype", "f32", CHECKPOINT, "text.gguf", "--mmproj",
                     "mmproj.gguf")

    def generate(self, *words, prompt=PROMPT, temperature=0):
        said = self.succeed("generate", "-m", "text.gguf", "-p", prompt, "--temp", temperature,
                            *words, "--json")
        return json.loads(said.stdout)

    def vision(self, *words):
        return json.loads(self.succeed("evaluate", "vision", *words, "--json").stdout)

    def refuse(self, *words, mentions, status=1):
        result = self.fail_with(status, *words, mentions=mentions)
        self.assertEqual("", result.stdout)


class Generate(Vision):

    def test_the_image_counts(self):
        image = ("--mmproj", "mmproj.gguf", "--image")
        golden = self.generate(*image, GOLDEN, "-n", 8)
        ids = self.ids()
        # A blank line, the image between its two marks, a blank line.
        self.assertEqual(len(ids) + 4, golden["prompt_tokens"])
        self.assertEqual(golden["tokens"], self.generate(*image, GOLDEN, "-n", 8, "-t", 3)["tokens"])
        drawn = [self.generate(*image, path, "-n", 8, temperature=2)["tokens"]
                 for path in (GOLDEN, PHOTO)]
        self.assertNotEqual(*drawn)
        # A batch smaller than the image makes room for it.
        self.assertEqual(golden["tokens"],
                         self.generate(*image, GOLDEN, "-n", 8, "-b", 1)["tokens"])

    def ids(self):
        """Of the golden prompt without the image's rows."""
        before, after = PROMPT.split("<start_of_image>")
        with open(self.path("prompt.txt"), "w", encoding="utf-8") as file:
            file.write(f"{before}\n\n<start_of_image><end_of_image>\n\n{after}")
        said = self.succeed("tokenize", "-m", "text.gguf", "-f", "prompt.txt", "--ids")
        return [int(word) for word in said.stdout.split()]

    def test_places(self):
        image = ("--mmproj", "mmproj.gguf", "--image", GOLDEN, "-n", 6)
        in_front = self.generate(*image, prompt="What is it?")
        marked = self.generate(*image, prompt="<start_of_image>What is it?")
        behind = self.generate(*image, prompt="What is it?<start_of_image>")
        self.assertEqual(in_front["tokens"], marked["tokens"])
        self.assertEqual(in_front["prompt_tokens"], marked["prompt_tokens"])
        self.assertNotEqual(in_front["tokens"], behind["tokens"])
        two = self.generate(*image, "--image", PHOTO, prompt="Compare.")
        self.assertGreater(two["prompt_tokens"], in_front["prompt_tokens"] + 4)

    def test_chat(self):
        plain = self.generate("--chat", "-n", 1, prompt="What is it?")
        image = self.generate("--chat", "-n", 1, "--mmproj", "mmproj.gguf", "--image", GOLDEN,
                              prompt="What is it?")
        self.assertGreaterEqual(image["prompt_tokens"], plain["prompt_tokens"] + 4 + 2)

    def test_refusals(self):
        generate = ("generate", "-m", "text.gguf", "-n", 1, "-p", "What?")
        image = (*generate, "--mmproj", "mmproj.gguf", "--image")
        self.refuse(*generate, "--mmproj", "mmproj.gguf", mentions="--image", status=2)
        self.refuse(*generate, "--image", GOLDEN,
                    mentions="text.gguf has no vision tower (no tensors v.* and mm.*): name the "
                    "projector file that belongs to it with --mmproj")
        self.refuse(*image, "none.png", mentions="none.png")
        self.refuse(*image, "text.gguf", mentions="text.gguf is neither a PNG nor a JPEG image")
        with open(PHOTO, "rb") as file:
            data = file.read()
        with open(self.path("cut.jpg"), "wb") as file:
            file.write(data[:2000])
        self.refuse(*image, "cut.jpg", mentions="cut.jpg is no whole JPEG image")
        self.refuse(*generate, "--mmproj", "none.gguf", "--image", GOLDEN, mentions="none.gguf")
        self.refuse(*generate, "--mmproj", "text.gguf", "--image", GOLDEN,
                    mentions="text.gguf has no vision tower")
        self.succeed("convert", "--outtype", "f16", LLAMA, "llama.gguf")
        self.refuse("generate", "-m", "llama.gguf", "-n", 1, "-p", "What?", "--mmproj",
                    "mmproj.gguf", "--image", GOLDEN,
                    mentions="mmproj.gguf makes embeddings of 128 values, expected 256 for "
                    "llama.gguf: use the tower of the same model and size")

    def test_places_and_images_differ(self):
        self.refuse("generate", "-m", "text.gguf", "-n", 1, "-p", "<start_of_image>?", "--mmproj",
                    "mmproj.gguf", "--image", GOLDEN, "--image", PHOTO,
                    mentions="the prompt has 1 places for images (<start_of_image>), expected 2")


class EvaluateVision(Vision):

    def test_one_tower(self):
        result = self.vision("-m", "mmproj.gguf", "--image", GOLDEN, "--image", PHOTO)
        self.assertEqual(["mmproj.gguf", "", 2],
                         [result["tower"], result["against"], len(result["images"])])
        for image in result["images"]:
            self.assertEqual([128] * 4, [len(row["values"]) for row in image["embeddings"]])
        # With a text model, the same tower, checked to belong to it.
        same = self.vision("-m", "text.gguf", "--mmproj", "mmproj.gguf", "--image", GOLDEN)
        self.assertEqual(result["images"][0], same["images"][0])
        said = self.succeed("evaluate", "vision", "-m", "mmproj.gguf", "--image", GOLDEN).stdout
        self.assertEqual(f"{GOLDEN}: 4 tokens of 128 values\n", said)

    def test_activations(self):
        image, = self.vision("-m", "mmproj.gguf", "--image", PHOTO, "--against", "mmproj.gguf",
                             "--activations", "bf16")["images"]
        # Measured with a matrix unit: 0.003; without one both are computed in floats.
        self.assertLess(image["error"]["relative_rmse"], 0.01)
        self.assertGreater(image["min_cosine"], 0.9999)

    def test_two_towers(self):
        same = self.vision("-m", "mmproj.gguf", "--image", GOLDEN, "--against", "mmproj.gguf")
        image = same["images"][0]
        self.assertAlmostEqual(1.0, image["min_cosine"], places=12)
        self.assertEqual(0.0, image["error"]["max_abs_error"])
        self.succeed("convert", "--outtype", "f32", CHECKPOINT, "other.gguf", "--mmproj",
                     "q8_0.gguf", "--mmproj-type", "q8_0")
        types = {t.type for t in gguf_file.Reader(self.path("q8_0.gguf")).tensors.values()}
        self.assertIn("Q8_0", types)
        image = self.vision("-m", "q8_0.gguf", "--image", GOLDEN, "--against",
                            "mmproj.gguf")["images"][0]
        self.assertTrue(0.999 < image["min_cosine"] <= image["mean_cosine"] < 1.0)
        self.assertTrue(0.0 < image["error"]["relative_rmse"] < 0.05)
        said = self.succeed("evaluate", "vision", "-m", "q8_0.gguf", "--image", GOLDEN, "--against",
                            "mmproj.gguf").stdout
        self.assertRegex(said, r"4 tokens of 128 values; against mmproj.gguf: cosine 0\.99\d+ "
                         r"\(least 0\.99\d+\), relative error 0\.0\d+, largest 0\.\d+\n")

    def test_refusals(self):
        vision = ("evaluate", "vision", "-m")
        self.refuse(*vision, "mmproj.gguf", mentions="--image", status=2)
        self.refuse(*vision, "text.gguf", "--image", GOLDEN, mentions="has no vision tower")
        self.refuse(*vision, "mmproj.gguf", "--image", "none.png", mentions="none.png")
        self.refuse(*vision, "mmproj.gguf", "--image", GOLDEN, "--against", "text.gguf",
                    mentions="text.gguf has no vision tower")


if __name__ == "__main__":
    harness.main()
