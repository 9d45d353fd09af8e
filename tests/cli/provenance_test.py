"""Statements of what artifacts were made from: what they say, that they repeat, that damage shows."""

import hashlib
import json
import os
import shutil

import gguf_file
import harness

CHECKPOINT = os.path.join(harness.TESTDATA, "hf", "llama-trained")


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


class Provenance(harness.ProgramTest):

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return json.load(file)

    def verify(self, *words):
        result = self.run_tool("gguf", "verify", "--json", *words)
        return result.status, json.loads(result.stdout)["findings"]

    def quantize(self, *words):
        return self.succeed("quantize", "--provenance", *words)

    def test_statement_says_what_was_read_and_written(self):
        self.quantize("--type", "Q4_0,Q8_0", "--verify", CHECKPOINT, "out-{type}.gguf")
        for name in ("Q4_0", "Q8_0"):
            artifact = f"out-{name}.gguf"
            statement = self.read(artifact + ".provenance.json")
            self.assertEqual("https://in-toto.io/Statement/v1", statement["_type"])
            self.assertEqual([{"name": artifact,
                               "digest": {"sha256": digest(self.path(artifact))}}],
                             statement["subject"])
            definition = statement["predicate"]["buildDefinition"]
            sources = {entry["name"]: entry["digest"]["sha256"]
                       for entry in definition["resolvedDependencies"]}
            for file in ("config.json", "model.safetensors"):
                self.assertEqual(digest(os.path.join(CHECKPOINT, file)), sources[file])
            self.assertEqual({"type": name, "effort": "standard"},
                             definition["internalParameters"])
            self.assertEqual(["Q4_0", "Q8_0"], definition["externalParameters"]["type"])
            self.assertEqual(["llama-trained"], definition["externalParameters"]["INPUT"])
            tensors = {entry["name"]: entry
                       for entry in statement["predicate"]["runDetails"]["byproducts"]}
            for tensor, (kind, _, sha256) in gguf_file.tensor_hashes(self.path(artifact)).items():
                self.assertEqual(kind, tensors[tensor]["annotations"]["type"])
                self.assertEqual(sha256, tensors[tensor]["digest"]["sha256"])
                self.assertIn("relative_rmse", tensors[tensor]["annotations"])
            self.assertEqual((0, []), self.verify("--provenance", "auto", artifact, "--source",
                                                  CHECKPOINT))

    def test_the_same_bytes_from_another_folder_and_for_any_threads(self):
        texts = set()
        for folder, threads in (("a", 1), ("b/c", 3)):
            os.makedirs(self.path(folder))
            shutil.copytree(CHECKPOINT, self.path(folder, "model"))
            self.quantize("-t", threads, "--type", "Q8_0", self.path(folder, "model"),
                          self.path(folder, "out.gguf"))
            with open(self.path(folder, "out.gguf.provenance.json"), encoding="utf-8") as file:
                texts.add(file.read())
        self.assertEqual(1, len(texts))
        self.assertNotIn(self.folder, texts.pop())

    def test_time_only_when_asked_for(self):
        env = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
        words = ("quantize", "--provenance", "--type", "Q8_0", CHECKPOINT, "out.gguf")
        self.assertEqual(0, self.run_tool(*words, env=env).status)
        details = self.read("out.gguf.provenance.json")["predicate"]["runDetails"]
        self.assertEqual({"finishedOn": "2023-11-14T22:13:20Z"}, details["metadata"])

    def test_shards_convert_and_dry_run(self):
        self.succeed("convert", "--provenance", "--split-max-tensors", 8, CHECKPOINT, "out.gguf")
        shards = [name for name in self.listing() if "-of-" in name]
        self.assertGreater(len(shards), 1)
        statement = self.read("out.gguf.provenance.json")
        self.assertEqual(shards, [entry["name"] for entry in statement["subject"]])
        self.assertEqual((0, []), self.verify("--provenance", "auto", shards[1]))
        before = self.listing()
        self.succeed("convert", "--provenance", "--dry-run", CHECKPOINT, "dry.gguf")
        self.assertEqual(before, self.listing())

    def test_deviations_are_named(self):
        self.quantize("--type", "Q8_0", CHECKPOINT, "out.gguf")
        tensor = gguf_file.Reader(self.path("out.gguf")).tensors["blk.1.ffn_up.weight"]
        with open(self.path("out.gguf"), "r+b") as file:
            file.seek(tensor.offset + 5)
            byte = file.read(1)[0]
            file.seek(tensor.offset + 5)
            file.write(bytes([byte ^ 1]))
        status, findings = self.verify("--provenance", "auto", "out.gguf")
        self.assertEqual((1, 2), (status, len(findings)), findings)
        self.assertIn("out.gguf': its SHA-256 is", findings[0])
        self.assertIn("tensor 'blk.1.ffn_up.weight' has other data", findings[1])
        self.succeed("quantize", "--force", "--type", "Q4_0", CHECKPOINT, "out.gguf")
        status, findings = self.verify("--provenance", "auto", "out.gguf")
        self.assertEqual(1, status)
        self.assertTrue(any("has type Q4_0, the statement says Q8_0" in line for line in findings))

    def test_sources_that_changed_or_are_missing(self):
        shutil.copytree(CHECKPOINT, self.path("model"))
        self.quantize("--type", "Q8_0", "model", "out.gguf")
        with open(self.path("model", "config.json"), "a", encoding="utf-8") as file:
            file.write("\n")
        os.remove(self.path("model", "model.safetensors"))
        status, findings = self.verify("--provenance", "auto", "out.gguf", "--source", "model")
        self.assertEqual((1, 2), (status, len(findings)), findings)
        self.assertIn("model.safetensors", findings[0])
        self.assertIn("config.json", findings[1])
        self.assertEqual((0, []), self.verify("--provenance", "auto", "out.gguf"))

    def test_importance_data_is_a_source(self):
        matrix = os.path.join(harness.TESTDATA, "importance", "gemma3-text.gguf")
        self.succeed("convert", os.path.join(harness.TESTDATA, "hf", "gemma3-text"), "in.gguf")
        self.quantize("--type", "Q4_0", "--imatrix", matrix, "in.gguf", "out.gguf")
        definition = self.read("out.gguf.provenance.json")["predicate"]["buildDefinition"]
        self.assertEqual({"in.gguf": digest(self.path("in.gguf")),
                          os.path.basename(matrix): digest(matrix)},
                         {entry["name"]: entry["digest"]["sha256"]
                          for entry in definition["resolvedDependencies"]})

    def test_compressed_artifacts_are_the_same(self):
        self.quantize("--type", "Q8_0", CHECKPOINT, "out.gguf")
        self.succeed("gguf", "compress", "out.gguf")
        os.remove(self.path("out.gguf"))
        self.assertEqual((0, []), self.verify("--provenance", "auto", "out.gguf.zst"))

    def test_bad_statements(self):
        self.quantize("--type", "Q8_0", CHECKPOINT, "out.gguf")
        for text in ("", "[]", "{}", "{" * 1000, json.dumps({"_type": "x"})):
            with open(self.path("bad.json"), "w", encoding="utf-8") as file:
                file.write(text)
            status, findings = self.verify("--provenance", "bad.json", "out.gguf")
            self.assertEqual((1, 1), (status, len(findings)), findings)
            self.assertIn("bad.json", findings[0])
        self.fail_with(1, "gguf", "verify", "--provenance", "absent.json", "out.gguf",
                       mentions=["absent.json"])
        self.fail_with(1, "quantize", "--provenance", "--type", "Q4_0", CHECKPOINT, "out.gguf")

    def test_an_existing_statement_is_not_replaced(self):
        with open(self.path("out.gguf.provenance.json"), "w", encoding="utf-8") as file:
            file.write("mine")
        self.fail_with(1, "quantize", "--provenance", "--type", "Q8_0", CHECKPOINT, "out.gguf",
                       mentions=["out.gguf.provenance.json", "--force"])
        self.assertEqual(["out.gguf.provenance.json"], self.listing())


if __name__ == "__main__":
    harness.main()
