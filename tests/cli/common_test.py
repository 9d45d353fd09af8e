"""What all programs have in common: help, version, wrong usage, missing input."""

import os
import re
import subprocess

import harness

# Per program: options its help must list, and a call that is right but for the missing input.
PROGRAMS = {
    "convert": (
        ["--outtype", "--dry-run", "--model-name", "--metadata", "--pre", "--lora-base", "--vocab-only",
         "--split-max-size", "--split-max-tensors", "--no-tensor-first-split",
         "--print-supported-models", "--mmproj", "--mmproj-type", "--layout", "--force", "--threads", "--quiet", "--verbose", "--progress",
         "--json", "--version"],
        ["convert", "absent", "out.gguf"]),
    "quantize": (
        ["--type", "--allow-requantize", "--leave-output-tensor", "--pure", "--imatrix",
         "--include-weights", "--exclude-weights", "--output-tensor-type",
         "--token-embedding-type", "--tensor-type", "--tensor-type-file", "--prune-layers",
         "--keep-split", "--override-kv", "--pre", "--model-name", "--metadata", "--dry-run",
         "--effort", "--verify", "--report", "--provenance", "--mmproj", "--mmproj-type",
         "--memory-limit", "--split-max-size", "--force", "--threads", "--quiet", "--verbose",
         "--progress", "--json", "--version"],
        ["quantize", "--type", "Q8_0", "absent.gguf", "out.gguf"]),
    "gguf": (
        ["inspect", "verify", "diff", "split", "merge", "set", "remove", "extract", "compress",
         "decompress", "swap-endian", "--version"],
        ["gguf", "inspect", "absent.gguf"]),
    "repack": (
        ["--layout", "--text", "--vision", "--shrink-embedding", "--ollama-model", "--name",
         "--dry-run", "--verify", "--force", "--threads", "--quiet", "--json", "--version"],
        ["repack", "--layout", "ollama", "--text", "absent.gguf", "--vision", "absent", "out.gguf"]),
    "imatrix": (
        ["--model", "--file", "--output", "--output-format", "--ctx-size", "--batch-size",
         "--chunks", "--chunk", "--from-chunk", "--process-output", "--parse-special", "--no-ppl",
         "--output-frequency", "--save-frequency", "--in-file", "--show-statistics", "--force",
         "--threads", "--quiet", "--progress", "--json", "--version"],
        ["imatrix", "-m", "absent.gguf", "-f", "absent.txt", "-o", "out.gguf"]),
    "evaluate": (
        ["perplexity", "logits", "kl", "choice", "embedding", "vision", "speed",
         "--version"],
        ["evaluate", "perplexity", "-m", "absent.gguf", "-f", "absent.txt"]),
    "quality": (
        ["measure", "check", "report", "--version"],
        ["quality", "check", "absent.json", "--max-kl", "1"]),
    "benchmark": (
        ["--models", "--model", "--types", "--base", "--file", "--tasks", "--imatrix", "--effort",
         "--keep", "--repetitions", "--output", "--resume", "--force", "--from", "--threads",
         "--quiet", "--json", "--version"],
        ["benchmark", "--models", "absent.gguf", "-f", "absent.txt"]),
    "generate": (
        ["--model", "--prompt", "--file", "--n-predict", "--ctx-size", "--chat", "--system", "--temp",
         "--top-k", "--top-p", "--min-p", "--seed", "--image", "--mmproj", "--quantkv",
         "--cache-type-k", "--cache-type-v", "--threads", "--quiet", "--json", "--version"],
        ["generate", "-m", "absent.gguf", "-p", "light"]),
    "recommend": (
        ["--vram", "--model", "--params", "--layers", "--kv-heads", "--head-size", "--window",
         "--sliding-layers", "--list-models", "--ctx-size", "--priority", "--cache-type-k",
         "--cache-type-v", "--reserve", "--pad", "--ubatch-size", "--headroom", "--no-imatrix",
         "--threads", "--quiet", "--verbose", "--json", "--version"],
        ["recommend", "--vram", "8GiB", "-m", "absent.gguf"]),
    "tokenize": (
        ["--model", "--file", "--ids", "--no-bos", "--no-parse-special", "--json", "--quiet",
         "--version"],
        ["tokenize", "-m", "absent.gguf", "-f", "absent.txt"]),
}


