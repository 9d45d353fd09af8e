"""The command lines that make vision towers: convert --mmproj, quantize --mmproj; and gguf verify
--deep, which proves what became of them."""

import json
import os
import shutil

import generate_checkpoint
import gguf_file
import harness

CHECKPOINT = os.path.join(harness.TESTDATA, "hf", "gemma3-vision")
LLAMA = os.path.join(harness.TESTDATA, "hf", "llama")
# Tensors of the tower that keep a type of their own, whatever is asked for.
FIXED = {"mm.input_projection.weight": "F16", "v.patch_embd.weight": "F32",
         "v.position_embd.weight": "F32"}


class Vision(harness.ProgramTest):

    def types(self, name):
        return {tensor: value.type
                for tensor, value in gguf_file.Reader(self.path(name)).tensors.items()}

    def check_tower(self, name, matrix_type, fallback="F16"):
        for tensor, found in self.types(name).items():
            expected = FIXED.get(tensor, "F32")
            if tensor not in FIXED and ".blk." in tensor and "ln" not in tensor and (
                    tensor.endswith(".weight")):
                expected = fallback if "ffn_down" in tensor else matrix_type  # rows of 112 values
            self.assertEqual(expected, found, tensor)

    def verify(self, name, *words, against=CHECKPOINT):
        return json.loads(self.succeed("gguf", "verify", "--deep", "--against", against, "--json",
                                       *words, name).stdout)

    def test_convert_writes_both_files_or_none(self):
        self.succeed("convert", CHECKPOINT, "t-{type}.gguf", "--mmproj", "m-{type}.gguf",
                     "--mmproj-type", "q8_0")
        self.assertEqual(["m-Q8_0.gguf", "t-BF16.gguf"], self.listing())
        self.check_tower("m-Q8_0.gguf", "Q8_0")
        self.fail_with(1, "convert", CHECKPOINT, "new.gguf", "--mmproj", "m-Q8_0.gguf",
                       mentions=["m-Q8_0.gguf", "--force"])
        self.assertEqual(["m-Q8_0.gguf", "t-BF16.gguf"], self.listing())
        plan = json.loads(self.succeed("convert", "--dry-run", "--json", CHECKPOINT, "t.gguf",
                                       "--mmproj", "m.gguf").stdout)
        self.assertEqual([["t.gguf"], ["m.gguf"]],
                         [output["paths"] for output in plan["outputs"]])
        self.succeed("convert", CHECKPOINT, "t.gguf", "--mmproj", "m.gguf", "--verify")
        self.assertEqual([os.path.getsize(self.path(name)) for name in ("t.gguf", "m.gguf")],
                         [output["file_bytes"] for output in plan["outputs"]])

    def test_models_without_a_tower_and_wrong_usage(self):
        self.fail_with(1, "convert", LLAMA, "t.gguf", "--mmproj", "m.gguf",
                       mentions=["LlamaForCausalLM", "no vision tower"])
        self.fail_with(1, "convert", "--layout", "ollama", LLAMA, "t.gguf", mentions=["vision"])
        self.fail_with(1, "quantize", "--type", "Q8_0", LLAMA, "t.gguf", "--mmproj", "m.gguf",
                       mentions=["no vision tower"])
        for words in (("convert", CHECKPOINT, "t.gguf", "--mmproj-type", "f16"),
                      ("convert", CHECKPOINT, "t.gguf", "--mmproj", "m.gguf", "--mmproj-type", "f1"),
                      ("convert", CHECKPOINT, "t.gguf", "--mmproj", "m.gguf", "--vocab-only"),
                      ("convert", CHECKPOINT, "t.gguf", "--layout", "ollama", "--mmproj", "m.gguf"),
                      ("convert", CHECKPOINT, "t.gguf", "--layout", "vllm"),
                      ("quantize", "--type", "Q8_0", CHECKPOINT, "t.gguf", "--mmproj-type", "Q8_0"),
                      ("quantize", "--type", "Q8_0", CHECKPOINT, "t.gguf", "--mmproj", "m.gguf",
                       "--mmproj-type", "Q9_0")):
            self.fail_with(2, *words)
        self.assertEqual([], self.listing())

    def test_damaged_towers_are_refused_by_tensor(self):
        source = generate_checkpoint.read_safetensors(os.path.join(CHECKPOINT, "model.safetensors"))
        name = next(key for key in source if key.endswith("layers.1.mlp.fc1.weight"))
        dtype, shape, data = source[name]
        less = {key: value for key, value in source.items() if key != name}
        cases = {
            "missing": (less, ["layers.1.mlp.fc1.weight", "missing"]),
            "shape": ({**source, name: (dtype, shape[::-1], data)}, [name, "[64, 112]"]),
            "extra": ({**source, name.replace("fc1", "fc3"): (dtype, shape, data)},
                      ["fc3", "unknown"]),
            "twice": ({**source, name.replace("vision_tower.vision_model.", "vision_tower."):
                       (dtype, shape, data)}, [name, "the same one"]),
            "integers": ({**source, name: ("I16", shape, data)}, [name, "I16"]),
        }
        for case, (tensors, mentions) in cases.items():
            with self.subTest(case=case):
                shutil.copytree(CHECKPOINT, self.path(case))
                path = self.path(case, "model.safetensors")
                os.remove(path)
                generate_checkpoint.write_safetensors(path, tensors)
                self.fail_with(1, "convert", case, "t.gguf", "--mmproj", "m.gguf",
                               mentions=mentions)
        shutil.copytree(CHECKPOINT, self.path("bare"))
        os.remove(self.path("bare", "preprocessor_config.json"))
        result = self.succeed("convert", "bare", "t.gguf", "--mmproj", "m.gguf")
        self.assertIn("preprocessor_config.json", result.stderr)

    def test_quantize_quantizes_the_tower_beside_the_language_model(self):
        self.succeed("quantize", "--type", "Q4_0,Q8_0", CHECKPOINT, "t-{type}.gguf", "--mmproj",
                     "m.gguf")
        self.assertEqual(["m.gguf", "t-Q4_0.gguf", "t-Q8_0.gguf"], self.listing())
        self.check_tower("m.gguf", "Q8_0")
        self.assertEqual(7, gguf_file.Reader(self.path("m.gguf")).get("general.file_type"))
        self.succeed("quantize", "--type", "Q4_0", CHECKPOINT, "alone.gguf")
        self.assert_same_files(self.path("t-Q4_0.gguf"), self.path("alone.gguf"))
        for type_name in ("F32", "F16", "BF16", "Q5_1", "Q4_0"):
            self.succeed("quantize", "--force", "--type", "F16", CHECKPOINT, "t.gguf", "--mmproj",
                         "m.gguf", "--mmproj-type", type_name)
            block = type_name.startswith("Q")
            self.check_tower("m.gguf", type_name, "F16" if block else type_name)

    def test_archives_of_checkpoints_hold_towers_too(self):
        archive = generate_checkpoint.write_archive(CHECKPOINT,
                                                    self.path("gemma3-vision.tar.zst"))
        for checkpoint, letter in ((CHECKPOINT, "f"), (archive, "a")):
            self.succeed("convert", "--layout", "ollama", checkpoint, f"{letter}-o.gguf")
            self.succeed("quantize", "--type", "Q8_0", checkpoint, f"{letter}-t.gguf", "--mmproj",
                         f"{letter}-m.gguf")
            self.succeed("repack", "--layout", "ollama", "--text", f"{letter}-t.gguf", "--vision",
                         checkpoint, f"{letter}-r.gguf")
        for kind in "otmr":
            values = [gguf_file.tensor_hashes(self.path(f"{letter}-{kind}.gguf"))
                      for letter in "fa"]
            self.assertEqual(*values)
        for name, count in (("f-m.gguf", 39), ("f-o.gguf", 119), ("f-t.gguf", 80)):
            self.assertEqual(count, len(self.verify(name, against=archive)["compared"]))
        self.fail_with(2, "quantize", "--type", "Q8_0", "f-t.gguf", "x.gguf", "--mmproj", "m.gguf",
                       mentions=["is for checkpoints"])

    def test_towers_in_ggufs_are_left_alone_unless_named(self):
        self.succeed("convert", "--outtype", "f16", CHECKPOINT, "t.gguf", "--mmproj", "m.gguf")
        self.succeed("convert", "--outtype", "f16", "--layout", "ollama", CHECKPOINT, "joined.gguf")
        before = gguf_file.tensor_hashes(self.path("joined.gguf"))
        result = self.succeed("quantize", "--type", "Q4_0", "joined.gguf", "q.gguf")
        self.assertIn("15 matrices of the vision tower", result.stderr)
        after = gguf_file.tensor_hashes(self.path("q.gguf"))
        self.assertEqual("Q4_0", after["blk.0.attn_q.weight"][0])
        for name in before:
            if name.startswith(("v.", "mm.")):
                self.assertEqual(before[name], after[name])
        # The language model's types are those it has alone.
        self.succeed("quantize", "--type", "Q4_0", "t.gguf", "alone.gguf")
        alone = gguf_file.tensor_hashes(self.path("alone.gguf"))
        self.assertEqual(alone, {name: after[name] for name in alone})
        self.succeed("quantize", "--force", "--type", "Q4_0", "--tensor-type", "v\\.blk=Q8_0",
                     "joined.gguf", "q.gguf")
        types = self.types("q.gguf")
        self.assertEqual(("Q8_0", "F16", "F16"),
                         (types["v.blk.1.attn_q.weight"], types["mm.mm_input_projection.weight"],
                          types["v.patch_embedding.weight"]))
        self.fail_with(1, "quantize", "--type", "Q8_0", "m.gguf", "left.gguf",
                       mentions=["m.gguf", "quantize nothing", "--mmproj-type Q8_0"])
        self.succeed("quantize", "--type", "Q8_0", "--tensor-type", "v\\.blk.*attn_q=Q4_0",
                     "m.gguf", "left.gguf")
        self.assertEqual(("Q4_0", "F16"), tuple(self.types("left.gguf")[f"v.blk.0.attn_{x}.weight"]
                                                for x in "qk"))
        self.succeed("quantize", "--mmproj-type", "q8_0", "m.gguf", "m-{type}.gguf")
        self.check_tower("m-Q8_0.gguf", "Q8_0")
        self.fail_with(1, "quantize", "--mmproj-type", "Q4_0", "m-Q8_0.gguf", "again.gguf",
                       mentions=["Q8_0 already", "--allow-requantize"])

    def test_verify_deep_follows_a_model_through_every_container(self):
        self.succeed("convert", "--outtype", "f16", CHECKPOINT, "t.gguf", "--mmproj", "m.gguf")
        self.succeed("convert", "--outtype", "f16", "--layout", "ollama", CHECKPOINT, "joined.gguf")
        self.succeed("quantize", "--type", "Q4_0", CHECKPOINT, "q.gguf", "--mmproj", "qm.gguf")
        for name, count, error in (("t.gguf", 80, 1e-6), ("m.gguf", 39, 1e-6),
                                   ("joined.gguf", 119, 1e-6), ("q.gguf", 80, 0.1),
                                   ("qm.gguf", 39, 0.01)):
            with self.subTest(model=name):
                result = self.verify(name)
                self.assertEqual((True, count, CHECKPOINT), (
                    result["is_valid"], len(result["compared"]), result["against"]))
                self.assertLess(result["error"]["relative_rmse"], error)
        result = self.verify("joined.gguf", "--text-only", against="t.gguf")
        self.assertEqual((39, 80), (result["num_uncompared"], len(result["compared"])))
        self.fail_with_findings("joined.gguf", ["39 tensors", "t.gguf has no vision tower",
                                                "joined.gguf", "--text-only"], against="t.gguf")
        for words in ((), ("--text-only",)):
            self.fail_with_findings("m.gguf", ["none of the 39 tensors", "m.gguf", "t.gguf"],
                                    *words, against="t.gguf")
        self.assertEqual(39, len(self.verify("m.gguf", against="joined.gguf")["compared"]))
        self.assertEqual(119, len(self.verify("joined.gguf", against="joined.gguf")["compared"]))
        self.fail_with_findings("q.gguf", ["blk.0.attn_q.weight", "relative RMSE"], "--max-error",
                                "0.001")

    def test_every_family_of_the_checkpoints_is_complete(self):
        seen = 0
        for name in sorted(os.listdir(os.path.join(harness.TESTDATA, "hf"))):
            folder = os.path.join(harness.TESTDATA, "hf", name)
            if not os.path.exists(os.path.join(folder, "config.json")):
                continue
            with self.subTest(checkpoint=name):
                self.succeed("convert", "--force", folder, "out.gguf")
                self.assertTrue(self.verify("out.gguf", against=folder)["is_valid"])
                seen += 1
        self.assertGreater(seen, 10)

    def fail_with_findings(self, name, mentions, *words, against=CHECKPOINT):
        result = self.run_tool("gguf", "verify", "--deep", "--against", against, *words, name)
        self.assertEqual(1, result.status, result)
        for mention in mentions:
            self.assertIn(mention, result.stdout)

    def test_verify_deep_compares_hyperparameters(self):
        self.succeed("convert", "--outtype", "f16", CHECKPOINT, "t.gguf", "--mmproj", "m.gguf")
        self.succeed("convert", "--outtype", "f16", "--layout", "ollama", CHECKPOINT, "joined.gguf")
        for model, key, value in (("m.gguf", "clip.vision.attention.head_count", "uint32:1"),
                                  ("m.gguf", "clip.vision.attention.layer_norm_epsilon",
                                   "float32:0.5"),
                                  ("t.gguf", "gemma3.rope.freq_base", "float32:10"),
                                  ("t.gguf", "gemma3.rope.freq_base_swa", "float32:10"),
                                  ("t.gguf", "gemma3.attention.head_count", "uint32:1"),
                                  ("joined.gguf", "gemma3.attention.layer_norm_rms_epsilon",
                                   "float32:0.5"),
                                  ("joined.gguf", "gemma3.rope.local.freq_base", "float32:10"),
                                  ("joined.gguf", "gemma3.vision.attention.head_count",
                                   "uint32:1")):
            with self.subTest(model=model, key=key):
                self.succeed("gguf", "set", model, f"{key}={value}", "-o", "changed.gguf",
                             "--force")
                number = value.split(":")[1]
                for against in (CHECKPOINT, model, "joined.gguf"):
                    self.fail_with_findings("changed.gguf", [f"key {key}: is {number}, expected"],
                                            against=against)

    def test_verify_deep_compares_embeddings_of_an_image(self):
        self.succeed("convert", "--outtype", "f16", CHECKPOINT, "t.gguf", "--mmproj", "m.gguf")
        self.succeed("convert", "--outtype", "f16", "--layout", "ollama", CHECKPOINT, "joined.gguf")
        self.succeed("quantize", "--mmproj-type", "Q4_0", "m.gguf", "q.gguf")
        for model, least, most in (("joined.gguf", 0.999999, 1.000001), ("q.gguf", 0.9, 0.9999)):
            against = "m.gguf" if model == "q.gguf" else "joined.gguf"
            image, = self.verify(model, against=against)["images"]
            self.assertEqual("built-in pattern", image["image"])
            self.assertTrue(least < image["mean_cosine"] < most, image)
        self.succeed("gguf", "set", "m.gguf", "clip.vision.image_mean=float32[]:9,9,9", "-o",
                     "mean.gguf")
        self.fail_with_findings("mean.gguf", ["clip.vision.image_mean"], against="m.gguf")
        for image in ("none.png", "m.gguf"):
            self.fail_with(1, "gguf", "verify", "--deep", "--against", "m.gguf", "--image", image,
                           "q.gguf", mentions=[image])
        self.fail_with(1, "gguf", "verify", "--deep", "--against", CHECKPOINT, "--image", "x.png",
                       "m.gguf", mentions=[CHECKPOINT, "convert --mmproj"])
        against_checkpoint = self.verify("m.gguf")
        self.assertEqual([], against_checkpoint["images"])
        self.assertIn("convert --mmproj", against_checkpoint["no_images"])

    def test_verify_deep_compares_embeddings_of_a_given_image(self):
        self.succeed("convert", "--outtype", "f16", CHECKPOINT, "t.gguf", "--mmproj", "m.gguf")
        self.succeed("quantize", "--mmproj-type", "Q4_0", "m.gguf", "q.gguf")
        photo, golden = (os.path.join(harness.TESTDATA, "images", name)
                         for name in ("photo.jpg", "golden.png"))
        cosines = []
        for path in (photo, golden):
            image, = self.verify("q.gguf", "--image", path, against="m.gguf")["images"]
            self.assertEqual(path, image["image"])
            self.assertTrue(0.9 < image["min_cosine"] <= image["mean_cosine"] < 0.9999, image)
            cosines.append(image["mean_cosine"])
        self.assertNotEqual(*cosines)
        image, = self.verify("m.gguf", "--image", photo, against="m.gguf")["images"]
        self.assertLess(abs(image["mean_cosine"] - 1), 1e-6)
        # A finding in the tensors does not keep the image from being looked at.
        self.succeed("gguf", "set", "m.gguf", "clip.vision.image_mean=float32[]:9,9,9", "-o",
                     "mean.gguf")
        self.fail_with_findings("mean.gguf", ["clip.vision.image_mean", photo], "--image", photo,
                                against="m.gguf")

    def test_verify_deep_finds_lost_and_moved_values(self):
        generate_checkpoint.generate(self.path("model"), hidden=1024, feed_forward=512, layers=1,
                                     heads=8, kv_heads=8)
        name = "blk.0.attn_q.weight"
        for kind in ("Q8_0", "Q4_0", "Q5_K", "Q2_K"):
            self.succeed("quantize", "--force", "--pure", "--type", kind, "model", "good.gguf")
            self.assertTrue(self.verify("good.gguf", against="model")["is_valid"])
            tensor = gguf_file.Reader(self.path("good.gguf")).tensors[name]
            self.assertEqual(kind, tensor.type)
            _, values, block = gguf_file.TENSOR_TYPES[gguf_file.TYPE_IDS[kind]]
            row = 1024 // values * block
            data = bytearray(tensor.data)
            fifth = bytearray(data)
            for start in range(0, len(data), 5 * block):
                fifth[start:start + block] = bytes(block)
            half = row // 2 // block * block
            cases = {"a fifth": fifth, "shifted": data[row:] + data[:row],
                     "one row": data[:7 * row] + bytes(row) + data[8 * row:],
                     "swapped": data[:row] + data[2 * row:3 * row] + data[row:2 * row] +
                     data[3 * row:],
                     "half a row": data[:7 * row + half] + bytes(row - half) + data[8 * row:]}
            for case, changed in cases.items():
                with self.subTest(kind=kind, case=case):
                    self.assertEqual(len(data), len(changed))
                    shutil.copy(self.path("good.gguf"), self.path("bad.gguf"))
                    with open(self.path("bad.gguf"), "r+b") as file:
                        file.seek(tensor.offset)
                        file.write(changed)
                    self.fail_with_findings("bad.gguf", [name, "relative RMSE", "1 fault"],
                                            against="model")

    def test_verify_deep_finds_what_broke(self):
        self.succeed("convert", "--outtype", "f16", "--layout", "ollama", CHECKPOINT, "joined.gguf")
        reader = gguf_file.Reader(self.path("joined.gguf"))
        q, k = (reader.tensors[f"v.blk.0.attn_{letter}.weight"] for letter in "qk")
        norm = reader.tensors["mm.mm_soft_emb_norm.weight"]
        for name, mentions, places in (
                ("exchanged.gguf", ["v.blk.0.attn_q.weight", "v.blk.0.attn_k.weight"],
                 [(q.offset, k.data), (k.offset, q.data)]),
                ("zero.gguf", ["mm.mm_soft_emb_norm.weight", "RMSE of 1,"],
                 [(norm.offset, bytes(len(norm.data)))])):
            shutil.copy(self.path("joined.gguf"), self.path(name))
            with open(self.path(name), "r+b") as file:
                for offset, data in places:
                    file.seek(offset)
                    file.write(data)
            self.fail_with_findings(name, mentions)
        with open(self.path("joined.gguf"), "rb") as file:
            content = file.read()
        old, new = (gguf_file.string(f"v.blk.1.layer_norm{number}.bias") for number in "13")
        with open(self.path("renamed.gguf"), "wb") as file:
            file.write(content.replace(old, new))
        result = self.run_tool("gguf", "verify", "--deep", "renamed.gguf")
        self.assertEqual(1, result.status)
        self.assertIn("'v.blk.1.layer_norm1.bias': is missing", result.stdout)
        self.assertIn("v.blk.1.layer_norm3.bias", result.stdout)
        self.fail_with(2, "gguf", "verify", "--against", CHECKPOINT, "joined.gguf",
                       mentions=["--deep"])


if __name__ == "__main__":
    harness.main()
