"""The command line of `generate`: repeatable text, when it stops, and what it says of bad input."""

import array
import json
import os
import struct
import subprocess

import gguf_file
import harness

HF = os.path.join(harness.TESTDATA, "hf")
TRAINED = os.path.join(HF, "llama-trained")
PROMPT = "The little boy went"
GREEDY = ("--temp", 0)


def likeliest(path):
    """Index of the largest value in the last row of a float32 matrix."""
    with open(path, "rb") as file:
        data = file.read()
    start = 10 + struct.unpack_from("<H", data, 8)[0]
    columns = int(data[10:start].decode().split("(")[1].split(")")[0].split(",")[1])
    values = array.array("f")
    values.frombytes(data[-4 * columns:])
    return max(range(columns), key=values.__getitem__)


class Generate(harness.ProgramTest):

    def setUp(self):
        super().setUp()
        self.succeed("convert", "--outtype", "f32", TRAINED, "model.gguf")

    def generate(self, *words, prompt=PROMPT, model="model.gguf"):
        said = self.succeed("generate", "-m", model, "-p", prompt, *words, "--json").stdout
        return json.loads(said)

    def refuse(self, *words, mentions, status=1):
        result = self.fail_with(status, "generate", *words, mentions=mentions)
        self.assertEqual("", result.stdout)

    def ids(self, text, *options):
        with open(self.path("text.txt"), "w", encoding="utf-8") as file:
            file.write(text)
        said = self.succeed("tokenize", "-m", "model.gguf", "-f", "text.txt", "--ids", *options)
        return [int(word) for word in said.stdout.split()]

    def test_same_seed_same_text(self):
        words = ("-n", 40, "--temp", 1.5, "--top-k", 0)
        first = self.generate(*words, "--seed", 5)
        self.assertEqual(40, len(first["tokens"]))
        self.assertEqual("length", first["stop"])
        for threads in (1, 3):
            again = self.generate(*words, "--seed", 5, "-t", threads)
            self.assertEqual(first["tokens"], again["tokens"])
        self.assertNotEqual(first["tokens"], self.generate(*words, "--seed", 6)["tokens"])

    def test_text_is_streamed_to_standard_output(self):
        expected = self.generate("-n", 20, *GREEDY)["text"]
        said = self.succeed("generate", "-m", "model.gguf", "-p", PROMPT, "-n", 20, *GREEDY)
        self.assertEqual(expected + "\n", said.stdout)
        self.assertRegex(said.stderr, r"prompt: \d+ tokens, [\d.]+ tokens/s; "
                                      r"generated: 20 tokens, [\d.]+ tokens/s\n$")
        quiet = self.succeed("generate", "-m", "model.gguf", "-p", PROMPT, "-n", 20, *GREEDY,
                             "--quiet")
        self.assertEqual((said.stdout, ""), (quiet.stdout, quiet.stderr))

    # Token by token the same as the whole sequence at once.
    def test_without_temperature_the_likeliest_tokens(self):
        result = self.generate("-n", 6, *GREEDY)
        ids = self.ids(PROMPT)
        self.assertEqual(len(ids), result["prompt_tokens"])
        for token in result["tokens"]:
            with open(self.path("ids.txt"), "w", encoding="utf-8") as file:
                file.write(" ".join(str(i) for i in ids))
            self.succeed("evaluate", "logits", "-m", "model.gguf", "--ids", "ids.txt", "-o",
                         "logits.npy", "--force")
            self.assertEqual(likeliest(self.path("logits.npy")), token)
            ids.append(token)
        self.assertEqual(result["tokens"], self.generate("-n", 6, "--top-k", 1)["tokens"])
        self.assertEqual(result["tokens"], self.generate("-n", 6, "--top-p", 0)["tokens"])
        self.assertEqual(result["tokens"], self.generate("-n", 6, "--min-p", 1)["tokens"])

    def test_prompts_from_files_and_standard_input(self):
        expected = self.generate("-n", 10, *GREEDY)["tokens"]
        path = self.path("prompt.txt")
        with open(path, "w", encoding="utf-8") as file:
            file.write(PROMPT)
        words = ("generate", "-m", "model.gguf", "-n", 10, *GREEDY, "--json")
        self.assertEqual(expected, json.loads(self.succeed(*words, "-f", path).stdout)["tokens"])
        with open(path, encoding="utf-8") as file:
            result = self.run_tool(*words, stdin=file)
        self.assertEqual(expected, json.loads(result.stdout)["tokens"])

    def test_stops_at_the_end_of_a_text(self):
        first, second = self.generate("-n", 2, *GREEDY)["tokens"]
        self.assertNotEqual(first, second)
        self.succeed("gguf", "set", "model.gguf", f"tokenizer.ggml.eos_token_id=uint32:{second}",
                     "-o", "stops.gguf")
        result = self.generate("-n", 10, *GREEDY, model="stops.gguf")
        self.assertEqual("end of generation", result["stop"])
        self.assertEqual([first], result["tokens"])

    def test_stops_when_the_context_is_full(self):
        result = self.generate("-n", 400, "-c", 20, *GREEDY)
        self.assertEqual("context", result["stop"])
        self.assertEqual(21, result["prompt_tokens"] + len(result["tokens"]))
        said = self.succeed("generate", "-m", "model.gguf", "-p", PROMPT, "-n", 400, "-c", 20)
        self.assertIn("the context is full", said.stderr)

    def test_nothing_to_generate(self):
        result = self.generate("-n", 0)
        self.assertEqual(("", [], "length"), (result["text"], result["tokens"], result["stop"]))

    def test_output_is_whole_characters(self):
        # Very hot, so that byte tokens of all kinds come in any order.
        words = ["generate", "-m", "model.gguf", "-p", PROMPT, "-n", 300, "--temp", 100, "--top-k",
                 0, "--top-p", 1, "--min-p", 0]
        done = subprocess.run(harness.command(words), cwd=self.folder, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
        result = self.generate(*words[5:])
        tokens = gguf_file.Reader(self.path("model.gguf")).values["tokenizer.ggml.tokens"].value
        self.assertTrue(any(tokens[i].startswith("<0x") for i in result["tokens"]))
        self.assertEqual(result["text"] + "\n", done.stdout.decode("utf-8"))

    def test_cache_types(self):
        full = self.generate("-n", 4, *GREEDY)["tokens"]
        for number in (0, 1, 2):
            result = self.generate("-n", 4, *GREEDY, "--quantkv", number)
            self.assertEqual(4, len(result["tokens"]))
        self.assertEqual(full, self.generate("-n", 4, *GREEDY, "--quantkv", 0)["tokens"])
        words = ("-m", "model.gguf", "-p", PROMPT)
        self.refuse(*words, "--quantkv", 3, status=2, mentions=["quantkv"])
        self.refuse(*words, "--quantkv", 1, "--cache-type-k", "f16", status=2,
                    mentions=["quantkv", "cache-type-k"])
        self.refuse(*words, "--cache-type-k", "q9", status=2, mentions=["cache-type-k", "q8_0"])

    def test_chat(self):
        plain = self.generate("-n", 1)
        chat = self.generate("-n", 1, "--chat")
        self.assertGreater(chat["prompt_tokens"], plain["prompt_tokens"])
        self.assertEqual(len(self.ids(f"[INST] {PROMPT} [/INST]")), chat["prompt_tokens"])
        self.succeed("gguf", "remove", "model.gguf", "tokenizer.chat_template", "-o", "none.gguf")
        self.refuse("-m", "none.gguf", "-p", PROMPT, "--chat",
                    mentions=["none.gguf", "tokenizer.chat_template"])
        self.refuse("-m", "model.gguf", "-p", PROMPT, "--system", "Be brief.", status=2,
                    mentions=["--chat"])

    def test_bad_models(self):
        self.succeed("gguf", "remove", "model.gguf", "tokenizer.ggml.tokens", "-o", "none.gguf")
        self.refuse("-m", "none.gguf", "-p", PROMPT, mentions=["none.gguf", "no tokenizer"])
        self.refuse("-m", "gone.gguf", "-p", PROMPT, mentions=["gone.gguf"])
        self.succeed("convert", "--outtype", "f32", os.path.join(HF, "bert"), "bert.gguf")
        self.refuse("-m", "bert.gguf", "-p", "light", mentions=["bert.gguf", "encoder"])

    def test_bad_prompts(self):
        words = ("-m", "model.gguf")
        self.refuse(*words, "-p", "light " * 100, "-c", 8,
                    mentions=["the prompt has", "at most 8", "-c"])
        self.refuse(*words, "-p", "light " * 3000, mentions=["the prompt has", "trained for"])
        self.refuse(*words, "-f", "gone.txt", mentions=["gone.txt"])
        self.succeed("gguf", "set", "model.gguf", "tokenizer.ggml.add_bos_token=bool:false", "-o",
                     "no_bos.gguf")
        self.refuse("-m", "no_bos.gguf", "-p", "", mentions=["the prompt is empty"])
        self.refuse("-p", "light", status=2, mentions=["--model"])
        self.refuse(*words, "-p", "a", "-f", "b", status=2, mentions=["--file"])

    def test_contexts_beyond_the_memory(self):
        self.succeed("convert", "--outtype", "f16", os.path.join(harness.TESTDATA, "kjv-llama"),
                     "kjv.gguf")
        self.refuse("-m", "kjv.gguf", "-p", PROMPT, "-c", 16000000,
                    mentions=["kjv.gguf", "memory", "key-value cache", "smaller context"])


if __name__ == "__main__":
    harness.main()
