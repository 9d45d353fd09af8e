"""The README's table of models is what the programs do."""

import json
import os

import gguf_file
import harness

HF = os.path.join(harness.TESTDATA, "hf")


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

    def test_every_family_is_converted_and_quantized_as_the_table_says(self):
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
                self.succeed("convert", "--force", "--vocab-only", checkpoint, "out.gguf")
                self.assertEqual(row["in a GGUF"], gguf_file.Reader(self.path("out.gguf")).get(
                    "general.architecture"))
                self.assertEqual("yes", row["quantize"])
                self.succeed("quantize", "--dry-run", "--type", "Q8_0", checkpoint, "other.gguf")
            seen.add(row["family"])
        self.assertEqual({row["family"] for row in model_rows()}, seen)


if __name__ == "__main__":
    harness.main()
