"""--json of every program and command: one document on standard output when the work was done, none
when it was not; everything else on standard error."""

import json
import os
import re

import harness

HF = os.path.join(harness.TESTDATA, "hf")
TRAINED = os.path.join(HF, "llama-trained")
TEXT = os.path.join(harness.TESTDATA, "kjv-llama", "calibration.txt")
PHOTO = os.path.join(harness.TESTDATA, "images", "golden.png")
CACHE = ("-c", 64, "-t", 2)

# A call per program and command, in an order in which each finds what it needs, with its exit
# status and a field that its document must have.
CALLS = [
    ("convert", ["--print-supported-models"], 0, "models"),
    ("convert", ["--outtype", "f16", TRAINED, "in.gguf"], 0, "outputs"),
    ("quantize", ["--type", "Q4_0", "--verify", "--provenance", "in.gguf", "q.gguf"], 0, "outputs"),
    ("gguf inspect", ["q.gguf"], 0, "metadata"),
    ("gguf verify", ["q.gguf"], 0, "findings"),
    ("gguf verify", ["--provenance", "auto", "in.gguf", "--provenance", "q.gguf.provenance.json"],
     2, None),
    ("gguf verify", ["--provenance", "q.gguf.provenance.json", "in.gguf"], 1, "findings"),
    ("gguf diff", ["in.gguf", "q.gguf"], 1, "tensors"),
    ("gguf set", ["in.gguf", "a.b=uint8:1", "-o", "set.gguf"], 0, "files"),
    ("gguf remove", ["set.gguf", "a.b"], 0, "files"),
    ("gguf split", ["in.gguf", "part", "--split-max-tensors", 5], 0, "files"),
    ("gguf merge", ["part-00001-of-00004.gguf", "whole.gguf"], 0, "files"),
    ("gguf extract", ["in.gguf", "output_norm.weight", "-o", "norm.npy"], 0, "files"),
    ("gguf compress", ["in.gguf"], 0, "files"),
    ("gguf decompress", ["in.gguf.zst", "--force"], 0, "files"),
    ("gguf swap-endian", ["in.gguf", "big.gguf"], 0, "files"),
    ("repack", ["--layout", "ollama", "--text", "text.gguf", "--vision", "mmproj.gguf",
                "joined.gguf"], 0, "outputs"),
    ("imatrix", ["-m", "in.gguf", "-f", "text.txt", "-o", "im.gguf", "--chunks", 2, *CACHE], 0,
     "chunk_count"),
    ("imatrix", ["--in-file", "im.gguf", "--show-statistics"], 0, "tensors"),
    ("imatrix", ["--in-file", "im.gguf", "--in-file", "im.gguf", "-o", "two.gguf"], 0, "output"),
    ("tokenize", ["-m", "in.gguf", "-f", "text.txt"], 0, "tokens"),
    ("tokenize", ["-m", "in.gguf", "-f", "text.txt", "--ids"], 0, "tokens"),
    ("generate", ["-m", "in.gguf", "-p", "The", "-n", 2], 0, "tokens"),
    ("evaluate perplexity", ["-m", "in.gguf", "-f", "text.txt", *CACHE], 0, "perplexity"),
    ("evaluate logits", ["-m", "in.gguf", "-f", "text.txt", "-o", "base.zst", *CACHE], 0,
     "perplexity"),
    ("evaluate logits", ["-m", "in.gguf", "--ids", "ids.txt", "-o", "out.npy"], 0, "vocabulary"),
    ("evaluate kl", ["-m", "q.gguf", "--base", "base.zst", "-t", 2], 0, "mean_kld"),
    ("evaluate speed", ["-m", "in.gguf", "-f", "text.txt", "--prompt-tokens", 16, "-n", 4], 0,
     "prompt_tokens"),
    ("benchmark", ["--models", "in.gguf,q.gguf", "-f", "text.txt", "--prompt-tokens", 16, "-n", 4,
                   "--chunks", 1, "--repetitions", 1, *CACHE], 0, "models"),
    ("quality measure", ["-m", "q.gguf", "--against", "in.gguf", "-o", "q.json"], 0, "tensors"),
    ("quality check", ["q.json", "--max-size", "1GiB"], 0, "is_met"),
    ("quality report", ["q.json"], 0, "models"),
    ("evaluate choice", ["-m", "in.gguf", "-f", "tasks.jsonl"], 0, "accuracy"),
    ("evaluate embedding", ["-m", "bert.gguf", "-f", "lines.txt"], 0, "embeddings"),
    ("evaluate vision", ["-m", "mmproj.gguf", "--image", PHOTO], 0, "images"),
    ("recommend", ["--list-models"], 0, "models"),
    ("recommend", ["--vram", "8GiB", "--params", "8B"], 0, "choices"),
    ("recommend", ["--vram", "100MiB", "--params", "8B"], 1, "candidates"),
]
# Work that fails.
FAILURES = [
    ("convert", ["absent"], 1), ("quantize", ["--type", "Q8_0", "absent.gguf"], 1),
    ("gguf inspect", ["absent.gguf"], 1), ("gguf verify", ["absent.gguf"], 1),
    ("gguf compress", ["absent.gguf"], 1), ("gguf extract", ["in.gguf", "no", "-o", "n.npy"], 1),
    ("gguf split", ["absent.gguf", "part"], 1), ("evaluate perplexity", ["-m", "in.gguf"], 2),
    ("imatrix", ["-m", "absent.gguf", "-f", "text.txt", "-o", "out.gguf"], 1),
    ("generate", ["-m", "absent.gguf", "-p", "x"], 1), ("repack", ["--layout", "ollama"], 2),
    ("tokenize", ["-m", "absent.gguf", "-f", "text.txt"], 1),
    ("recommend", ["--vram", "x"], 2),
]
PROGRAMS = ("benchmark", "convert", "evaluate", "generate", "gguf", "imatrix", "quality", "quantize",
            "recommend", "repack", "tokenize")


