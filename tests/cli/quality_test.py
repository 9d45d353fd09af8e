"""The command line of `quality`: figures, bounds and reports, and what it says of wrong ones."""

import json
import os

import harness

CHECKPOINT = os.path.join(harness.TESTDATA, "kjv-llama")
TEXT = os.path.join(CHECKPOINT, "eval.txt")


class QualityTest(harness.ProgramTest):

    def make(self, kind="Q4_K_M", base=False):
        """Figures of the checkpoint in a type, in figures.json."""
        self.succeed("quantize", "--quiet", "--type", kind, CHECKPOINT, "model.gguf")
        words = []
        if base:
            self.succeed("convert", "--quiet", "--outtype", "f16", CHECKPOINT, "f16.gguf")
            done = self.succeed("evaluate", "logits", "--quiet", "-m", "f16.gguf", "-f", TEXT,
                                "--chunks", 2, "-c", 128, "-o", "base.zst")
            self.assertEqual(("", ""), (done.stdout, done.stderr))
            words = ["--base", "base.zst", "-f", TEXT]
        self.succeed("quality", "measure", "-m", "model.gguf", "--against", CHECKPOINT, "-o",
                     "figures.json", *words)
        return self.read("figures.json")

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return json.load(file)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)


class Measure(QualityTest):

    def test_figures_are_those_of_verify_and_evaluate(self):
        figures = self.make(base=True)
        verified = json.loads(self.succeed("gguf", "verify", "--hash", "--deep", "--against",
                                           CHECKPOINT, "model.gguf", "--json").stdout)
        self.assertEqual(verified["compared"], figures["tensors"])
        self.assertEqual(verified["error"], figures["error"])
        self.assertEqual(verified["file_hashes"], figures["files"])
        self.assertEqual(os.path.getsize(self.path("model.gguf")), figures["file_bytes"])
        run = json.loads(self.succeed("evaluate", "kl", "-m", "model.gguf", "--base", "base.zst",
                                      "--json").stdout)
        self.assertEqual({**run, "seconds": 0}, figures["divergence"])
        self.assertEqual(7344384, figures["num_values"])

    def test_a_damaged_file_has_findings_and_meets_no_bound(self):
        self.make()
        with open(self.path("model.gguf"), "r+b") as file:
            file.truncate(1000)
        self.succeed("quality", "measure", "-m", "model.gguf", "--against", CHECKPOINT, "-o",
                     "damaged.json")
        findings = self.read("damaged.json")["findings"]
        self.assertEqual(1, len(findings), findings)
        done = self.run_tool("quality", "check", "damaged.json", "--max-size", "1GiB")
        self.assertEqual(1, done.status)
        self.assertIn("FAULT   model.gguf: ", done.stdout)

    def test_wrong_calls(self):
        self.make()
        self.fail_with(1, "quality", "measure", "-m", "model.gguf", "--against", "absent", "-o",
                       "out.json", mentions=["absent"])
        self.fail_with(1, "quality", "measure", "-m", "model.gguf", "--against", CHECKPOINT, "-o",
                       "figures.json", mentions=["figures.json", "--force"])
        self.fail_with(2, "quality", "measure", "-m", "model.gguf", mentions=["--against"])
        self.fail_with(2, "quality", mentions=["measure"])


class Check(QualityTest):

    def check(self, *bounds):
        return self.run_tool("quality", "check", "figures.json", *bounds)

    def test_a_bound_is_met_at_the_figure_and_missed_below(self):
        figures = self.make()
        size = int(figures["file_bytes"])
        met = self.check("--max-size", size)
        self.assertEqual((0, ""), (met.status, met.stderr))
        self.assertEqual(f"met     model.gguf: size is {size} bytes, expected at most {size} bytes\n",
                         met.stdout)
        missed = self.check("--max-size", size - 1)
        self.assertEqual((1, ""), (missed.status, missed.stderr))
        self.assertEqual(f"MISSED  model.gguf: size is {size} bytes, expected at most {size - 1} "
                         "bytes\n", missed.stdout)

    def test_json_has_all_bounds(self):
        self.make()
        done = self.check("--max-error", 0.2, "--max-error", "attn=0.001", "--json")
        self.assertEqual(1, done.status)
        result = json.loads(done.stdout)
        self.assertFalse(result["is_met"])
        self.assertEqual([(True, 0.2), (False, 0.001)],
                         [(bound["is_met"], bound["bound"]) for bound in result["bounds"]])
        self.assertIn("attn", result["bounds"][1]["tensor"])
        self.assertNotIn("attn", result["bounds"][0]["tensor"])

    def test_wrong_bounds_and_figures(self):
        self.make()
        for bound in ("nan", "-1", "many", "inf", ""):
            self.fail_with(1 if bound else 2, "quality", "check", "figures.json",
                           f"--max-error={bound}", mentions=["--max-error"])
        self.fail_with(1, "quality", "check", "figures.json", "--max-kl", 1,
                       mentions=["KL", "--base"])
        self.fail_with(1, "quality", "check", "figures.json", "--max-error", "(=1",
                       mentions=["--max-error"])
        self.fail_with(1, "quality", "check", "figures.json", "--max-error", "absent=1",
                       mentions=["no tensor"])
        self.fail_with(2, "quality", "check", "figures.json", mentions=["bound"])
        figures = self.read("figures.json")
        for name, text in (("list", "[]"), ("empty", ""), ("deep", "[" * 100000),
                           ("other", json.dumps({"schema_version": 1, "perplexity": 3})),
                           ("later", json.dumps({**figures, "schema_version": 2}))):
            with self.subTest(name=name):
                self.write(name, text)
                self.fail_with(1, "quality", "check", name, "--max-size", "1G", mentions=[name])


class Report(QualityTest):

    def test_every_form_has_every_model(self):
        self.make("Q8_0")
        os.rename(self.path("figures.json"), self.path("q8.json"))
        os.remove(self.path("model.gguf"))
        self.make("Q4_0")
        done = self.succeed("quality", "report", "q8.json", "figures.json", "-o", "r.md", "-o",
                            "r.html", "-o", "r.json")
        self.assertEqual(2, done.stdout.count("bits per weight"))
        self.assertEqual([self.read("q8.json"), self.read("figures.json")],
                         self.read("r.json")["models"])
        for name in ("r.md", "r.html"):
            with open(self.path(name), encoding="utf-8") as file:
                text = file.read()
            self.assertEqual(2, text.count("blk.0.attn_k.weight"), name)
            self.assertEqual(2, text.count("SHA-256 of model.gguf"), name)
        self.fail_with(1, "quality", "report", "q8.json", "-o", "r.pdf", mentions=["r.pdf", ".html"])
        self.assertNotIn("r.pdf", self.listing())


if __name__ == "__main__":
    harness.main()
