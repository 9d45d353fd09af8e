"""What the rules of tools/build/gguf.bzl made in examples/pipeline: the programs give the same in
another folder, nothing in it says where it was made, and a bound that is missed fails its test."""

import json
import os
import re
import shutil
import subprocess

import gguf_file
import harness

PIPELINE = os.path.join(harness.ROOT, "examples", "pipeline")
TYPES = ("Q8_0", "Q5_K_M", "Q4_K_M")
ARTIFACTS = ("f16.gguf", "importance.gguf", "base.zst", "figures-Q4_K_M.json", "report.json",
             "report.md", "report.html") + tuple(f"kjv-{name}.gguf" for name in TYPES)


def made(name):
    return os.path.join(PIPELINE, name)


def read(path):
    with open(path, "rb") as file:
        return file.read()


class Elsewhere(harness.ProgramTest):

    def test_the_programs_give_the_same_bytes_in_another_folder_with_more_threads(self):
        # Files are named after the paths of the build, which relative paths in them repeat.
        importance = gguf_file.Reader(made("kjv-Q4_K_M.gguf")).get("quantize.imatrix.file")
        self.assertTrue(importance.endswith("/examples/pipeline/importance.gguf"), importance)
        out = os.path.dirname(importance)
        os.makedirs(self.path(out))
        checkpoint = self.path("testdata", "kjv-llama")
        shutil.copytree(os.path.join(harness.TESTDATA, "kjv-llama"), checkpoint)
        source = "testdata/kjv-llama"
        common = ("--threads", 3, "--quiet")
        self.succeed("convert", "--outtype", "f16", source, f"{out}/f16.gguf", *common)
        self.succeed("imatrix", "--no-ppl", "--output-frequency", 0, "-m", f"{out}/f16.gguf", "-f",
                     f"{source}/calibration.txt", "--chunks", 4, "-o", importance, *common)
        self.succeed("quantize", "--type", ",".join(TYPES), "--imatrix", importance, source,
                     out + "/kjv-{type}.gguf", *common)
        self.succeed("evaluate", "logits", "-m", f"{out}/f16.gguf", "-f", f"{source}/eval.txt",
                     "--chunks", 4, "-o", f"{out}/base.zst", *common)
        for name in TYPES:
            self.succeed("quality", "measure", "-m", f"{out}/kjv-{name}.gguf", "--against", source,
                         "--base", f"{out}/base.zst", "-o", f"{out}/figures-{name}.json", *common)
        self.succeed("quality", "report", *(f"{out}/figures-{name}.json" for name in TYPES),
                     *(word for form in ("json", "md", "html")
                       for word in ("-o", f"{out}/report.{form}")), *common)
        for name in ARTIFACTS:
            with self.subTest(artifact=name):
                self.assertTrue(read(made(name)) == read(self.path(out, name)), f"{name} differs")

    def test_nothing_says_where_it_was_made(self):
        folders = {os.path.realpath(harness.ROOT), os.path.realpath(made("f16.gguf")),
                   os.path.expanduser("~")} - {"/"}
        for name in ARTIFACTS:
            content = read(made(name))
            for folder in folders | {"/execroot/", "/sandbox/", "/tmp/"}:
                self.assertNotIn(folder.encode(), content, name)
        for name in ARTIFACTS:
            if name.endswith(".gguf"):
                values = gguf_file.Reader(made(name)).values.values()
                paths = [v for v in values if isinstance(v, str) and v.startswith("/")]
                self.assertEqual([], paths, name)


class Bounds(harness.ProgramTest):

    def run_test(self, name):
        return subprocess.run([os.path.join(harness.ROOT, "tests", "rules", name + ".sh")],
                              cwd=harness.ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=harness.PROGRAM_SECONDS, check=False)

    def figures(self):
        with open(made("figures-Q4_K_M.json"), encoding="utf-8") as file:
            return json.load(file)

    def missed(self, name, figure, bound):
        """What the test that must fail says of the figure: (what stands before it, its value)."""
        done = self.run_test(name)
        self.assertEqual(1, done.returncode, done.stdout)
        found = re.search(rf"MISSED +kjv-Q4_K_M.gguf: (.*){figure} is (\S+), "
                          rf"expected at most {bound}\n", done.stdout)
        self.assertTrue(found, done.stdout)
        self.assertRegex(done.stdout, r"met +kjv-Q4_K_M.gguf: ")  # the other bound
        return found[1], float(found[2])

    def test_a_lowered_divergence_fails_with_the_figure(self):
        _, value = self.missed("lowered_kl", "mean KL divergence", "0.0001")
        self.assertAlmostEqual(self.figures()["divergence"]["mean_kld"], value, 6)

    def test_a_lowered_error_fails_with_the_worst_tensor_and_its_figure(self):
        tensor, value = self.missed("lowered_error", "relative RMSE", "0.001")
        errors = {t["name"]: t["error"]["relative_rmse"] for t in self.figures()["tensors"]
                  if "ffn_down" in t["name"]}
        self.assertEqual(f"tensor '{max(errors, key=errors.get)}': ", tensor)
        self.assertAlmostEqual(max(errors.values()), value, 6)


if __name__ == "__main__":
    harness.main()
