"""The command line of `benchmark`."""

import json
import os
import signal
import subprocess
import time

import harness

CHECKPOINT = os.path.join(harness.TESTDATA, "hf", "llama-trained")
TEXT = os.path.join(CHECKPOINT, "eval.txt")
SHORT = ("-c", "64", "--chunks", "3", "--prompt-tokens", "16", "-n", "4", "-t", "1")


class Benchmark(harness.ProgramTest):

    def setUp(self):
        super().setUp()
        self.succeed("convert", "-q", "--outtype", "f32", CHECKPOINT, "m-F32.gguf")

    def benchmark(self, *words, repetitions=2):
        return ("benchmark", "-f", TEXT, *SHORT, "--repetitions", str(repetitions), *words)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def started(self, result):
        """Kinds of steps that were run, with --progress always."""
        return [line.split(": ")[1].split(",")[0] for line in result.stderr.splitlines()
                if line.startswith("[")]

    def test_files_side_by_side_in_every_form(self):
        self.succeed("quantize", "-q", "--type", "Q8_0,Q4_0", "m-F32.gguf", "m-{type}.gguf")
        with open(self.path("tasks.jsonl"), "w", encoding="utf-8") as file:
            file.write('{"context": "The", "choices": [" man", " zq"], "answer": 0}\n' * 3)
        result = self.succeed(*self.benchmark(
            "--models", "m-F32.gguf,m-Q8_0.gguf", "--models", "m-Q4_0.gguf", "--tasks",
            "tasks.jsonl", "-o", "r.html", "-o", "r.md", "-o", "r.json"))
        for line in result.stdout.splitlines():
            if not line.startswith("Worth"):
                self.assertLessEqual(len(line), 100, line)
        report = json.loads(self.read("r.json"))
        self.assertEqual("F32", report["base"])
        base, q8, q4 = report["models"]
        self.assertEqual(["F32", "Q8_0", "Q4_0"], [model["name"] for model in report["models"]])
        self.assertTrue(base["is_base"])
        self.assertNotIn("divergence", base)
        self.assertEqual([], base["tensors"])
        self.assertEqual(os.path.getsize(self.path("m-Q8_0.gguf")), q8["file_bytes"])
        self.assertTrue(base["file_bytes"] > q8["file_bytes"] > q4["file_bytes"])
        self.assertTrue(0 < q8["divergence"]["mean_kld"] < q4["divergence"]["mean_kld"])
        self.assertTrue(0 < q8["error"]["relative_rmse"] < q4["error"]["relative_rmse"] < 0.2)
        for model in report["models"]:
            for figure in ("prompt_tokens_per_second", "tokens_per_second", "first_token_seconds"):
                runs = model[figure]
                self.assertEqual(2, len(runs["values"]))
                self.assertTrue(0 < runs["least"] <= runs["median"] <= runs["most"])
            self.assertGreater(model["peak_bytes"], model["file_bytes"])
            self.assertEqual(3, model["choice"]["tasks"])
        # The figures are those of the programs that measure one thing.
        alone = json.loads(self.succeed("evaluate", "perplexity", "-m", "m-F32.gguf", "-f", TEXT,
                                        "-c", "64", "--chunks", "3", "--json").stdout)
        self.assertEqual(alone["perplexity"], base["perplexity"]["perplexity"])
        self.assertIn("| Q4_0 |", self.read("r.md"))
        # The same page from the result alone.
        self.succeed("benchmark", "--from", "r.json", "-o", "again.html", "-o", "again.md")
        self.assert_same_files(self.path("r.html"), self.path("again.html"))
        self.assert_same_files(self.path("r.md"), self.path("again.md"))
        self.fail_with(1, *self.benchmark("--models", "m-F32.gguf", "-o", "r.md"),
                       mentions=("r.md", "--force"))

    def test_types_are_quantized_for_it_and_removed_or_kept(self):
        words = self.benchmark("--model", "m-F32.gguf", "--types", "q8_0,Q4_0", "--json")
        report = json.loads(self.succeed(*words, "-o", "r.html").stdout)
        self.assertEqual(["F32", "Q8_0", "Q4_0"], [model["name"] for model in report["models"]])
        self.assertEqual("", report["models"][1]["path"])
        self.assertEqual(["m-F32.gguf", "r.html", "r.html.journal"], self.listing())
        self.succeed(*words, "--keep", "kept", "-o", "k.html")
        self.assertEqual(["m-F32-Q4_0.gguf", "m-F32-Q8_0.gguf"], sorted(os.listdir(self.path("kept"))))
        # What is kept is not made again, and is what quantize makes.
        again = self.succeed(*words, "--keep", "kept", "-o", "k.html", "--resume", "--progress",
                             "always")
        self.assertEqual([], self.started(again))
        self.assertNotIn("quantize", again.stderr)
        self.succeed("quantize", "-q", "--type", "Q4_0", "m-F32.gguf", "q.gguf")
        self.assert_same_files(self.path("q.gguf"), self.path("kept", "m-F32-Q4_0.gguf"))

    def test_a_checkpoint_becomes_its_types(self):
        report = json.loads(self.succeed(*self.benchmark(
            "--model", CHECKPOINT, "--types", "BF16,Q8_0", "--json")).stdout)
        self.assertEqual(["BF16", "Q8_0"], [model["name"] for model in report["models"]])
        self.assertEqual("BF16", report["base"])
        self.assertEqual(["m-F32.gguf"], self.listing())

    def test_resuming_measures_what_is_missing(self):
        self.succeed("quantize", "-q", "--type", "Q8_0,Q4_0", "m-F32.gguf", "m-{type}.gguf")
        words = self.benchmark("-o", "r.json", "--progress", "always", "--resume", "--models")
        first = self.succeed(*words, "m-F32.gguf,m-Q8_0.gguf")
        self.assertEqual(8, len(self.started(first)))
        before = self.read("r.json")
        self.assertEqual([], self.started(self.succeed(*words, "m-F32.gguf,m-Q8_0.gguf")))
        self.assertEqual(before, self.read("r.json"))
        # Another model: its own steps, and the base's predictions, which are too large to keep.
        third = self.succeed(*words, "m-F32.gguf,m-Q8_0.gguf,m-Q4_0.gguf")
        self.assertEqual(["error of each matrix", "predictions", "predictions", "speed", "speed"],
                         sorted(self.started(third)))
        # A file that has changed is measured again.
        os.utime(self.path("m-Q8_0.gguf"))
        self.assertEqual(5, len(self.started(self.succeed(*words, "m-F32.gguf,m-Q8_0.gguf"))))

    def interrupt(self, number):
        """Ends a benchmark after its first measurement; its exit status."""
        journal = self.path("r.html.journal")
        words = harness.command(self.benchmark("--models", "m-F32.gguf", "-o", "r.html",
                                               repetitions=100))
        with subprocess.Popen(words, cwd=self.folder, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True) as process:
            end = time.monotonic() + harness.PROGRAM_SECONDS
            while (not os.path.exists(journal) and process.poll() is None and
                   time.monotonic() < end):
                time.sleep(0.01)
            process.send_signal(number)
            self.said = process.communicate(timeout=harness.PROGRAM_SECONDS)[1]
        return process.returncode

    def test_interrupted_runs_keep_what_they_measured(self):
        self.assertEqual(143, self.interrupt(signal.SIGTERM))
        self.assertIn("r.html.journal", self.said)
        self.assertIn("--resume", self.said)
        self.assertEqual(["m-F32.gguf", "r.html.journal"], self.listing())
        self.fail_with(1, *self.benchmark("--models", "m-F32.gguf", "-o", "r.html"),
                       mentions=("journal", "--resume", "--force"))
        kept = len(json.loads(self.read("r.html.journal"))["steps"])
        result = self.succeed(*self.benchmark("--models", "m-F32.gguf", "-o", "r.html", "--resume",
                                              "--progress", "always", repetitions=kept + 1))
        self.assertEqual(1, self.started(result).count("speed"))
        self.assertEqual(["m-F32.gguf", "r.html", "r.html.journal"], self.listing())

    def test_after_a_kill_the_next_run_cleans_up(self):
        self.assertEqual(-signal.SIGKILL, self.interrupt(signal.SIGKILL))
        os.makedirs(self.path("r.html.work.partial"), exist_ok=True)
        with open(self.path("r.html.work.partial", "large"), "w", encoding="utf-8") as file:
            file.write("left behind")
        end = time.monotonic() + harness.PROGRAM_SECONDS
        while True:  # the killed run's child may live for a moment, but holds no lock
            result = self.run_tool(*self.benchmark("--models", "m-F32.gguf", "-o", "r.html",
                                                   "--resume"))
            if result.status == 0 or time.monotonic() > end:
                break
        self.assertEqual(0, result.status, result.stderr)
        self.assertEqual(["m-F32.gguf", "r.html", "r.html.journal"], self.listing())

    def test_another_model_has_no_divergence(self):
        self.succeed("convert", "-q", os.path.join(harness.TESTDATA, "hf", "llama"), "other.gguf")
        result = self.succeed(*self.benchmark("--models", "m-F32.gguf,other.gguf", "--json"))
        base, other = json.loads(result.stdout)["models"]
        self.assertNotIn("divergence", other)
        self.assertGreater(other["perplexity"]["perplexity"], base["perplexity"]["perplexity"])
        self.assertIn("another model", result.stderr)

    def test_errors_name_model_and_file(self):
        self.fail_with(1, *self.benchmark("--models", "absent.gguf"), mentions=("absent.gguf",))
        self.fail_with(1, *self.benchmark("--models", "m-F32.gguf", "--base", "none.gguf"),
                       mentions=("none.gguf",))
        self.fail_with(1, "benchmark", "--models", "m-F32.gguf", "-f", "no.txt",
                       mentions=("no.txt",))
        with open(self.path("short.txt"), "w", encoding="utf-8") as file:
            file.write("too short")
        self.fail_with(1, "benchmark", "--models", "m-F32.gguf", "-f", "short.txt",
                       mentions=("F32", "speed", "short.txt", "tokens"))
        self.fail_with(1, *self.benchmark("--models", CHECKPOINT), mentions=("--model", "--types"))
        self.fail_with(1, *self.benchmark("--model", "m-F32.gguf", "--types", "IQ2_XXS"),
                       mentions=("imatrix",))
        self.fail_with(1, "benchmark", "--from", TEXT, mentions=("eval.txt", "JSON"))
        with open(self.path("bad.json.journal"), "w", encoding="utf-8") as file:
            file.write("{")
        self.fail_with(1, *self.benchmark("--models", "m-F32.gguf", "-o", "bad.json", "--resume"),
                       mentions=("bad.json.journal",))
        self.assertEqual(["bad.json.journal", "m-F32.gguf", "short.txt"], self.listing())

    def test_wrong_usage(self):
        self.fail_with(2, *self.benchmark(), mentions=("--models",))
        self.fail_with(2, "benchmark", "--models", "m-F32.gguf", mentions=("--file",))
        self.fail_with(2, *self.benchmark("--model", "m-F32.gguf"), mentions=("--types",))
        self.fail_with(2, *self.benchmark("--models", "m-F32.gguf", "--types", "Q8_0"))
        self.fail_with(2, *self.benchmark("--model", "m-F32.gguf", "--types", "Q9"),
                       mentions=("Q9", "Q8_0"))
        self.fail_with(2, *self.benchmark("--model", "m-F32.gguf", "--types", "Q8_0,q8_0"),
                       mentions=("twice",))
        self.fail_with(2, *self.benchmark("--models", "m-F32.gguf", "-o", "r.pdf"),
                       mentions=("r.pdf", ".html"))
        self.fail_with(2, *self.benchmark("--models", "m-F32.gguf", "--resume"))
        self.fail_with(2, *self.benchmark("--models", "m-F32.gguf", repetitions=0))


if __name__ == "__main__":
    harness.main()
