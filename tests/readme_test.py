"""The README's table of models is what the programs do."""

import json
import os
import re

import gguf_file
import harness

HF = os.path.join(harness.TESTDATA, "hf")
TEXT = os.path.join(HF, "llama-trained", "eval.txt")


def model_rows():
    """[{column: cell}] of the table under "## Models"."""
    with open(os.path.join(harness.ROOT, "README.md"), encoding="utf-8") as file:
        section = file.read().split("## Models")[1].split("\n## ")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")]
             for line in section.splitlines() if line.startswith("|")]
    return [dict(zip(cells[0], row)) for row in cells[2:]]


class Readme(harness.ProgramTest):

    def test_every_class_is_in_the_table_and_no_other(self):
        listed = [name.strip() for row in model_rows() for name in row["classes"].split(",")]
        printed = self.succeed("convert", "--print-supported-models").stdout.split()
        self.assertEqual(sorted(printed), sorted(listed))

    def test_the_runtime_knows_the_architectures_that_are_run(self):
        self.succeed("convert", "--vocab-only", os.path.join(HF, "llama"), "llama.gguf")
        self.succeed("gguf", "set", "llama.gguf", "general.architecture=string:other", "-o",
                     "other.gguf")
        said = self.fail_with(1, "evaluate", "perplexity", "-m", "other.gguf", "-f", TEXT).stderr
        known = re.search(r"expected one of ([-\w, ]+)", said)[1].split(", ")
        run = {row["in a GGUF"] for row in model_rows() if row["run"] == "yes"}
        self.assertEqual(sorted(run), sorted(known))

    def run_model(self, is_encoder):
        """Runs out.gguf as `evaluate` does."""
        with open(self.path("text.txt"), "w", encoding="utf-8") as file:
            file.write("light\n" if is_encoder else "1 2 3")
        self.succeed("evaluate", *(("embedding", "-f", "text.txt") if is_encoder else
                                   ("logits", "--ids", "text.txt", "-o", "out.npy", "--force")),
                     "-m", "out.gguf")

    def test_every_family_does_what_the_table_says(self):
        row_of = {name.strip(): row for row in model_rows() for name in row["classes"].split(",")}
        seen = set()
        for name in sorted(os.listdir(HF)):
            path = os.path.join(HF, name, "config.json")
            if not os.path.exists(path):
                continue
            with open(path, encoding="utf-8") as file:
                row = row_of[json.load(file)["architectures"][0]]
            with self.subTest(checkpoint=name):
                checkpoint = os.path.join(HF, name)
                self.assertEqual("yes", row["convert"])
                self.succeed("convert", "--force", "--quiet", checkpoint, "out.gguf")
                self.assertEqual(row["in a GGUF"], gguf_file.Reader(self.path("out.gguf")).get(
                    "general.architecture"))
                self.assertEqual("yes", row["quantize"])
                self.succeed("quantize", "--dry-run", "--type", "Q8_0", checkpoint, "other.gguf")
                measure = ("imatrix", "-m", "out.gguf", "-f", TEXT, "-c", 32, "--chunks", 1,
                           "-o", "importance.gguf", "--force")
                self.assertEqual(row["run"], row["imatrix"])
                if row["run"] == "yes":
                    self.run_model(row["in a GGUF"] == "bert")
                    self.succeed(*measure)
                else:
                    self.assertIn(row["in a GGUF"], self.fail_with(1, *measure).stderr)
            seen.add(row["family"])
        self.assertEqual({row["family"] for row in model_rows()}, seen)


if __name__ == "__main__":
    harness.main()