class Common(harness.ProgramTest):

    def test_waiting_threads_of_programs_that_run_models_sleep_soon(self):
        settings = {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"}
        bare = {key: value for key, value in os.environ.items() if key not in settings}
        for name in ("benchmark", "evaluate", "generate", "imatrix"):
            for own, expected in (({}, "1000"), ({"GOMP_SPINCOUNT": "77"}, "77")):
                with self.subTest(program=name, environment=own):
                    said = subprocess.run([harness.program(name), "--version"], check=True,
                                          env={**bare, **own, "OMP_DISPLAY_ENV": "verbose"},
                                          capture_output=True, text=True).stderr
                    self.assertEqual(expected, re.findall(r"GOMP_SPINCOUNT = '(\d+)'", said)[-1])

    def test_help_lists_options_and_an_example(self):
        for name, (options, _) in PROGRAMS.items():
            with self.subTest(program=name):
                result = self.succeed(name, "--help")
                for option in options:
                    self.assertIn(option, result.stdout)
                self.assertRegex(result.stdout, r"(?i)example")
                self.assertEqual("", result.stderr)

    def test_help_says_what_verbose_does_here(self):
        does = {("convert",): "print a line per tensor", ("quantize",): "print a line per tensor",
                ("repack",): "print a line per tensor", ("gguf", "inspect"): "print all of",
                ("recommend",): "print the dominated", ("gguf", "verify"): "no more to print",
                ("evaluate", "kl"): "no more to print", ("imatrix",): "no more to print",
                ("generate",): "no more to print", ("tokenize",): "no more to print"}
        for words, said in does.items():
            with self.subTest(program=words):
                line = re.search(r"-v,--verbose\b(.*?)\n +-", self.succeed(*words, "--help").stdout, re.S)
                self.assertIn(said, " ".join(line[1].split()))

    def test_version_is_a_name_and_a_number(self):
        for name in PROGRAMS:
            with self.subTest(program=name):
                self.assertRegex(self.succeed(name, "--version").stdout, rf"^{name} \d+\.\d+\.\d+\n$")

    def test_unknown_option_is_wrong_usage(self):
        for name, (_, call) in PROGRAMS.items():
            with self.subTest(program=name):
                self.fail_with(2, *call, "--no-such-option",
                               mentions=["--no-such-option", "--help"])

    def test_no_arguments_is_wrong_usage(self):
        for name in PROGRAMS:
            with self.subTest(program=name):
                self.fail_with(2, name)

    def test_a_misspelt_option_gets_a_suggestion(self):
        for name, (_, call) in PROGRAMS.items():
            with self.subTest(program=name):
                self.fail_with(2, *call, "--qiuet", mentions=["'--qiuet'", "did you mean --quiet?"])

    def test_programs_with_commands_list_them(self):
        for name in ("gguf", "evaluate", "quality"):
            commands = PROGRAMS[name][0][:-1]
            listed = "the commands are " + ", ".join(commands)
            for words in ([], ["-m", "x"]):
                self.fail_with(2, name, *words, mentions=[f"{name}: no command given; {listed}"])
            misspelt = commands[0][:-1]
            self.fail_with(2, name, misspelt, "-m", "x", mentions=[
                f"{name}: unknown command '{misspelt}'; {listed}; did you mean {commands[0]}?"])
            self.fail_with(2, name, "nothing", mentions=[
                f"{name}: unknown command 'nothing'; {listed}\n"])

    def test_bad_values_are_wrong_usage(self):
        for name, (_, call) in PROGRAMS.items():
            for option, value in (("--threads", "many"), ("--threads", "-3"),
                                  ("--progress", "sometimes")):
                with self.subTest(program=name, option=option, value=value):
                    self.fail_with(2, *call, f"{option}={value}", mentions=[option])

    def test_missing_input_is_named(self):
        for name, (_, call) in PROGRAMS.items():
            with self.subTest(program=name):
                self.fail_with(1, *call, mentions=[f"{name}: ", "absent"])
                self.assertEqual([], self.listing())

    def test_missing_folder_is_not_called_a_file(self):
        for words in (["convert", "absent"], ["convert", "--lora-base", ".", "absent"]):
            with self.subTest(words=words):
                self.fail_with(1, *words, mentions=["absent: does not exist"])
        with open(self.path("file"), "w", encoding="utf-8"):
            pass
        self.fail_with(1, "convert", "file", mentions=["file: is ", "expected the folder"])

    def test_a_file_name_cannot_steer_the_terminal(self):
        # Control bytes of a name are shown escaped.
        for name, (_, call) in PROGRAMS.items():
            with self.subTest(program=name):
                evil = [word.replace("absent", "absent\x1b[31m\n") for word in call]
                complaint = self.fail_with(1, *evil).stderr
                self.assertNotIn("\x1b", complaint)


if __name__ == "__main__":
    harness.main()
