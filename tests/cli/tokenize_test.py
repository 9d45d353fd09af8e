"""The command line of `tokenize`: what it prints, and what it says of bad models and texts."""

import json
import os
import re

import gguf_file
import harness

CHECKPOINT = os.path.join(harness.TESTDATA, "hf", "llama-trained")
TEXT = b"And God said, Let there be light</s>\n"


class Tokenize(harness.ProgramTest):

    def setUp(self):
        super().setUp()
        self.succeed("convert", "--vocab-only", CHECKPOINT, "model.gguf")
        self.write("text.txt", TEXT)
        self.write("empty.txt", b"")

    def write(self, name, content):
        with open(self.path(name), "wb") as file:
            file.write(content)

    def ids(self, *options, model="model.gguf", text="text.txt"):
        said = self.succeed("tokenize", "-m", model, "-f", text, "--ids", *options).stdout
        self.assertRegex(said, r"^[0-9 ]*\n$")
        return [int(word) for word in said.split()]

    def test_ids_are_of_the_whole_text(self):
        ids = self.ids()
        tokens = gguf_file.Reader(self.path("model.gguf")).values["tokenizer.ggml.tokens"].value
        self.assertEqual("<s>\u2581And\u2581God\u2581said,\u2581Let\u2581there\u2581be\u2581light"
                         "</s>\u2581<0x0A>", "".join(tokens[i] for i in ids))
        self.assertEqual(ids[1:], self.ids("--no-bos"))

    def test_control_tokens_can_be_ordinary_text(self):
        self.assertIn(2, self.ids())
        self.assertNotIn(2, self.ids("--no-parse-special"))

    def test_lines_show_what_each_token_adds(self):
        said = self.succeed("tokenize", "-m", "model.gguf", "-f", "text.txt").stdout.splitlines()
        tokens = [re.fullmatch(r' *(\d+)  "(.*)"', line) for line in said[:-1]]
        self.assertEqual(self.ids(), [int(token[1]) for token in tokens])
        self.assertEqual("<s> And God said, Let there be light</s> \\n",
                         "".join(token[2] for token in tokens))
        self.assertEqual(f"{len(tokens)} tokens", said[-1])

    def test_json_holds_ids_and_texts(self):
        result = json.loads(self.succeed("tokenize", "-m", "model.gguf", "-f", "text.txt",
                                         "--json").stdout)
        self.assertEqual(self.ids(), [token["id"] for token in result["tokens"]])
        self.assertEqual(" And", result["tokens"][1]["text"][:4])
        self.assertEqual([], result["warnings"])

    def test_a_checkpoint_folder_serves_too(self):
        self.assertEqual(self.ids(), self.ids(model=CHECKPOINT))

    def test_an_empty_text_is_bos(self):
        self.assertEqual([1], self.ids(text="empty.txt"))
        self.assertEqual([], self.ids("--no-bos", text="empty.txt"))

    def test_bytes_that_are_no_utf8_are_tokens(self):
        self.write("bad.txt", b"a\xff\xc3(\x1b[31m")
        said = self.succeed("tokenize", "-m", "model.gguf", "-f", "bad.txt").stdout
        self.assertIn('"\\xff"', said)
        self.assertNotIn("\x1b", said)
        self.succeed("tokenize", "-m", "model.gguf", "-f", "bad.txt", "--json")

    def test_warnings_go_to_standard_error(self):
        self.succeed("gguf", "set", "model.gguf", "tokenizer.ggml.eot_token_id=uint32:640")
        result = self.succeed("tokenize", "-m", "model.gguf", "-f", "text.txt", "--ids")
        self.assertIn("tokenizer.ggml.eot_token_id", result.stderr)
        self.assertEqual("", self.succeed("tokenize", "-m", "model.gguf", "-f", "text.txt",
                                          "--quiet").stderr)

    def test_models_without_a_usable_tokenizer(self):
        for key, value in (("model", "rwkv"), ("scores", "")):
            name = f"tokenizer.ggml.{key}"
            self.succeed("gguf", "set", "model.gguf", f"{name}=string:{value}", "-o", "bad.gguf",
                         "--force")
            self.fail_with(1, "tokenize", "-m", "bad.gguf", "-f", "text.txt",
                           mentions=["bad.gguf", name])
        self.succeed("gguf", "remove", "model.gguf", "tokenizer.ggml.tokens", "-o", "none.gguf")
        self.fail_with(1, "tokenize", "-m", "none.gguf", "-f", "text.txt",
                       mentions=["none.gguf", "no tokenizer", "tokenizer.ggml.tokens"])

    def test_missing_and_wrong_files(self):
        self.fail_with(1, "tokenize", "-m", "no.gguf", "-f", "text.txt", mentions=["no.gguf"])
        self.fail_with(1, "tokenize", "-m", "text.txt", "-f", "text.txt", mentions=["text.txt"])
        self.fail_with(1, "tokenize", "-m", "model.gguf", "-f", "no.txt", mentions=["no.txt"])
        self.fail_with(1, "tokenize", "-m", "model.gguf", "-f", ".", mentions=["folder"])

    def test_wrong_usage(self):
        self.fail_with(2, "tokenize", "-m", "model.gguf", mentions=["--file"])
        self.fail_with(2, "tokenize", "-f", "text.txt", mentions=["--model"])
        self.fail_with(2, "tokenize", "-m", "model.gguf", "-f", "text.txt", "--idss",
                       mentions=["--idss"])


if __name__ == "__main__":
    harness.main()
