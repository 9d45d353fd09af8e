"""quantize --job: many outputs of one file, and what they must be like."""

import json
import os
import re
import shutil

import gguf_file
import harness

HF = os.path.join(harness.TESTDATA, "hf")
LLAMA = os.path.join(HF, "llama-trained")
KJV = os.path.join(harness.TESTDATA, "kjv-llama")
GEMMA = os.path.join(HF, "gemma3-vision")


class Job(harness.ProgramTest):

    def write(self, text, name="job.textproto"):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def outputs(self):
        return [name for name in self.listing() if name.endswith((".gguf", ".rejected"))]

    def refuse(self, text, *mentions, words=()):
        """A job that must be refused before anything is made."""
        self.write(text)
        before = self.listing()
        said = self.fail_with(1, "quantize", "--job", "job.textproto", *words,
                              mentions=["job.textproto", *mentions])
        self.assertEqual(before, self.listing())
        return said.stderr

    def test_outputs_are_those_of_single_runs(self):
        self.write(f"""
            source: "{LLAMA}"
            options {{ effort: "reference" tensor_type: "ffn_down=q6_k" }}
            output {{ type: "Q4_K_M" path: "a/{{type}}.gguf" }}
            output {{ type: "q8_0" path: "b.gguf" options {{ effort: "max" pure: true }} }}
            output {{ type: "Q5_0" path: "c.gguf" options {{ tensor_type: "ffn_down=q8_0" }} }}
            output {{ type: "COPY" path: "d.gguf" }}
        """)
        os.mkdir(self.path("a"))
        self.succeed("quantize", "--job", "job.textproto")
        single = ["quantize", "--effort", "reference", "--tensor-type", "ffn_down=q6_k"]
        self.succeed(*single, "--type", "Q4_K_M", LLAMA, "one.gguf")
        self.assert_same_files(self.path("one.gguf"), self.path("a", "Q4_K_M.gguf"))
        self.succeed("quantize", "--effort", "max", "--pure", "--tensor-type", "ffn_down=q6_k",
                     "--type", "Q8_0", LLAMA, "two.gguf")
        self.assert_same_files(self.path("two.gguf"), self.path("b.gguf"))
        self.succeed("quantize", "--effort", "reference", "--tensor-type", "ffn_down=q8_0",
                     "--type", "Q5_0", LLAMA, "three.gguf")
        self.assert_same_files(self.path("three.gguf"), self.path("c.gguf"))
        self.succeed("quantize", "--type", "COPY", LLAMA, "four.gguf")
        self.assert_same_files(self.path("four.gguf"), self.path("d.gguf"))

    def test_paths_start_at_the_job_file(self):
        os.makedirs(self.path("jobs", "out"))
        shutil.copytree(LLAMA, self.path("jobs", "model"))
        self.write('source: "model" output { type: "Q8_0" path: "out/m.gguf" }', "jobs/job")
        self.succeed("quantize", "--job", "jobs/job")
        self.assertTrue(os.path.exists(self.path("jobs", "out", "m.gguf")))

    def test_several_sources_and_a_vision_tower(self):
        self.write(f"""
            source: "{GEMMA}"
            output {{ type: "Q8_0" path: "text.gguf" }}
            output {{ type: "Q8_0" path: "mmproj.gguf" mmproj: true }}
            output {{ type: "Q4_0" path: "llama.gguf" source: "{LLAMA}" }}
        """)
        result = json.loads(self.succeed("quantize", "--job", "job.textproto", "--json").stdout)
        self.assertEqual([["text.gguf"], ["mmproj.gguf"], ["llama.gguf"]],
                         [output["paths"] for output in result["outputs"]])
        self.assertEqual([GEMMA, GEMMA, LLAMA],
                         [output["source"] for output in result["outputs"]])
        self.succeed("quantize", "--type", "Q8_0", "--mmproj", "tower.gguf", GEMMA, "model.gguf")
        self.assert_same_files(self.path("tower.gguf"), self.path("mmproj.gguf"))
        self.assert_same_files(self.path("model.gguf"), self.path("text.gguf"))

    def test_dry_run_says_what_would_be(self):
        self.write(f'source: "{LLAMA}" output {{ type: "Q8_0" path: "a.gguf" }} '
                   f'output {{ type: "Q4_0" path: "b.gguf" }}')
        result = json.loads(self.succeed("quantize", "--job", "job.textproto", "--dry-run",
                                         "--json").stdout)
        self.assertTrue(result["is_dry_run"])
        self.assertEqual(["Q8_0", "Q4_0"], [output["type"] for output in result["outputs"]])
        self.assertEqual(["job.textproto"], self.listing())

    def test_an_output_that_misses_its_limit_does_not_get_its_name(self):
        self.write(f"""
            source: "{LLAMA}"
            output {{ type: "Q8_0" path: "good.gguf" limits {{ max_tensor_error: 0.05 }} }}
            output {{ type: "Q2_K" path: "bad.gguf" limits {{ max_tensor_error: 0.01 }} }}
        """)
        result = self.run_tool("quantize", "--job", "job.textproto", "--json")
        self.assertEqual(1, result.status, result.stderr)
        self.assertEqual(["bad.gguf.rejected", "good.gguf"], self.outputs())
        found = re.search(r"'bad.gguf': tensor '([\w.]+)' as \w+ has a relative RMSE of ([\d.e-]+), "
                          r"max_tensor_error is 0.01", result.stderr)
        self.assertTrue(found, result.stderr)
        self.assertGreater(float(found[2]), 0.01)
        good, bad = json.loads(result.stdout)["outputs"]
        self.assertEqual([], good["misses"])
        self.assertEqual(["bad.gguf.rejected"], bad["paths"])
        self.assertTrue(any(found[1] in miss for miss in bad["misses"]), bad["misses"])
        # What was rejected is the whole file, and no final name: the next run makes it again.
        self.succeed("gguf", "verify", "bad.gguf.rejected")
        os.remove(self.path("good.gguf"))
        self.assertEqual(1, self.run_tool("quantize", "--job", "job.textproto").status)
        self.assertEqual(["bad.gguf.rejected", "good.gguf"], self.outputs())

    def test_a_size_limit_is_found_before_the_work(self):
        said = self.refuse(f"""
            source: "{LLAMA}"
            output {{ type: "Q4_0" path: "a.gguf" }}
            output {{ type: "F32" path: "b.gguf" limits {{ max_size: "20KB" }} }}
        """, "b.gguf", "20KB")
        self.assertRegex(said, r"would have \d+ bytes")
        self.assertRegex(said, r"job.textproto:4: ")
        self.write(f'source: "{LLAMA}" output {{ type: "F32" path: "b.gguf" '
                   f'limits {{ max_size: "2GiB" }} }}')
        self.succeed("quantize", "--job", "job.textproto")

    DIVERGENCE = """
        source: "{source}"
        limits {{ text: "{text}" context: 64 chunks: 2 }}
        output {{ type: "Q8_0" path: "good.gguf" limits {{ max_kl_divergence: 0.01 }} }}
        output {{ type: "Q2_K" path: "bad.gguf" limits {{ max_kl_divergence: 0.001 }} }}
    """

    def check_divergence(self, source):
        self.write(self.DIVERGENCE.format(source=source, text=os.path.join(KJV, "eval.txt")))
        result = self.run_tool("quantize", "--job", "job.textproto", "--json")
        self.assertEqual(1, result.status, result.stderr)
        good, bad = json.loads(result.stdout)["outputs"]
        self.assertEqual([[], ["good.gguf"]], [good["misses"], good["paths"]])
        self.assertEqual(["bad.gguf.rejected"], bad["paths"])
        self.assertRegex(result.stderr, r"'bad.gguf': mean KL divergence is [\d.]+ .*0.001")
        left = set(self.listing()) - {"job.textproto", "f16.gguf", "base.zst"}
        self.assertEqual({"good.gguf", "bad.gguf.rejected"}, left)
        return good, bad

    def test_divergence_from_the_source(self):
        self.succeed("convert", "--outtype", "f16", KJV, "f16.gguf")
        good, bad = self.check_divergence(self.path("f16.gguf"))
        # As `evaluate` measures it.
        self.succeed("evaluate", "logits", "-m", "f16.gguf", "-f", os.path.join(KJV, "eval.txt"),
                     "-c", 64, "--chunks", 2, "-o", "base.zst")
        for output in (good, bad):
            measured = json.loads(self.succeed("evaluate", "kl", "--json", "-m", output["paths"][0],
                                               "--base", "base.zst").stdout)
            self.assertEqual(measured["mean_kld"], output["mean_kld"])
        # The base file gives the same.
        for name in ("good.gguf", "bad.gguf.rejected"):
            os.remove(self.path(name))
        self.write(f"""
            source: "f16.gguf"
            output {{ type: "Q2_K" path: "bad.gguf"
                      limits {{ max_kl_divergence: {bad["mean_kld"] * 1.01} base: "base.zst" }} }}
        """)
        result = json.loads(self.succeed("quantize", "--job", "job.textproto", "--json").stdout)
        self.assertEqual(bad["mean_kld"], result["outputs"][0]["mean_kld"])

    def test_divergence_from_a_checkpoint(self):
        self.check_divergence(KJV)

    def test_mistakes_are_found_before_the_work(self):
        output = 'output { type: "Q8_0" path: "a.gguf" }'
        source = f'source: "{LLAMA}"'
        bert = os.path.join(HF, "bert")
        text = os.path.join(KJV, "eval.txt")
        cases = [
            (f'{source}\n output {{ typ: "Q8_0" }}', [":2:", '"typ"']),
            (f"{source} {output} thing: 1", ["thing"]),
            (f"{source} output {{", ["job.textproto:1:"]),
            (source, ["no output"]),
            (output, ["no source"]),
            (f'{source}\n\noutput {{ path: "a" }}', [":3:", "no type"]),
            (f'{source} output {{ type: "Q8_0" }}', ["no path"]),
            (f'{source} output {{ type: "Q5_K_N" path: "a.gguf" }}', ["Q5_K_M"]),
            (f'source: "absent" {output}', ["absent", "not exist"]),
            (f'{source} imatrix: "absent.dat" {output}', ["absent.dat"]),
            (f'{source} {output} {output}', ["two outputs", "a.gguf"]),
            (f'{source} {output} output {{ type: "Q4_0" path: "b.gguf" source: "a.gguf" }}',
             ["a.gguf", "not exist"]),
            (f'{source} {output} options {{ effort: "most" }}', ["reference, standard or max"]),
            (f'{source} {output} options {{ tensor_type: "x" }}', ["x", "="]),
            (f'{source} {output} options {{ tensor_type: "nothing=q8_0" }}', ["nothing"]),
            (f'{source} {output} options {{ keep_split: true split_max_size: "1G" }}',
             ["contradict"]),
            (f'{source} {output} options {{ include_weights: "a" exclude_weights: "b" }}',
             ["contradict"]),
            (f'{source} {output} limits {{ max_tensor_error: -1 }}', ["max_tensor_error"]),
            (f'{source} {output} limits {{ max_tensor_error: nan }}', ["max_tensor_error"]),
            (f'{source} {output} limits {{ max_size: "big" }}', ["max_size"]),
            (f'{source} {output} limits {{ max_kl_divergence: 1 }}', ["base", "text"]),
            (f'{source} {output} limits {{ text: "{text}" }}', ["max_kl_divergence", "not set"]),
            (f'{source} {output} limits {{ max_kl_divergence: 1 text: "absent.txt" }}',
             ["absent.txt"]),
            (f'{source} {output} limits {{ max_kl_divergence: 1 base: "job.textproto" }}',
             ["job.textproto"]),
            (f'source: "{bert}" {output} limits {{ max_kl_divergence: 1 text: "{text}" }}',
             ["encoder"]),
            (f'{source} output {{ type: "Q8_0" path: "a.gguf" mmproj: true }}', ["tower"]),
            (f'{source} output {{ type: "Q8_0" path: "a.gguf" mmproj: true '
             'options { pure: true } }', ["mmproj"]),
            (f'{source} output {{ type: "F16" path: "a.gguf" '
             'options { tensor_type: "a=q8_0" } }', ["no effect"]),
            (f'{source} {output} options {{ pure: true }} options {{ pure: false }}',
             ["multiple times"]),
        ]
        for text, mentions in cases:
            with self.subTest(job=text):
                self.refuse_any(text, mentions)

    def refuse_any(self, text, mentions):
        self.write(text)
        result = self.fail_with(1, "quantize", "--job", "job.textproto", mentions=mentions)
        self.assertEqual(["job.textproto"], self.listing(), result.stderr)

    def test_the_command_line_says_how_to_work_not_what_to_make(self):
        self.write(f'source: "{LLAMA}" output {{ type: "Q8_0" path: "a.gguf" }}')
        for words in (["--type", "Q8_0"], [LLAMA], ["--effort", "max"], ["--imatrix", "x"],
                      ["--mmproj", "x"], ["--keep-split"]):
            self.fail_with(2, "quantize", "--job", "job.textproto", *words, mentions=["--job"])
        self.fail_with(1, "quantize", "--job", "absent", mentions=["absent"])
        self.fail_with(2, "quantize", mentions=["INPUT"])
        self.succeed("quantize", "--job", "job.textproto", "--report", "r.md", "--verify", "-t", 1)
        self.assertEqual(["a.gguf", "job.textproto", "r.md"], self.listing())
        self.fail_with(1, "quantize", "--job", "job.textproto", mentions=["a.gguf", "--force"])
        self.succeed("quantize", "--job", "job.textproto", "--resume")  # is complete
        self.succeed("quantize", "--job", "job.textproto", "--force")

    def test_the_importance_data_is_called_as_in_the_job(self):
        os.mkdir(self.path("jobs"))
        shutil.copy(os.path.join(harness.TESTDATA, "importance", "kjv-llama.gguf"),
                    self.path("jobs", "imatrix.gguf"))
        self.write(f'source: "{KJV}" imatrix: "imatrix.gguf" '
                   'output { type: "Q4_K_S" path: "a.gguf" }', "jobs/job")
        self.succeed("quantize", "--job", "jobs/job")
        reader = gguf_file.Reader(self.path("jobs", "a.gguf"))
        self.assertEqual("imatrix.gguf", reader.get("quantize.imatrix.file"))

    def test_the_example(self):
        shutil.copytree(harness.TESTDATA, self.path("testdata"),
                        ignore=lambda folder, names: [
                            name for name in names if os.path.dirname(folder) == "" or
                            folder == harness.TESTDATA and
                            name not in ("jobs", "kjv-llama", "importance")])
        job = self.path("testdata", "jobs", "nightly.textproto")
        result = json.loads(self.succeed("quantize", "--job", job, "--json").stdout)
        self.assertEqual(["Q8_0", "Q4_K_M", "Q4_K_M", "IQ3_M"],
                         [output["type"] for output in result["outputs"]])
        self.assertTrue(result["is_verified"])


if __name__ == "__main__":
    harness.main()
