"""The command line of `repack`, and what stays the same through it."""

import hashlib
import json
import os
import shutil
import struct
import tempfile

import generate_checkpoint
import generate_gemma3
import gguf_file
import harness

CHECKPOINT = os.path.join(harness.TESTDATA, "hf", "gemma3-vision")
LAYOUTS = ("--layout", "ollama"), ("--layout", "llama.cpp")

# What joining adds to the metadata of the language model; splitting takes it away again.
ADDED = {"gemma3.rope.global.freq_base", "gemma3.rope.local.freq_base",
         "gemma3.mm_tokens_per_image", "gemma3.mm.tokens_per_image",
         "tokenizer.ggml.eos_token_ids"}
# Tensors with a type of their own in each container, by their llama.cpp names.
PROMOTED = {"v.patch_embd.weight", "v.position_embd.weight"}


def ollama_name(mmproj_name):
    for ours, theirs in (("mm.", "mm.mm_"), (".ln1.", ".layer_norm1."), (".ln2.", ".layer_norm2."),
                         (".attn_out.", ".attn_output."), (".ffn_up.", ".mlp.fc1."),
                         (".ffn_down.", ".mlp.fc2."), ("v.patch_embd.", "v.patch_embedding."),
                         ("v.position_embd.", "v.position_embedding."),
                         ("v.post_ln.", "v.post_layernorm.")):
        mmproj_name = mmproj_name.replace(ours, theirs)
    return mmproj_name