class Json(harness.ProgramTest):

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def commands(self):
        """Every program, or each of its commands, as --help lists them."""
        for name in PROGRAMS:
            said = self.succeed(name, "--help").stdout
            _, found, listed = said.partition("Subcommands:\n")
            names = re.findall(r"^  ([a-z-]+) ", listed, re.M) if found else []
            yield from (f"{name} {command}" for command in names) if names else (name,)

    def test_every_command(self):
        self.assertEqual(set(self.commands()), {command for command, *_ in CALLS})
        with open(TEXT, encoding="utf-8") as file:
            self.write("text.txt", file.read(1500))
        self.write("ids.txt", "1 5 7")
        self.write("lines.txt", "first line\nsecond line\n")
        self.write("tasks.jsonl", json.dumps(
            {"context": "1 + 1 =", "choices": [" 2", " 3"], "answer": 0}) + "\n")
        self.succeed("convert", os.path.join(HF, "gemma3-vision"), "text.gguf", "--mmproj",
                     "mmproj.gguf")
        self.succeed("convert", os.path.join(HF, "bert"), "bert.gguf")
        for command, options, status, field in CALLS:
            with self.subTest(command=command, options=options):
                words = [*command.split(), *options, "--json", "--progress", "always"]
                result = self.run_tool(*words)
                self.assertEqual(status, result.status, harness.describe(words, result))
                if field is None:
                    self.assertEqual("", result.stdout)
                    continue
                document = json.loads(result.stdout)  # one, and nothing beside it
                self.assertEqual(1, document["schema_version"])
                self.assertIn(field, document)
                self.assertNotIn("schema_version", result.stderr)

    def test_failures_print_no_document(self):
        self.succeed("convert", "--outtype", "f16", TRAINED, "in.gguf")
        self.write("text.txt", "text")
        for command, options, status in FAILURES:
            with self.subTest(command=command, options=options):
                result = self.fail_with(status, *command.split(), *options, "--json")
                self.assertEqual("", result.stdout)


if __name__ == "__main__":
    harness.main()
