"""llama.cpp (through the Python package `xllamacpp`) makes the same tokens of a text as `tokenize`."""

import json
import os
import random
import urllib.request

import harness
import xllamacpp

# One checkpoint per tokenizer. BERT's is not among them: llama.cpp does not decompose Hangul as the
# model's own tokenizer does.
CHECKPOINTS = ["llama", "phi3", "gemma3-text", "llama3", "qwen2", "gpt-oss"]
NUM_RANDOM_TEXTS = 60

PARTS = (list("abcXYZ 0123456789.,!?'\"()[]{}<>/\\|@#$%^&*-_=+~`éñßÅЖжΩ你好世界あカ한ไ한हिم０٣Ⅷ½ſİ") +
         ["  ", "    ", "\n", "\n\n", "\r\n", "\t", "\u00a0", "\u3000", "\u2028", "\x85", "\u200b",
          "e\u0301", "\U0001f601", "\U0001f468\u200d\U0001f469", "'s", "'LL", "'re", " the", "light",
          "camelCase", "HTTP", "12345", "3.14", "</s>", "<|im_end|>", "<end_of_turn>", "<|eot_id|>"])


def texts(checkpoint):
    """Those with golden ids, and random ones."""
    with open(os.path.join(harness.TESTDATA, "hf", checkpoint, "tests.json"),
              encoding="utf-8") as file:
        golden = [test["text"] for test in json.load(file)["tests"]]
    rng = random.Random(1)
    return golden + ["".join(rng.choices(PARTS, k=rng.randrange(1, 40)))
                     for _ in range(NUM_RANDOM_TEXTS)]


class Server:
    """A GGUF loaded by llama.cpp, and its way of cutting texts."""

    def __init__(self, path):
        parameters = xllamacpp.CommonParams()
        parameters.model.path = path
        parameters.n_ctx = 64
        parameters.n_parallel = 1
        parameters.n_gpu_layers = 0
        parameters.cpuparams.n_threads = 1
        parameters.cpuparams_batch.n_threads = 1
        parameters.warmup = False
        parameters.verbosity = -1
        self._server = xllamacpp.Server(parameters)

    def tokenize(self, text):
        body = json.dumps({"content": text, "add_special": True, "parse_special": True}).encode()
        request = urllib.request.Request(self._server.listening_address + "/tokenize", body,
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["tokens"]


class Tokenizer(harness.ProgramTest):

    def ids(self, text):
        with open(self.path("text"), "wb") as file:
            file.write(text.encode())
        return [int(word) for word in self.succeed("tokenize", "-m", "model.gguf", "-f", "text",
                                                   "--ids").stdout.split()]

    def test_same_tokens(self):
        for checkpoint in CHECKPOINTS:
            self.succeed("convert", os.path.join(harness.TESTDATA, "hf", checkpoint), "model.gguf",
                         "--force")
            server = Server(self.path("model.gguf"))
            with self.subTest(checkpoint=checkpoint):
                different = [text for text in texts(checkpoint)
                             if self.ids(text) != server.tokenize(text)]
                self.assertEqual([], different)
            del server


if __name__ == "__main__":
    harness.main()