class Repack(harness.ProgramTest):

    def join(self, text, mmproj, *options, output="joined.gguf"):
        return self.succeed("repack", "--text", text, "--vision", mmproj, *LAYOUTS[0], output,
                            *options)

    def split(self, model="joined.gguf"):
        self.succeed("repack", *LAYOUTS[1], model, "text.gguf", "mmproj.gguf")
        return (gguf_file.Reader(self.path("text.gguf")),
                gguf_file.Reader(self.path("mmproj.gguf")))

    def small(self, legacy=False):
        return generate_gemma3.generate("small", self.folder, legacy)

    def expect_same_tensors(self, expected, found, but=()):
        self.assertEqual(set(expected.tensors), set(found.tensors))
        for name, tensor in expected.tensors.items():
            if name not in but:
                other = found.tensors[name]
                self.assertEqual((tensor.type, tensor.dims), (other.type, other.dims), name)
                self.assertTrue(tensor.data == other.data, name)

    def test_join_keeps_every_bit_of_a_qat_file(self):
        text, mmproj = self.small()
        result = self.join(text, mmproj)
        joined = gguf_file.Reader(self.path("joined.gguf"))
        hashes = gguf_file.tensor_hashes(self.path("joined.gguf"))
        quantized = 0
        for name, expected in gguf_file.tensor_hashes(text).items():
            self.assertEqual(expected, hashes[name], name)
            quantized += expected[0] == "Q4_0"
        self.assertGreater(quantized, 20)
        for name, tensor in gguf_file.Reader(mmproj).tensors.items():
            found = joined.tensors[ollama_name(name)]
            self.assertEqual(tensor.dims, found.dims)
            if name in PROMOTED:
                values = struct.unpack(f"<{len(tensor.data) // 4}f", tensor.data)
                self.assertEqual("F16", found.type)
                self.assertEqual(values, struct.unpack(f"<{len(values)}e", found.data))
            else:
                self.assertEqual((tensor.type, tensor.data), (found.type, found.data), name)
        self.assertEqual(len(joined.tensors), len(hashes))
        # Order and keys as Ollama writes them.
        names = list(joined.tensors)
        self.assertEqual("blk.0.attn_k.weight", names[0])
        others = [name for name in names if not name.startswith("blk.")]
        self.assertEqual(sorted(others), others)
        self.assertEqual(others, names[-len(others):])
        self.assertEqual(sorted(joined.values), list(joined.values))
        for key, value in (("block_count", 2), ("embedding_length", 64),
                           ("feed_forward_length", 112), ("image_size", 112), ("patch_size", 14),
                           ("num_channels", 3), ("attention.head_count", 2)):
            self.assertEqual(value, joined.get(f"gemma3.vision.{key}"))
        self.assertEqual(4, joined.get("gemma3.mm.tokens_per_image"))
        self.assertEqual(1e6, joined.get("gemma3.rope.global.freq_base"))
        self.assertEqual(("linear", 8.0), (joined.get("gemma3.rope.scaling.type"),
                                           joined.get("gemma3.rope.scaling.factor")))
        # Corrections, said aloud.
        types = joined.get("tokenizer.ggml.token_type")
        self.assertEqual([3, 3], types[105:107])
        self.assertEqual([1, 106], joined.get("tokenizer.ggml.eos_token_ids"))
        for word in ("<start_of_turn>", "<end_of_turn>", "gemma3.vision.block_count",
                     "gemma3.rope.scaling.type", "will be written"):
            self.assertIn(word, result.stderr)

    def test_split_restores_what_was_joined(self):
        text, mmproj = self.small()
        self.join(text, mmproj)
        split_text, split_mmproj = self.split()
        source_text, source_mmproj = gguf_file.Reader(text), gguf_file.Reader(mmproj)
        self.expect_same_tensors(source_text, split_text)
        self.expect_same_tensors(source_mmproj, split_mmproj)
        self.assertEqual("general.architecture", next(iter(split_text.values)))
        changed = {"tokenizer.ggml.token_type", "gemma3.rope.scaling.type",
                   "gemma3.rope.scaling.factor", "gemma3.vision.block_count"}
        for key in set(source_text.values) | set(split_text.values):
            if key not in changed:
                self.assertEqual(source_text.values.get(key), split_text.values.get(key), key)
        self.assertNotIn("gemma3.vision.block_count", split_text.values)
        for key in set(source_mmproj.values) | set(split_mmproj.values) - {"general.size_label"}:
            self.assertEqual(source_mmproj.values.get(key), split_mmproj.values.get(key), key)
        # Once corrected, nothing changes any more.
        os.rename(self.path("text.gguf"), self.path("text1.gguf"))
        os.rename(self.path("mmproj.gguf"), self.path("mmproj1.gguf"))
        os.rename(self.path("joined.gguf"), self.path("joined1.gguf"))
        self.join("text1.gguf", "mmproj1.gguf")
        self.assert_same_files(self.path("joined1.gguf"), self.path("joined.gguf"))
        self.split()
        self.assert_same_files(self.path("text1.gguf"), self.path("text.gguf"))
        self.assert_same_files(self.path("mmproj1.gguf"), self.path("mmproj.gguf"))

    def test_a_file_of_ollamas_own_is_split(self):
        # As its converter and its quantizer (which takes v.blk.N.attn_v for the text's) leave it.
        size, tower = generate_gemma3.SIZES["small"]
        left_out = {"gemma3.rope.freq_base", "gemma3.rope.freq_base_swa", "tokenizer.chat_template",
                    "gemma3.attention.layer_norm_rms_epsilon", "tokenizer.ggml.add_space_prefix"}
        keys = [(key, kind, value + {"string": ["<image_soft_token>"], "float32": [-1.0],
                                     "int32": [4]}[kind] if isinstance(value, list) else value)
                for key, kind, value in generate_gemma3.text_keys(size) if key not in left_out]
        keys = [entry for entry in keys if entry[0] != "gemma3.vision.block_count"]
        keys += [(f"gemma3.vision.{key}", "uint32", value) for key, value in (
            ("block_count", tower.blocks), ("embedding_length", tower.width),
            ("feed_forward_length", tower.feed_forward), ("image_size", tower.image),
            ("patch_size", tower.patch), ("attention.head_count", tower.heads))]
        keys += [("gemma3.mm.tokens_per_image", "uint32", 16),
                 ("gemma3.rope.global.freq_base", "float32", 5e5),
                 ("tokenizer.ggml.add_padding_token", "bool", False),
                 ("tokenizer.ggml.eos_token_ids", "int32", [1, 106])]
        tensors = generate_gemma3.text_tensors(size)
        for name, dims, kind in generate_gemma3.tower_tensors(tower, size.width, False):
            kind = "F16" if name in PROMOTED else "Q8_0" if "attn_v.weight" in name else kind
            tensors.append((ollama_name(name), dims, kind))
        generate_gemma3.write(self.path("joined.gguf"), keys, tensors, False)
        source = gguf_file.Reader(self.path("joined.gguf"))
        text, mmproj = self.split()
        for key, value in (("attention.layer_norm_rms_epsilon", 1e-6), ("rope.freq_base", 5e5),
                           ("rope.freq_base_swa", 1e4), ("rope.scaling.type", "linear"),
                           ("rope.scaling.factor", 8.0)):
            found = text.get(f"gemma3.{key}")
            if isinstance(value, float):  # stored in 32 bits
                value, found = round(value, 9), round(found, 9)
            self.assertEqual(value, found)
        self.assertIs(False, text.get("tokenizer.ggml.add_space_prefix"))
        self.assertIn("<start_of_turn>", text.get("tokenizer.chat_template"))
        for key in ("tokens", "scores", "token_type"):
            self.assertEqual(size.vocabulary, len(text.get(f"tokenizer.ggml.{key}")))
        for key in text.values:
            self.assertNotRegex(key, "vision|\\.mm|global|local|padding_token$|eos_token_ids")
        self.assertEqual(2, mmproj.get("clip.vision.projector.scale_factor"))
        for name, dims, kind in generate_gemma3.tower_tensors(tower, size.width, False):
            before, after = source.tensors[ollama_name(name)], mmproj.tensors[name]
            self.assertEqual(dims, after.dims)
            if name in PROMOTED:
                values = struct.unpack(f"<{len(before.data) // 2}e", before.data)
                self.assertEqual(("F32", values), (after.type, struct.unpack(
                    f"<{len(values)}f", after.data)))
            else:
                self.assertEqual((before.type, before.data), (after.type, after.data))
        for name in text.tensors:
            self.assertEqual(source.tensors[name].data, text.tensors[name].data)

    def test_legacy_names_are_told_apart_by_shape(self):
        text, mmproj = self.small()
        os.mkdir(self.path("legacy"))
        _, legacy = generate_gemma3.generate("small", self.path("legacy"), legacy=True)
        self.join(text, mmproj)
        result = self.join(text, legacy, output="legacy.gguf")
        self.assertIn("ffn_down", result.stderr)
        # Both were written in one order, so the same random bytes lie behind fc1 and fc2.
        self.assert_same_files(self.path("joined.gguf"), self.path("legacy.gguf"))
        _, split = self.split("legacy.gguf")
        self.assertEqual([64, 112], split.tensors["v.blk.0.ffn_up.weight"].dims)
        self.assertEqual([112], split.tensors["v.blk.0.ffn_up.bias"].dims)

    def test_a_checkpoint_is_as_good_as_an_mmproj(self):
        self.succeed("convert", "--outtype", "f16", CHECKPOINT, "t.gguf", "--mmproj", "m.gguf")
        result = self.join("t.gguf", CHECKPOINT, output="other.gguf")
        self.assertIn("stored as F16: v.patch_embd.weight", result.stderr)
        self.succeed("convert", "--outtype", "f16", "--layout", "ollama", CHECKPOINT, "third.gguf")
        self.assert_same_files(self.path("other.gguf"), self.path("third.gguf"))
        # In the mmproj the patch embedding is F32, and it stays so: F16 cannot hold three of its
        # values, which lie next to zero.
        result = self.join("t.gguf", "m.gguf")
        self.assertIn("stored as F32: v.patch_embd.weight", result.stderr)
        joined = gguf_file.Reader(self.path("joined.gguf"))
        other = gguf_file.Reader(self.path("other.gguf"))
        self.expect_same_tensors(joined, other, but={"v.patch_embedding.weight"})
        self.assertEqual(joined.values, other.values)
        text, mmproj = self.split()
        self.expect_same_tensors(gguf_file.Reader(self.path("t.gguf")), text)
        self.expect_same_tensors(gguf_file.Reader(self.path("m.gguf")), mmproj)
        original = gguf_file.Reader(self.path("m.gguf"))
        for key, value in original.values.items():
            self.assertEqual(value, mmproj.values[key], key)

    def test_only_the_shards_with_vision_tensors_are_needed(self):
        shutil.copytree(CHECKPOINT, self.path("sharded"))
        path = self.path("sharded", "model.safetensors")
        tensors = generate_checkpoint.read_safetensors(path)
        os.remove(path)
        shards = {"model-00001-of-00002.safetensors": {}, "model-00002-of-00002.safetensors": {}}
        index = {}
        for name, tensor in tensors.items():
            shard = list(shards)[int("language_model" in name)]
            shards[shard][name] = tensor
            index[name] = shard
        for shard, members in shards.items():
            generate_checkpoint.write_safetensors(self.path("sharded", shard), members)
        generate_checkpoint.write_json(self.path("sharded", "model.safetensors.index.json"),
                                       {"weight_map": index})
        self.succeed("convert", "--outtype", "f16", "sharded", "t.gguf")
        os.remove(self.path("sharded", "model-00002-of-00002.safetensors"))
        self.join("t.gguf", "sharded")
        self.succeed("gguf", "verify", "--deep", "--against", CHECKPOINT, "joined.gguf")
        os.remove(self.path("sharded", "model-00001-of-00002.safetensors"))
        self.fail_with(1, "repack", "--text", "t.gguf", "--vision", "sharded", *LAYOUTS[0],
                       "x.gguf", mentions=["model-00001-of-00002", "missing"])

    def test_dry_run_tells_the_exact_size_and_writes_nothing(self):
        text, mmproj = self.small()
        before = self.listing()
        result = self.join(text, mmproj, "--dry-run", "--json")
        plan = json.loads(result.stdout)
        self.assertEqual(before, self.listing())
        self.assertRegex(result.stderr, r"[0-9.]+ [KM]iB will be written to /.*, where [0-9.]+ "
                         r"[KMGTPE]iB are free\nrepack: no other disk space is needed")
        self.join(text, mmproj)
        self.assertEqual(os.path.getsize(self.path("joined.gguf")),
                         plan["outputs"][0]["file_bytes"])
        plan = json.loads(self.succeed("repack", *LAYOUTS[1], "joined.gguf", "t.gguf", "m.gguf",
                                       "--dry-run", "--json").stdout)
        self.split()
        self.assertEqual([os.path.getsize(self.path(name)) for name in ("text.gguf", "mmproj.gguf")],
                         [output["file_bytes"] for output in plan["outputs"]])

    def test_the_published_4b_has_the_published_size(self):
        text, mmproj = generate_gemma3.generate("4b", self.folder)
        plan = json.loads(self.join(text, mmproj, "--dry-run", "--json").stdout)["outputs"][0]
        self.assertEqual(883, len(plan["tensors"]))
        text_bytes = 0
        for _, dims, kind in generate_gemma3.text_tensors(generate_gemma3.SIZES["4b"][0]):
            _, block_values, block_bytes = gguf_file.TENSOR_TYPES[gguf_file.TYPE_IDS[kind]]
            text_bytes += self.num_values({"shape": dims}) // block_values * block_bytes
        vision = sum(tensor["bytes"] for tensor in plan["tensors"]
                     if tensor["name"].startswith(("v.", "mm.")))
        self.assertEqual(840434112, vision)
        self.assertEqual(419816304, sum(
            self.num_values(tensor) for tensor in plan["tensors"]
            if tensor["name"].startswith(("v.", "mm."))))
        self.assertEqual(text_bytes + vision, plan["tensor_bytes"])
        self.assertEqual("4.0", f"{plan['file_bytes'] / 1e9:.1f}")

    @staticmethod
    def num_values(tensor):
        count = 1
        for dim in tensor["shape"]:
            count *= int(dim)
        return count

    def test_shrink_embedding(self):
        text, mmproj = self.small()
        self.join(text, mmproj, "--shrink-embedding", "q8_0")
        joined = gguf_file.Reader(self.path("joined.gguf"))
        self.assertEqual("Q8_0", joined.tensors["token_embd.weight"].type)
        before = gguf_file.tensor_hashes(text)
        after = gguf_file.tensor_hashes(self.path("joined.gguf"))
        for name in set(before) - {"token_embd.weight"}:
            self.assertEqual(before[name], after[name])
        text, _ = self.split()
        self.fail_with(1, "repack", "--text", "text.gguf", "--vision", "mmproj.gguf", *LAYOUTS[0],
                       "again.gguf", "--shrink-embedding", "q4_0",
                       mentions=["token_embd.weight", "Q8_0 already"])
        self.fail_with(2, "repack", "--text", "text.gguf", "--vision", "mmproj.gguf", *LAYOUTS[0],
                       "again.gguf", "--shrink-embedding", "q4", mentions=["--shrink-embedding"])

    def test_conflicts_are_refused_by_name(self):
        text, mmproj = self.small()
        self.succeed("convert", CHECKPOINT, "t.gguf", "--mmproj", "m.gguf")
        self.succeed("convert", os.path.join(harness.TESTDATA, "hf", "llama"), "llama.gguf")
        self.join(text, mmproj)
        for name in ("narrow", "incomplete", "extra", "shape", "block"):
            shutil.copy(mmproj, self.path(f"{name}.gguf"))
        self.rewrite("narrow.gguf", "clip.vision.projection_dim", 64)
        self.rewrite("block.gguf", "clip.vision.block_count", 1000000)
        self.rename("incomplete.gguf", "v.blk.1.ln2.bias", "v.blk.1.ln3.bias")
        self.rewrite("shape.gguf", "clip.vision.feed_forward_length", 96)
        shutil.copy(text, self.path("layers.gguf"))
        self.rewrite("layers.gguf", "gemma3.block_count", 4)
        cases = [
            (text, "joined.gguf", ["joined.gguf", "holds its vision tower already"]),
            ("joined.gguf", mmproj, ["joined.gguf", "joined with a vision tower already"]),
            (mmproj, mmproj, ["clip", "--vision"]),
            ("llama.gguf", mmproj, ["llama.gguf", "\"llama\"", "gemma3"]),
            (text, text, ["without a vision tower"]),
            (text, "llama.gguf", ["llama", "without a vision tower"]),
            (text, "narrow.gguf", ["narrow.gguf", "mm.input_projection.weight"]),
            ("layers.gguf", mmproj, ["layers.gguf", "blk.3.", "missing"]),
            (text, "incomplete.gguf", ["v.blk.1.ln2.bias", "missing"]),
            (text, "shape.gguf", ["v.blk.0.", "shape"]),
            (text, "block.gguf", ["1000000 blocks"]),
            (text, "nothing.gguf", ["nothing.gguf"]),
        ]
        for text_path, vision, mentions in cases:
            with self.subTest(text=text_path, vision=vision):
                self.fail_with(1, "repack", "--text", text_path, "--vision", vision, *LAYOUTS[0],
                               "x.gguf", mentions=mentions)
        for model, mentions in ((text, ["without a vision tower"]), (mmproj, ["projector file"]),
                                ("llama.gguf", ["llama model without"])):
            self.fail_with(1, "repack", *LAYOUTS[1], model, "a.gguf", "b.gguf", mentions=mentions)
        self.assertNotIn("x.gguf", self.listing())

    def test_dry_run_says_what_does_not_fit(self):
        text, mmproj = generate_gemma3.generate("small", self.folder)
        small = "/dev/shm"  # of a limited size, unlike a tensor of zeros
        free = os.statvfs(small).f_bavail * os.statvfs(small).f_frsize
        if os.stat(small).st_dev == os.stat(self.folder).st_dev or free > 1 << 40:
            self.skipTest("no small filesystem")
        rows = free // 256 + (1 << 20)
        size = generate_gemma3.SIZES["small"][0]._replace(vocabulary=320)
        tensors = [(name, [128, rows] if name == "token_embd.weight" else dims, kind)
                   for name, dims, kind in generate_gemma3.text_tensors(size)]
        generate_gemma3.write(self.path("large.gguf"), generate_gemma3.text_keys(size), tensors,
                              True)
        result = self.join("large.gguf", mmproj, "--dry-run", output=f"{small}/never.gguf")
        self.assertRegex(result.stderr, r"where only [0-9.]+ [KMGT]iB are free: .* are missing")
        self.assertFalse(os.path.exists(f"{small}/never.gguf"))

    def test_other_towers_and_models_are_not_joined(self):
        text, _ = self.small()
        for folder, title in (("qwen2vl", "Qwen 2.5 VL"), ("qwen2-vl", "Qwen 2 VL"),
                              ("llava", "LLaVA")):
            with self.subTest(folder=folder):
                checkpoint = os.path.join(harness.TESTDATA, "hf", folder)
                self.fail_with(1, "repack", "--text", text, "--vision", checkpoint, *LAYOUTS[0],
                               "x.gguf", mentions=[title, "Gemma 3"])
                self.fail_with(1, "convert", "--layout", "ollama", checkpoint, "x.gguf",
                               mentions=["general.architecture", "Gemma 3"])

    def test_a_tower_for_another_width_names_both(self):
        text, _ = self.small()
        shutil.copytree(CHECKPOINT, self.path("other"))
        self.succeed("convert", "--outtype", "f16", CHECKPOINT, "t.gguf")
        wide = generate_gemma3.Text(3, 192, 256, 4, 2, 64, 320, 512)
        generate_gemma3.write(self.path("wide.gguf"), generate_gemma3.text_keys(wide),
                              generate_gemma3.text_tensors(wide), True)
        self.fail_with(1, "repack", "--text", "wide.gguf", "--vision", CHECKPOINT, *LAYOUTS[0],
                       "x.gguf", mentions=["128", "192", "4B has 2560"])

    def test_wrong_usage(self):
        for words in (("--layout", "ollama", "x.gguf"), ("--layout", "both", "x.gguf"), ("x.gguf",),
                      ("--layout", "llama.cpp", "a.gguf", "b.gguf"),
                      ("--layout", "llama.cpp", "a.gguf", "b.gguf", "c.gguf", "--text", "d.gguf"),
                      ("--layout", "ollama", "--text", "a.gguf", "--vision", "b.gguf"),
                      ("--layout", "ollama", "--text", "a.gguf", "--vision", "b.gguf", "c.gguf",
                       "--ollama-model", "d"),
                      ("--layout", "ollama", "--text", "a.gguf", "--vision", "b.gguf", "c.gguf",
                       "--split-max-tensors", "5")):
            with self.subTest(words=words):
                self.fail_with(2, "repack", *words)

    def test_values_that_f16_cannot_hold_stay_f32(self):
        text, mmproj = self.small()
        tensor = gguf_file.Reader(mmproj).tensors["v.position_embd.weight"]
        with open(mmproj, "r+b") as file:
            file.seek(tensor.offset)
            file.write(struct.pack("<f", 1.0 + 2.0 ** -20))
        result = self.join(text, mmproj)
        self.assertIn("v.position_embd.weight", result.stderr)
        joined = gguf_file.Reader(self.path("joined.gguf"))
        self.assertEqual("F32", joined.tensors["v.position_embedding.weight"].type)
        self.assertEqual("F16", joined.tensors["v.patch_embedding.weight"].type)
        _, split = self.split()
        self.assertTrue(split.tensors["v.position_embd.weight"].data ==
                        gguf_file.Reader(mmproj).tensors["v.position_embd.weight"].data)

    def test_ollama_store(self):
        text, mmproj = self.small()
        self.join(text, mmproj)
        for words, name in ((["out.gguf"], "gemma3-qat:27b"), ([], "someone/gemma3-qat")):
            self.succeed("repack", "--text", text, "--vision", mmproj, *LAYOUTS[0], *words,
                         "--ollama-model", "store", "--name", name)
            folder, tag = (name.split(":") + ["latest"])[:2]
            folder = folder if "/" in folder else "library/" + folder
            with open(self.path("store", "manifests", "registry.ollama.ai", folder, tag),
                      encoding="utf-8") as file:
                manifest = json.load(file)
            layers = {layer["mediaType"].rsplit(".", 1)[1]: layer for layer in manifest["layers"]}
            self.assertEqual({"model", "template", "params"}, set(layers))
            self.assertEqual(2, manifest["schemaVersion"])
            contents = {}
            for kind, layer in [*layers.items(), ("config", manifest["config"])]:
                path = self.path("store", "blobs", layer["digest"].replace(":", "-"))
                with open(path, "rb") as file:
                    contents[kind] = file.read()
                self.assertEqual(layer["size"], len(contents[kind]))
                self.assertEqual(layer["digest"],
                                 "sha256:" + hashlib.sha256(contents[kind]).hexdigest())
            with open(self.path("joined.gguf"), "rb") as file:
                self.assertTrue(file.read() == contents["model"])
            config = json.loads(contents["config"])
            self.assertEqual(("gguf", "gemma3", ["gemma3"], "Q4_0", "745.82K"),
                             tuple(config[key] for key in ("model_format", "model_family",
                                                           "model_families", "file_type",
                                                           "model_type")))
            self.assertEqual(["<end_of_turn>"], json.loads(contents["params"])["stop"])
            model_file = self.path("store", f"gemma3-qat-{tag}.Modelfile")
            with open(model_file, encoding="utf-8") as file:
                first = file.readline().split()
            self.assertEqual("FROM", first[0])
            self.assertTrue(os.path.samefile(os.path.join(self.path("store"), first[1]), path)
                            or os.path.exists(os.path.join(self.path("store"), first[1])))
        # One file under two names, nothing left over.
        blob = layers["model"]["digest"].replace(":", "-")
        self.assertTrue(os.path.samefile(self.path("out.gguf"), self.path("store", "blobs", blob)))
        self.assertEqual([], [name for name in self.listing()
                              if "incomplete" in name or name.endswith(".partial")])
        self.fail_with(1, "repack", "--text", text, "--vision", mmproj, *LAYOUTS[0],
                       "--ollama-model", "store", "--name", "gemma3-qat:27b", mentions=["--force"])
        for name in ("../x", "a b", ":tag", "a/b/c/d", "x:", ""):
            self.fail_with(2, "repack", "--text", text, "--vision", mmproj, *LAYOUTS[0],
                           "--ollama-model", "store", "--name", name)

    def test_ollama_store_on_another_filesystem(self):
        text, mmproj = self.small()
        words = ("repack", "--text", text, "--vision", mmproj, *LAYOUTS[0])
        with tempfile.TemporaryDirectory(dir="/dev/shm") as other:
            if os.stat(other).st_dev == os.stat(self.folder).st_dev:
                self.skipTest("one filesystem")
            store = os.path.join(other, "store")
            result = self.succeed(*words, "out.gguf", "--ollama-model", store, "--name", "a")
            self.assertIn("another filesystem", result.stderr)
            blobs = [os.path.join(store, "blobs", name)
                     for name in os.listdir(os.path.join(store, "blobs"))]
            with open(self.path("out.gguf"), "rb") as file:
                content = file.read()
            copies = []
            for blob in blobs:
                self.assertNotIn("partial", blob)
                with open(blob, "rb") as file:
                    if file.read() == content:
                        copies.append(blob)
            self.assertEqual([os.path.join(store, "blobs",
                                           "sha256-" + hashlib.sha256(content).hexdigest())],
                             copies)

    def test_a_refusal_leaves_no_empty_store(self):
        text, mmproj = self.small()
        words = ("repack", "--text", text, "--vision", mmproj, *LAYOUTS[0], "--ollama-model",
                 "store", "--name", "a", "--memory-limit", "1")
        for made in ([], ["store"]):
            for name in made:
                os.mkdir(self.path(name))
            result = self.run_tool(*words)
            self.assertEqual(1, result.status, result)
            self.assertIn("memory limit", result.stderr)
            self.assertEqual(made, [name for name in os.listdir(self.folder) if name == "store"])
            self.assertFalse(os.path.exists(self.path("store", "blobs")))

    def rewrite(self, name, key, number):
        """Puts another number of 32 bits into a file."""
        self.succeed("gguf", "set", "--force", name, f"{key}=uint32:{number}", "-o", "new.gguf")
        os.replace(self.path("new.gguf"), self.path(name))

    def rename(self, name, old, new):
        with open(self.path(name), "r+b") as file:
            content = file.read()
            self.assertEqual(1, content.count(gguf_file.string(old)))
            file.seek(0)
            file.write(content.replace(gguf_file.string(old), gguf_file.string(new)))


if __name__ == "__main__":
    harness.main()
