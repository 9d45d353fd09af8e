"""The command line of `imatrix`: measuring, saving on the way, merging, statistics, bad input."""

import array
import json
import os
import re
import signal
import subprocess
import time

import gguf_file
import harness

IMPORTANCE = os.path.join(harness.TESTDATA, "importance")
TEXT = os.path.join(harness.TESTDATA, "kjv-llama", "calibration.txt")
START_SECONDS = 60  # until a started program has written its first chunks
POLL_SECONDS = 0.005


def floats(path):
    """{tensor: values} of an importance matrix."""
    found = {}
    for name, tensor in gguf_file.Reader(path).tensors.items():
        found[name] = array.array("f")
        found[name].frombytes(tensor.data)
    return found


class Imatrix(harness.ProgramTest):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = os.environ.get("TEST_TMPDIR", "/tmp")
        cls.model = os.path.join(folder, "moe.gguf")
        checkpoint = os.path.join(harness.TESTDATA, "hf", "qwen3moe")
        subprocess.run(harness.command(["convert", "--force", "--quiet", "--outtype", "f32",
                                        checkpoint, cls.model]), check=True)
        cls.text = os.path.join(folder, "text.txt")
        with open(TEXT, "rb") as source, open(cls.text, "wb") as target:
            target.write(source.read(16000))

    def measure(self, output, *options, chunks=12):
        return self.succeed("imatrix", "-m", self.model, "-f", self.text, "-c", 128,
                            "--process-output", "--chunks", chunks, "-o", output, *options)

    def keys(self, name):
        return {key: value.value for key, value in
                gguf_file.Reader(self.path(name)).values.items()}

    def assert_close(self, a, b, bound):
        a, b = floats(self.path(a)), floats(self.path(b))
        self.assertEqual(sorted(a), sorted(b))
        for name in a:
            for x, y in zip(a[name], b[name]):
                if name.endswith(".counts"):
                    self.assertEqual(x, y, name)
                self.assertLessEqual(abs(x - y), bound * abs(y), name)

    def test_measures_as_the_field_does(self):
        self.measure("out.gguf")
        golden = gguf_file.Reader(os.path.join(IMPORTANCE, "qwen3moe.gguf"))
        out = gguf_file.Reader(self.path("out.gguf"))
        self.assertEqual(list(golden.values), list(out.values))
        self.assertEqual([self.text], out.get("imatrix.datasets"))
        self.assertEqual((12, 128), (out.get("imatrix.chunk_count"), out.get("imatrix.chunk_size")))
        self.assertEqual([(name, t.type, t.dims) for name, t in golden.tensors.items()],
                         [(name, t.type, t.dims) for name, t in out.tensors.items()])
        self.succeed("imatrix", "--in-file", os.path.join(IMPORTANCE, "qwen3moe.gguf"), "-o",
                     "golden.gguf")
        self.assert_close("out.gguf", "golden.gguf", 0.01)

    def test_the_same_file_for_any_number_of_threads(self):
        for threads in (1, 2, 5):
            self.measure(f"out{threads}.gguf", "--threads", threads)
        self.assert_same_files(self.path("out1.gguf"), self.path("out2.gguf"))
        self.assert_same_files(self.path("out1.gguf"), self.path("out5.gguf"))

    def test_result_as_text_and_json(self):
        said = self.measure("out.gguf").stdout
        self.assertRegex(said, r"^out\.gguf: 17 tensors, 12 chunks of 128 tokens, "
                               r"perplexity [0-9.]+ \+- [0-9.]+\n$")
        result = json.loads(self.measure("out.gguf", "--force", "--json").stdout)
        self.assertEqual([self.text], result["datasets"])
        self.assertEqual((17, 12, 128, 0), (result["num_tensors"], result["chunk_count"],
                                            result["chunk_size"], result["num_unused_experts"]))
        self.assertGreater(result["perplexity"], 1)
        self.assertGreater(result["perplexity_stderr"], 0)
        result = json.loads(self.measure("out.gguf", "--force", "--json", "--no-ppl").stdout)
        self.assertEqual(0, result["perplexity"])
        self.assertEqual("", self.measure("out.gguf", "--force", "--quiet").stdout)

    def test_progress(self):
        self.assertRegex(self.measure("out.gguf", "--progress", "always").stderr,
                         r"measuring +\d+%.*")

    def test_only_the_output_tensor_needs_to_be_asked_for(self):
        self.measure("all.gguf")
        self.succeed("imatrix", "-m", self.model, "-f", self.text, "-c", 128, "--chunks", 2, "-o",
                     "less.gguf")
        missing = set(floats(self.path("all.gguf"))) - set(floats(self.path("less.gguf")))
        self.assertEqual({"output.weight.in_sum2", "output.weight.counts"}, missing)

    def test_snapshots_on_the_way(self):
        self.measure("out.gguf", "--save-frequency", 5)
        self.assertEqual(["out.gguf", "out.gguf.at_10", "out.gguf.at_5"], self.listing())
        self.assertEqual(10, self.keys("out.gguf.at_10")["imatrix.chunk_count"])

    def test_continues_from_a_chunk(self):
        self.measure("all.gguf")
        self.measure("first.gguf", chunks=5)
        self.measure("rest.gguf", "--in-file", "first.gguf", "--from-chunk", 5, chunks=7)
        self.assert_close("rest.gguf", "all.gguf", 1e-6)
        self.assertEqual(12, self.keys("rest.gguf")["imatrix.chunk_count"])
        self.assertEqual([self.text] * 2, self.keys("rest.gguf")["imatrix.datasets"])

    def test_merges_without_a_model(self):
        self.measure("a.gguf", chunks=5)
        self.measure("b.gguf", "--chunk", 5, chunks=7)
        self.measure("all.gguf")
        for inputs in (["--in-file", "a.gguf", "--in-file", "b.gguf"],
                       ["--in-file", "a.gguf,b.gguf"]):
            self.succeed("imatrix", *inputs, "-o", "sum.gguf", "--force")
            self.assert_close("sum.gguf", "all.gguf", 1e-6)
            keys = self.keys("sum.gguf")
            self.assertEqual((12, 128), (keys["imatrix.chunk_count"], keys["imatrix.chunk_size"]))

    def test_converts_between_the_formats(self):
        gguf, legacy = (os.path.join(IMPORTANCE, f"kjv-llama.{end}") for end in ("gguf", "dat"))
        self.succeed("imatrix", "--in-file", gguf, "-o", "out.dat", "--output-format", "dat")
        self.assert_same_files(legacy, self.path("out.dat"))
        self.succeed("imatrix", "--in-file", legacy, "-c", 128, "-o", "out.gguf")
        self.succeed("imatrix", "--in-file", gguf, "-o", "again.gguf")
        self.assert_same_files(gguf, self.path("again.gguf"))
        self.assert_close("out.gguf", "again.gguf", 1e-6)

    def test_a_name_that_hides_the_format(self):
        gguf = os.path.join(IMPORTANCE, "kjv-llama.gguf")
        self.assertIn("--output-format", self.succeed("imatrix", "--in-file", gguf, "-o",
                                                      "out.dat").stderr)
        self.assertEqual("", self.succeed("imatrix", "--in-file", gguf, "-o", "out.imatrix",
                                          "--output-format", "gguf").stderr)

    def test_statistics(self):
        for name, tensors in (("qwen3moe.gguf", 17), ("kjv-llama.gguf", 56), ("kjv-llama.dat", 56)):
            words = ["imatrix", "--show-statistics", "--in-file", os.path.join(IMPORTANCE, name)]
            said = self.succeed(*words).stdout
            self.assertIn(f"{tensors} tensors, 12 chunks", said)
            self.assertEqual(name.startswith("qwen"), "experts of" in said)
            result = json.loads(self.succeed(*words, "--json").stdout)
            self.assertEqual(tensors, len(result["tensors"]))
            self.assertEqual(0, result["layers"][0]["layer"])
        tensor = next(t for t in json.loads(self.succeed(
            "imatrix", "--show-statistics", "--json", "--in-file",
            os.path.join(IMPORTANCE, "qwen3moe.gguf")).stdout)["tensors"]
            if t["name"] == "blk.0.ffn_up_exps.weight")
        self.assertEqual((8, 0, 199, 500), (tensor["num_experts"], tensor["num_unused_experts"],
                                            tensor["least_rows"], tensor["most_rows"]))

    def test_experts_that_no_token_reaches(self):
        self.succeed("imatrix", "-m", self.model, "-f", self.text, "-c", 16, "--chunks", 1, "-o",
                     "out.gguf", "--quiet")
        unused = sum(count == 0 for name, values in floats(self.path("out.gguf")).items()
                     if name.endswith(".counts") for count in values)
        result = self.succeed("imatrix", "-m", self.model, "-f", self.text, "-c", 16, "--chunks",
                              1, "-o", "out.gguf", "--force")
        self.assertGreater(unused, 0)
        self.assertIn(f"warning: no token reached {unused} matrices", result.stderr)

    def test_existing_outputs_and_inputs_are_kept(self):
        self.measure("out.gguf", chunks=1)
        self.fail_with(1, "imatrix", "--in-file", "out.gguf", "-o", "out.gguf", "--force",
                       mentions=["out.gguf", "input"])
        self.fail_with(1, "imatrix", "-m", self.model, "-f", self.text, "-c", 128, "-o",
                       "out.gguf", mentions=["out.gguf", "--force"])
        self.fail_with(1, "imatrix", "-m", self.model, "-f", self.text, "-o", self.text, "--force",
                       mentions=["input"])
        self.assertEqual(1, self.keys("out.gguf")["imatrix.chunk_count"])

    def test_bad_texts(self):
        for name, content in (("empty.txt", b""), ("short.txt", b"Let there be light.")):
            with open(self.path(name), "wb") as file:
                file.write(content)
        call = ["imatrix", "-m", self.model, "-o", "out.gguf", "-f"]
        self.fail_with(1, *call, "empty.txt", mentions=["empty.txt", "is empty"])
        self.fail_with(1, *call, "short.txt", mentions=["short.txt", "at least 1024"])
        self.fail_with(1, *call, "no.txt", mentions=["no.txt"])
        self.fail_with(1, *call, self.text, "-c", 128, "--chunk", 9999, mentions=["after skipping"])
        self.fail_with(1, "imatrix", "-m", self.model, "-p", "Amen", mentions=["prompt", "1024"])
        self.assertEqual(["empty.txt", "short.txt"], self.listing())

    def test_bad_models(self):
        self.succeed("gguf", "remove", self.model, "tokenizer.ggml.tokens", "-o", "none.gguf")
        self.fail_with(1, "imatrix", "-m", "none.gguf", "-f", self.text, "-o", "out.gguf",
                       mentions=["none.gguf", "tokenizer.ggml.tokens"])
        self.fail_with(1, "imatrix", "-m", "no.gguf", "-f", self.text, "-o", "out.gguf",
                       mentions=["no.gguf"])
        self.fail_with(1, "imatrix", "-m", os.path.join(IMPORTANCE, "qwen3moe.gguf"), "-f",
                       self.text, "-o", "out.gguf", mentions=["general.architecture"])
        self.assertEqual(["none.gguf"], self.listing())

    def test_bad_input_files(self):
        with open(os.path.join(IMPORTANCE, "qwen3moe.gguf"), "rb") as file:
            content = file.read()
        with open(self.path("cut.gguf"), "wb") as file:
            file.write(content[:9000])
        for broken in ("cut.gguf", self.text, "absent.gguf"):
            self.fail_with(1, "imatrix", "--in-file", broken, "-o", "out.gguf",
                           mentions=[os.path.basename(broken)])
        other = os.path.join(IMPORTANCE, "kjv-llama.gguf")
        self.fail_with(1, "imatrix", "--in-file", os.path.join(IMPORTANCE, "qwen3moe.gguf"),
                       "--in-file", other, "-o", "out.gguf",
                       mentions=[other + ": entry", "qwen3moe.gguf; merge", "same model"])
        self.fail_with(1, "imatrix", "-m", self.model, "-f", self.text, "-c", 128, "--in-file",
                       other, "-o", "out.gguf",
                       mentions=[f"imatrix: {other}: entry", f"as in {self.model}", "same model"])
        self.assertEqual(["cut.gguf"], self.listing())

    def test_wrong_usage(self):
        for words in ([], ["-f", "text.txt"], ["-m", "model.gguf"], ["--show-statistics"],
                      ["--show-statistics", "--in-file", "a,b"],
                      ["--in-file", "a", "--output-format", "json"],
                      ["-m", "m", "-f", "t", "-p", "words"], ["-m", "m", "-f", "t", "-c", "8"],
                      ["-m", "m", "-f", "t", "-b", "8"], ["-m", "m", "-f", "t", "--chunks", "-2"],
                      ["--in-file", "a", "--from-chunk", "-1"],
                      ["--in-file", "a", "--output-frequency", "-1"]):
            self.fail_with(2, "imatrix", *words)

    def interrupted(self, number):
        """What a run that wants hours says when it gets a signal after its first chunks."""
        def reset():
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with open(TEXT, "rb") as source, open(self.path("long.txt"), "wb") as target:
            target.write(source.read() * 10)
        words = ["imatrix", "-m", self.model, "-f", "long.txt", "-c", 128, "--output-frequency", 1,
                 "-t", 1, "-o", "out.gguf"]
        with subprocess.Popen(harness.command(words), cwd=self.folder, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              preexec_fn=reset) as process:
            deadline = time.monotonic() + START_SECONDS
            while not os.path.exists(self.path("out.gguf")):
                self.assertIsNone(process.poll())
                self.assertLess(time.monotonic(), deadline)
                time.sleep(POLL_SECONDS)
            process.send_signal(number)
            stderr = process.communicate(timeout=harness.PROGRAM_SECONDS)[1]
        return process.returncode, stderr

    def test_termination_keeps_what_was_saved_and_says_how_to_continue(self):
        status, said = self.interrupted(signal.SIGTERM)
        self.assertEqual(143, status)
        self.assertEqual(["long.txt", "out.gguf"], self.listing())
        chunks = self.keys("out.gguf")["imatrix.chunk_count"]
        self.assertTrue(re.search(rf"--in-file out\.gguf --from-chunk {chunks} ", said), said)

    def test_a_kill_leaves_a_whole_file(self):
        self.interrupted(signal.SIGKILL)
        self.succeed("imatrix", "--show-statistics", "--in-file", "out.gguf")
        self.assertLessEqual(set(self.listing()), {"long.txt", "out.gguf", "out.gguf.partial"})


if __name__ == "__main__":
    harness.main()
