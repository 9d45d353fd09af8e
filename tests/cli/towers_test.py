"""Vision towers other than Gemma 3's: converted, quantized and verified, or refused by the key that
a projector file cannot express."""

import json
import os
import shutil

import generate_checkpoint
import gguf_file
import harness

HF = os.path.join(harness.TESTDATA, "hf")
FOLDERS = ("qwen2-vl", "qwen2vl", "llava")
EMBEDDINGS = ("v.patch_embd.weight", "v.patch_embd.weight.1", "v.position_embd.weight")


class Towers(harness.ProgramTest):

    def edited(self, folder, name, change):
        """A copy of a checkpoint in which `change` was called with config.json's object."""
        copy = self.path(name)
        shutil.copytree(os.path.join(HF, folder), copy)
        path = os.path.join(copy, "config.json")
        with open(path, encoding="utf-8") as file:
            config = json.load(file)
        change(config)
        os.remove(path)
        generate_checkpoint.write_json(path, config)
        return copy

    def tower(self, checkpoint, *words):
        self.succeed("convert", "--force", checkpoint, "t.gguf", "--mmproj", "m.gguf", *words)
        return gguf_file.Reader(self.path("m.gguf"))

    def test_matrices_are_quantized_and_the_rest_is_not(self):
        for folder in FOLDERS:
            with self.subTest(checkpoint=folder):
                checkpoint = os.path.join(HF, folder)
                self.succeed("quantize", "--force", "--type", "Q8_0", checkpoint, "t.gguf",
                             "--mmproj", "joint.gguf")
                reader = gguf_file.Reader(self.path("joint.gguf"))
                quantized = 0
                for name, tensor in reader.tensors.items():
                    is_matrix = name.startswith("v.blk.") and len(tensor.dims) == 2
                    is_projector = name.startswith("mm.") and name.endswith(".weight")
                    expected = "Q8_0" if is_matrix else "F16" if is_projector else "F32"
                    self.assertEqual(expected, tensor.type, name)
                    quantized += is_matrix
                self.assertGreater(quantized, 5)
                self.assertEqual(7, reader.get("general.file_type"))
                # By itself a projector file gives the same bits.
                self.tower(checkpoint, "--outtype", "f32")
                self.succeed("quantize", "--force", "--mmproj-type", "q8_0", "m.gguf", "alone.gguf")
                self.assertEqual(gguf_file.tensor_hashes(self.path("joint.gguf")),
                                 gguf_file.tensor_hashes(self.path("alone.gguf")))
                for against in (checkpoint, "m.gguf"):
                    result = json.loads(self.succeed("gguf", "verify", "--deep", "--json",
                                                     "--against", against, "joint.gguf").stdout)
                    self.assertEqual((True, len(reader.tensors)),
                                     (result["is_valid"], len(result["compared"])))
                    self.assertLess(0, result["error"]["relative_rmse"])

    def test_types_of_embeddings_follow_the_file(self):
        for folder in FOLDERS:
            for outtype, expected in (("f32", "F32"), ("f16", "F16"), ("bf16", "F32")):
                types = self.tower(os.path.join(HF, folder), "--outtype", outtype).tensors
                for name in set(EMBEDDINGS) & set(types):
                    is_patch = "patch" in name
                    self.assertEqual(expected if is_patch else "F32", types[name].type, name)

    def test_every_bit_of_the_checkpoint_is_there(self):
        # The parts of fused tensors, put together again.
        for folder in ("qwen2-vl", "qwen2vl"):
            source = generate_checkpoint.read_safetensors(
                os.path.join(HF, folder, "model.safetensors"))
            found = self.tower(os.path.join(HF, folder), "--outtype", "bf16").tensors
            fused = source["visual.blocks.0.attn.qkv.weight"][2]
            parts = [found[f"v.blk.0.attn_{letter}.weight"].data for letter in "qkv"]
            self.assertEqual(fused, b"".join(parts))
            _, (width, channels, frames, side, _), data = source["visual.patch_embed.proj.weight"]
            size = side * side
            for frame, name in enumerate(EMBEDDINGS[:2]):
                expected = b"".join(
                    b"\0\0" + data[2 * i:2 * i + 2]
                    for row in range(width * channels)
                    for i in range((row * frames + frame) * size, (row * frames + frame + 1) * size))
                self.assertEqual(expected, found[name].data)

    def test_llava_takes_the_blocks_up_to_the_chosen_one(self):
        for layer, blocks in ((None, 2), (-2, 2), (-1, 3), (1, 1), (3, 3)):
            def change(config, layer=layer):
                config["vision_feature_layer"] = layer
            reader = self.tower(self.edited("llava", f"layer{layer}", change))
            self.assertEqual((blocks, [blocks]), (reader.get("clip.vision.block_count"),
                                                  reader.get("clip.vision.feature_layer")))
            self.assertEqual({f"v.blk.{i}.ln1.bias" for i in range(blocks)},
                             {name for name in reader.tensors if name.endswith("ln1.bias")})
            self.assertNotIn("v.post_ln.weight", reader.tensors)

    def test_what_a_projector_file_cannot_say_is_refused(self):
        cases = (
            ("llava", ["vision_feature_layer"], 0), ("llava", ["vision_feature_layer"], 4),
            ("llava", ["vision_feature_layer"], -5), ("llava", ["vision_feature_layer"], [-2, -1]),
            ("llava", ["vision_feature_layer"], 1.5),
            ("llava", ["vision_feature_select_strategy"], "full"),
            ("llava", ["projector_hidden_act"], "relu"),
            ("llava", ["vision_config", "hidden_act"], "gelu"),
            ("llava", ["vision_config", "model_type"], "pixtral"),
            ("llava", ["vision_config", "image_size"], 57),
            ("llava", ["text_config", "model_type"], "qwen2"),
            ("qwen2-vl", ["vision_config", "spatial_merge_size"], 3),
            ("qwen2-vl", ["vision_config", "temporal_patch_size"], 1),
            ("qwen2-vl", ["vision_config", "mlp_ratio"], 2.5),
            ("qwen2-vl", ["vision_config", "mlp_ratio"], 0),
            ("qwen2-vl", ["vision_config", "depth"], 4294967295),
            ("qwen2vl", ["vision_config", "hidden_act"], "gelu"),
            ("qwen2vl", ["vision_config", "fullatt_block_indexes"], [1]),
            ("qwen2vl", ["vision_config", "fullatt_block_indexes"], []),
            ("qwen2vl", ["vision_config", "fullatt_block_indexes"], "all"),
        )
        words = {"image_size": "57 pixels", "depth": "4294967295 blocks"}
        for number, (folder, keys, value) in enumerate(cases):
            with self.subTest(folder=folder, keys=keys, value=value):
                def change(config, keys=keys, value=value):
                    for key in keys[:-1]:
                        config = config[key]
                    config[keys[-1]] = value
                checkpoint = self.edited(folder, f"case{number}", change)
                self.fail_with(1, "convert", checkpoint, "t.gguf", "--mmproj", "m.gguf",
                               mentions=["config.json", words.get(keys[-1], keys[-1])])
        self.assertNotIn("m.gguf", self.listing())

    def test_missing_and_misshapen_tensors_are_named(self):
        source = generate_checkpoint.read_safetensors(
            os.path.join(HF, "qwen2-vl", "model.safetensors"))
        name = "visual.blocks.1.attn.qkv.bias"
        dtype, shape, data = source[name]
        less = {key: value for key, value in source.items() if key != name}
        third = {**source, name: (dtype, [shape[0] // 3], data[:len(data) // 3])}
        for case, tensors, mentions in (("missing", less, [name, "missing"]),
                                        ("third", third, [name, "[96]"])):
            shutil.copytree(os.path.join(HF, "qwen2-vl"), self.path(case))
            generate_checkpoint.write_safetensors(self.path(case, "model.safetensors"), tensors)
            self.fail_with(1, "convert", case, "t.gguf", "--mmproj", "m.gguf", mentions=mentions)

    def test_archives_give_the_same(self):
        for folder in FOLDERS:
            archive = generate_checkpoint.write_archive(os.path.join(HF, folder),
                                                        self.path(f"{folder}.tar.zst"))
            self.tower(os.path.join(HF, folder), "--outtype", "bf16")
            expected = gguf_file.tensor_hashes(self.path("m.gguf"))
            self.tower(archive, "--outtype", "bf16")
            self.assertEqual(expected, gguf_file.tensor_hashes(self.path("m.gguf")))

    def test_a_window_of_another_size_is_warned_of(self):
        result = self.succeed("convert", os.path.join(HF, "qwen2vl"), "t.gguf", "--mmproj",
                              "m.gguf")
        self.assertIn("vision_config.window_size is 8", result.stderr)
        self.assertEqual(1, result.stderr.count("warning"))


if __name__ == "__main__":
    harness.main()
