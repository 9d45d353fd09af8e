"""The command line of `gguf`: looking at files, checking, comparing, cutting, joining, changing."""

import hashlib
import json
import os
import struct

import gguf_file
import harness

CHECKPOINT = os.path.join(harness.TESTDATA, "hf", "llama-trained")


class Gguf(harness.ProgramTest):

    def setUp(self):
        super().setUp()
        self.succeed("convert", "--outtype", "f16", CHECKPOINT, "in.gguf")

    def corrupt(self, name, position, data):
        """Overwrites bytes of a file in the temporary folder."""
        with open(self.path(name), "r+b") as file:
            file.seek(position)
            file.write(data)

    def test_inspect_shows_metadata_and_totals(self):
        said = self.succeed("gguf", "inspect", "in.gguf").stdout
        for word in ("general.architecture", "llama", "llama.block_count", "F16", "F32"):
            self.assertIn(word, said)
        self.assertIn("blk.0.attn_q.weight",
                      self.succeed("gguf", "inspect", "--tensors", "in.gguf").stdout)
        some = self.succeed("gguf", "inspect", "--keys", "head_count", "in.gguf").stdout
        self.assertIn("llama.attention.head_count_kv", some)
        self.assertNotIn("general.architecture", some)

    def test_inspect_as_json_agrees_with_the_file(self):
        reader = gguf_file.Reader(self.path("in.gguf"))
        result = json.loads(self.succeed("gguf", "inspect", "--json", "--tensors",
                                         "in.gguf").stdout)
        self.assertEqual(set(reader.values), {entry["key"] for entry in result["metadata"]})
        self.assertEqual({name: (tensor.type, tensor.dims[::-1])
                          for name, tensor in reader.tensors.items()},
                         {tensor["name"]: (tensor["type"], [int(dim) for dim in tensor["shape"]])
                          for tensor in result["tensors"]})
        self.assertEqual(os.path.getsize(self.path("in.gguf")), result["file_bytes"])
        self.assertEqual([], result["warnings"])

    def test_verify_accepts_what_the_tools_write(self):
        for name in ("Q8_0", "Q5_K_M", "BF16"):
            self.succeed("quantize", "--type", name, "in.gguf", f"{name}.gguf")
            self.succeed("gguf", "verify", f"{name}.gguf")

    def test_verify_hashes_tensors_and_file(self):
        result = json.loads(self.succeed("gguf", "verify", "--hash", "--json", "in.gguf").stdout)
        self.assertTrue(result["is_valid"])
        self.assertEqual(
            {name: digest for name, (_, _, digest)
             in gguf_file.tensor_hashes(self.path("in.gguf")).items()},
            {entry["name"]: entry["sha256"] for entry in result["tensor_hashes"]})
        with open(self.path("in.gguf"), "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        self.assertEqual([digest], [entry["sha256"] for entry in result["file_hashes"]])

    def test_verify_finds_values_that_are_not_finite(self):
        tensor = gguf_file.Reader(self.path("in.gguf")).tensors["blk.1.ffn_up.weight"]
        for pattern in (0x7E00, 0x7C00, 0xFC00):  # NaN, +infinity, -infinity as F16
            self.corrupt("in.gguf", tensor.offset + 2000, struct.pack("<H", pattern))
            result = self.run_tool("gguf", "verify", "in.gguf")
            self.assertEqual(1, result.status)
            self.assertIn("blk.1.ffn_up.weight", result.stdout + result.stderr)

    def test_verify_finds_a_broken_scale(self):
        self.succeed("quantize", "--type", "Q8_0", "in.gguf", "q8.gguf")
        tensor = gguf_file.Reader(self.path("q8.gguf")).tensors["blk.0.attn_k.weight"]
        self.corrupt("q8.gguf", tensor.offset + 34 * 5, struct.pack("<H", 0x7E00))
        result = self.run_tool("gguf", "verify", "q8.gguf")
        self.assertEqual(1, result.status)
        self.assertIn("blk.0.attn_k.weight", result.stdout + result.stderr)

    def test_verify_fails_on_what_inspect_only_warns_of(self):
        builder = gguf_file.Builder()
        builder.values.append(("test.flag", 7, b"\x02"))  # a boolean that is neither 0 nor 1
        builder.write(self.path("odd.gguf"))
        self.succeed("gguf", "inspect", "odd.gguf")
        result = self.run_tool("gguf", "verify", "--json", "odd.gguf")
        self.assertEqual(1, result.status)
        report = json.loads(result.stdout)
        self.assertFalse(report["is_valid"])
        self.assertIn("test.flag", " ".join(report["findings"]))

    def test_diff_of_equal_and_different_files(self):
        self.succeed("quantize", "--type", "COPY", "in.gguf", "same.gguf")
        self.succeed("gguf", "diff", "in.gguf", "in.gguf")
        self.succeed("quantize", "--type", "Q8_0", "in.gguf", "q8.gguf")
        result = self.run_tool("gguf", "diff", "--json", "in.gguf", "q8.gguf")
        self.assertEqual(1, result.status)
        report = json.loads(result.stdout)
        self.assertFalse(report["is_equal"])
        self.assertIn("general.file_type", {entry["key"] for entry in report["metadata"]})
        errors = {entry["name"]: entry["error"]["rmse"] for entry in report["tensors"]
                  if entry["error"]}
        self.assertGreater(errors["blk.0.attn_q.weight"], 0)
        self.assertNotIn("blk.0.attn_norm.weight", errors)

    def test_split_then_merge_gives_the_tensors_and_metadata_back(self):
        for words in (["--split-max-tensors", 5], ["--split-max-size", "1M"],
                      ["--split-max-tensors", 7, "--no-tensor-first-split"]):
            with self.subTest(words=words):
                prefix = f"part{len(self.listing())}"
                self.succeed("gguf", "split", "in.gguf", prefix, *words)
                shards = [name for name in self.listing() if name.startswith(prefix)]
                self.assertGreater(len(shards), 1)
                if "--no-tensor-first-split" in words:
                    self.assertEqual({}, gguf_file.Reader(self.path(shards[0])).tensors)
                self.succeed("gguf", "merge", "--force", shards[0], "merged.gguf")
                before = gguf_file.Reader(self.path("in.gguf"))
                after = gguf_file.Reader(self.path("merged.gguf"))
                self.assertEqual(before.values, after.values)
                self.assertEqual(gguf_file.tensor_hashes(self.path("in.gguf")),
                                 gguf_file.tensor_hashes(self.path("merged.gguf")))

    def test_merge_names_the_missing_shard(self):
        self.succeed("gguf", "split", "in.gguf", "part", "--split-max-tensors", 5)
        missing = [name for name in self.listing() if name.startswith("part")][1]
        os.remove(self.path(missing))
        first = [name for name in self.listing() if name.startswith("part")][0]
        self.fail_with(1, "gguf", "merge", first, "merged.gguf", mentions=[missing])
        self.assertNotIn("merged.gguf", self.listing())

    def test_set_and_remove_into_a_new_file(self):
        before = gguf_file.Reader(self.path("in.gguf"))
        self.succeed("gguf", "set", "in.gguf", "general.name=str:A New Name", "-o", "set.gguf")
        reader = gguf_file.Reader(self.path("set.gguf"))
        self.assertEqual("A New Name", reader.get("general.name"))
        self.assertEqual(set(before.values) | {"general.name"}, set(reader.values))
        self.succeed("gguf", "remove", "set.gguf", "general.name", "-o", "removed.gguf")
        self.assertNotIn("general.name", gguf_file.Reader(self.path("removed.gguf")).values)
        for name in ("set.gguf", "removed.gguf"):
            self.assertEqual(gguf_file.tensor_hashes(self.path("in.gguf")),
                             gguf_file.tensor_hashes(self.path(name)))

    def test_set_in_place(self):
        tensors = gguf_file.tensor_hashes(self.path("in.gguf"))
        self.succeed("gguf", "set", "in.gguf", "test.number=uint32:7")
        self.assertEqual(7, gguf_file.Reader(self.path("in.gguf")).get("test.number"))
        self.assertEqual(tensors, gguf_file.tensor_hashes(self.path("in.gguf")))
        self.assertEqual(["in.gguf"], self.listing())

    def test_remove_of_an_absent_key_is_an_error(self):
        self.fail_with(1, "gguf", "remove", "in.gguf", "no.such.key", "-o", "out.gguf",
                       mentions=["no.such.key"])
        self.assertEqual(["in.gguf"], self.listing())

    def test_extract_decodes_a_tensor_for_numpy(self):
        self.succeed("quantize", "--type", "Q8_0", "in.gguf", "q8.gguf")
        tensor = gguf_file.Reader(self.path("q8.gguf")).tensors["blk.0.attn_k.weight"]
        rows, columns = tensor.dims[1], tensor.dims[0]
        self.succeed("gguf", "extract", "q8.gguf", "blk.0.attn_k.weight", "-o", "k.npy")
        with open(self.path("k.npy"), "rb") as file:
            data = file.read()
        length = struct.unpack_from("<H", data, 8)[0]
        self.assertEqual(0, (10 + length) % 64)
        self.assertIn(f"'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns})",
                      data[10:10 + length].decode())
        values = struct.unpack(f"<{rows * columns}f", data[10 + length:])
        scale, *codes = struct.unpack_from("<e32b", tensor.data, 34)
        self.assertEqual([scale * code for code in codes], list(values[32:64]))
        self.succeed("gguf", "extract", "--raw", "q8.gguf", "blk.0.attn_k.weight", "-o", "k.bin")
        with open(self.path("k.bin"), "rb") as file:
            self.assertEqual(tensor.data, file.read())
        self.succeed("gguf", "extract", "in.gguf", "output_norm.weight", "-o", "norm.npy")
        with open(self.path("norm.npy"), "rb") as file:
            self.assertRegex(file.read()[:128], rb"'shape': \(\d+,\), }")
        self.fail_with(1, "gguf", "extract", "in.gguf", "output_norm.wight", "-o", "x.npy",
                       mentions=["did you mean output_norm.weight"])
        self.fail_with(1, "gguf", "extract", "in.gguf", "output_norm.weight", "-o", "in.gguf",
                       "--force", mentions=["input too"])

    def test_swap_endian_and_back(self):
        self.succeed("quantize", "--type", "Q4_K_M", "in.gguf", "q.gguf")
        self.succeed("gguf", "swap-endian", "q.gguf", "big.gguf")
        with open(self.path("big.gguf"), "rb") as file:
            self.assertEqual(b"GGUF" + struct.pack(">I", 3), file.read(8))
        self.assertIn("equal", self.succeed("gguf", "diff", "q.gguf", "big.gguf").stdout)
        self.succeed("gguf", "swap-endian", "big.gguf", "back.gguf")
        self.assert_same_files(self.path("q.gguf"), self.path("back.gguf"))

    def test_keys_takes_the_patterns_of_tensor_type(self):
        some = self.succeed("gguf", "inspect", "--keys", "^llama\\.(?!attention)", "in.gguf").stdout
        self.assertIn("llama.block_count", some)
        self.assertNotIn("llama.attention", some)
        self.fail_with(2, "gguf", "inspect", "--keys", "(", "in.gguf", mentions=["--keys"])


if __name__ == "__main__":
    harness.main()
