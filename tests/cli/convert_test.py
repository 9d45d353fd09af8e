"""The command line of `convert`."""

import json
import os
import random
import shutil
import struct

import generate_checkpoint
import gguf_file
import harness

CHECKPOINT = os.path.join(harness.TESTDATA, "hf", "llama-trained")


def e4m3(code):
    """Value of an 8-bit float with 4 exponent and 3 mantissa bits."""
    exponent, mantissa = code >> 3 & 15, code & 7
    value = (mantissa * 2.0 ** -9 if exponent == 0 else (8 + mantissa) * 2.0 ** (exponent - 10))
    return -value if code & 128 else value


def fp8_copy(folder, fields, tensors):
    """A copy of testdata/hf/llama with a quantization_config and some tensors replaced or added."""
    source = os.path.join(harness.TESTDATA, "hf", "llama")
    shutil.copytree(source, folder)
    with open(os.path.join(source, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    config["quantization_config"] = {"quant_method": "fp8", **fields}
    generate_checkpoint.write_json(os.path.join(folder, "config.json"), config)
    path = os.path.join(folder, "model.safetensors")
    generate_checkpoint.write_safetensors(path,
                                          {**generate_checkpoint.read_safetensors(path), **tensors})
    return folder


class Convert(harness.ProgramTest):

    def test_outtype_decides_type_and_file_type(self):
        for name, file_type in (("f32", 0), ("f16", 1), ("q8_0", 7), ("bf16", 32)):
            with self.subTest(type=name):
                self.succeed("convert", "--outtype", name, CHECKPOINT, f"{name}.gguf")
                reader = gguf_file.Reader(self.path(f"{name}.gguf"))
                self.assertEqual(file_type, reader.get("general.file_type"))
                self.assertEqual(name.upper(), reader.tensors["blk.0.attn_q.weight"].type)
                self.assertEqual("F32", reader.tensors["blk.0.attn_norm.weight"].type)

    def test_default_type_is_the_checkpoints(self):
        self.succeed("convert", CHECKPOINT, "out-{type}.gguf")
        self.assertEqual(["out-F16.gguf"], self.listing())
        self.succeed("convert", os.path.join(harness.TESTDATA, "hf", "llama-sharded"),
                     "out-{type}.gguf")
        self.assertEqual(["out-BF16.gguf", "out-F16.gguf"], self.listing())

    def test_default_output_is_named_after_folder_and_type(self):
        shutil.copytree(CHECKPOINT, self.path("my-model"))
        self.succeed("convert", "--outtype", "f16", "my-model")
        self.assertIn("my-model-F16.gguf", self.listing())

    def test_unknown_type_lists_the_known_ones(self):
        for name in ("f17", "i8", "Q8_K"):
            complaint = self.fail_with(2, "convert", "--outtype", name, CHECKPOINT, "out.gguf",
                                       mentions=["--outtype", name, " F16, ", " BF16"]).stderr
            self.assertNotIn(" I16", complaint)

    def test_empty_values_are_wrong_usage(self):
        for words in (["--outtype", "", CHECKPOINT], ["--lora-base", "", CHECKPOINT],
                      [CHECKPOINT, ""]):
            self.fail_with(2, "convert", *words, mentions=["empty value"])
        self.assertEqual([], self.listing())

    def test_existing_output_needs_force(self):
        with open(self.path("out.gguf"), "w", encoding="utf-8") as file:
            file.write("precious")
        self.fail_with(1, "convert", CHECKPOINT, "out.gguf", mentions=["out.gguf", "--force"])
        with open(self.path("out.gguf"), encoding="utf-8") as file:
            self.assertEqual("precious", file.read())
        self.succeed("convert", "--force", CHECKPOINT, "out.gguf")
        gguf_file.Reader(self.path("out.gguf"))
        self.assertEqual(["out.gguf"], self.listing())

    def test_dry_run_tells_the_exact_size_and_writes_nothing(self):
        for name in ("f32", "f16", "q8_0"):
            with self.subTest(type=name):
                plan = json.loads(self.succeed("convert", "--dry-run", "--json", "--outtype", name,
                                               CHECKPOINT, "out.gguf").stdout)
                self.assertEqual([], self.listing())
                self.assertTrue(plan["is_dry_run"])
                self.succeed("convert", "--outtype", name, CHECKPOINT, "out.gguf")
                self.assertEqual(os.path.getsize(self.path("out.gguf")),
                                 plan["outputs"][0]["file_bytes"])
                os.remove(self.path("out.gguf"))

    def test_json_is_one_document(self):
        result = json.loads(self.succeed("convert", "--json", "--progress", "always", "--outtype",
                                         "f16", CHECKPOINT, "out.gguf").stdout)
        self.assertEqual("convert", result["program"])
        self.assertFalse(result["is_dry_run"])
        self.assertEqual("F16", result["outputs"][0]["type"].upper())
        self.assertEqual(os.path.getsize(self.path("out.gguf")),
                         result["outputs"][0]["file_bytes"])

    def test_quiet_says_nothing(self):
        result = self.succeed("convert", "--quiet", CHECKPOINT, "out.gguf")
        self.assertEqual(("", ""), (result.stdout, result.stderr))

    def test_model_name_and_metadata_file(self):
        with open(self.path("about.json"), "w", encoding="utf-8") as file:
            json.dump({"general.author": "An Author", "general.license": "apache-2.0"}, file)
        self.succeed("convert", "--model-name", "A Name", "--metadata", "about.json", CHECKPOINT,
                     "out.gguf")
        reader = gguf_file.Reader(self.path("out.gguf"))
        self.assertEqual("A Name", reader.get("general.name"))
        self.assertEqual("An Author", reader.get("general.author"))
        self.assertEqual("apache-2.0", reader.get("general.license"))

    def test_vocab_only_has_a_vocabulary_and_no_tensors(self):
        self.succeed("convert", "--vocab-only", CHECKPOINT, "out.gguf")
        reader = gguf_file.Reader(self.path("out.gguf"))
        self.assertEqual({}, reader.tensors)
        self.assertEqual(640, len(reader.get("tokenizer.ggml.tokens")))

    def test_split_by_number_of_tensors(self):
        self.succeed("convert", "--split-max-tensors", 10, CHECKPOINT, "out.gguf")
        names = self.listing()
        self.assertGreater(len(names), 1)
        self.assertEqual([f"out-{i + 1:05}-of-{len(names):05}.gguf" for i in range(len(names))],
                         names)
        self.succeed("convert", CHECKPOINT, "whole.gguf")
        tensors = {}
        for index, name in enumerate(names):
            reader = gguf_file.Reader(self.path(name))
            self.assertEqual(index, reader.get("split.no"))
            self.assertLessEqual(len(reader.tensors), 10)
            tensors.update(gguf_file.tensor_hashes(self.path(name)))
        self.assertEqual(gguf_file.tensor_hashes(self.path("whole.gguf")), tensors)

    def test_eight_bit_floats_are_multiplied_by_their_scales(self):
        # The FP8 layouts in use: blocks, one scale per row, one for all. Codes are drawn at random.
        layouts = (
            ("weight_scale_inv", [2, 2], (128, 128), {"weight_block_size": [128, 128]}),
            ("weight_scale", [256, 1], (1, 256), {}),
            ("weight_scale", [], (256, 256), {}),
        )
        generator = random.Random(1)
        for suffix, grid, (rows, columns), fields in layouts:
            with self.subTest(scale=suffix, shape=grid):
                name = "model.layers.0.mlp.down_proj"
                codes = bytes(code & 0xFE for code in generator.randbytes(256 * 256))  # no NaN
                num_scales = grid[0] * grid[1] if grid else 1
                scales = [generator.uniform(0.001, 0.1) for _ in range(num_scales)]
                scales = struct.unpack(f"<{num_scales}f", struct.pack(f"<{num_scales}f", *scales))
                checkpoint = fp8_copy(self.path("fp8"), fields, {
                    name + ".weight": ("F8_E4M3", [256, 256], codes),
                    f"{name}.{suffix}": ("F32", grid, struct.pack(f"<{num_scales}f", *scales)),
                    name + ".input_scale": ("F32", [], struct.pack("<f", 1.0)),
                })
                self.succeed("convert", "--force", "--outtype", "f32", checkpoint, "out.gguf")
                tensor = gguf_file.Reader(self.path("out.gguf")).tensors["blk.0.ffn_down.weight"]
                values = struct.unpack(f"<{256 * 256}f", tensor.data)
                per_row = 256 // columns
                expected = [e4m3(code) * scales[i // 256 // rows * per_row + i % 256 // columns]
                            for i, code in enumerate(codes)]
                expected = struct.unpack(f"<{256 * 256}f", struct.pack(f"<{256 * 256}f", *expected))
                self.assertTrue(values == expected, "a value is not its code times its scale")
                # What is not scaled decides the default type; quantizing needs no detour.
                self.succeed("convert", "--force", checkpoint, "out-{type}.gguf")
                self.assertIn("out-F16.gguf", self.listing())
                self.succeed("quantize", "--force", "--type", "Q4_K_M", checkpoint, "out.gguf")
                shutil.rmtree(checkpoint)

    def test_other_quantized_checkpoints_are_refused_by_name(self):
        for method in ("compressed-tensors", "gptq", "awq", "bitnet", "bitsandbytes"):
            with self.subTest(method=method):
                checkpoint = fp8_copy(self.path(method), {"quant_method": method}, {})
                for program in ("convert", "quantize"):
                    words = ("--type", "Q8_0") if program == "quantize" else ()
                    self.fail_with(1, program, *words, checkpoint, "out.gguf",
                                   mentions=[method, "config.json", "made from"])
                self.assertNotIn("out.gguf", self.listing())

    def test_pickled_weights_are_refused_with_the_way_out(self):
        shutil.copytree(CHECKPOINT, self.path("pickled"))
        os.rename(self.path("pickled", "model.safetensors"),
                  self.path("pickled", "pytorch_model.bin"))
        self.fail_with(1, "convert", "pickled", "out.gguf",
                       mentions=["pytorch_model.bin", "save_pretrained", "safetensors"])

    def test_lora_adapter(self):
        base = os.path.join(harness.TESTDATA, "hf", "llama")
        generator = random.Random(2)
        rank = 3
        shapes = {"model.layers.1.self_attn.q_proj": (256, 256), "model.layers.0.mlp.up_proj":
                  (256, 256), "model.layers.0.self_attn.v_proj": (64, 256)}
        tensors, expected = {}, {}
        for name, (rows, columns) in shapes.items():
            a = generate_checkpoint.random_floats(generator, rank * columns)
            b = generate_checkpoint.random_floats(generator, rows * rank)
            tensors[f"base_model.model.{name}.lora_B.weight"] = ("F32", [rows, rank], b)
            tensors[f"base_model.model.{name}.lora_A.weight"] = ("F32", [rank, columns], a)
            layer, kind = name.split(".")[2], name.split(".")[4]
            target = f"blk.{layer}." + {"q_proj": "attn_q", "up_proj": "ffn_up",
                                        "v_proj": "attn_v"}[kind] + ".weight"
            expected[target + ".lora_a"] = ([columns, rank], a)
            if kind == "q_proj":  # rows as the converted model has them: 8 heads of 2 halves of 16
                order = [head * 32 + side * 16 + index for head in range(8) for index in range(16)
                         for side in range(2)]
                b = b"".join(b[row * rank * 4:(row + 1) * rank * 4] for row in order)
            expected[target + ".lora_b"] = ([rank, rows], b)
        # Embeddings adapt the transpose: A becomes [vocabulary, rank].
        a = generate_checkpoint.random_floats(generator, rank * 640)
        b = generate_checkpoint.random_floats(generator, 256 * rank)
        tensors["base_model.model.model.embed_tokens.lora_embedding_A"] = ("F32", [rank, 640], a)
        tensors["base_model.model.model.embed_tokens.lora_embedding_B"] = ("F32", [256, rank], b)
        expected["token_embd.weight.lora_a"] = (
            [rank, 640], b"".join(a[(row * 640 + column) * 4:][:4] for column in range(640)
                                  for row in range(rank)))
        expected["token_embd.weight.lora_b"] = ([rank, 256], b)
        adapter = generate_checkpoint.write_adapter(self.path("my-adapter"), tensors, lora_alpha=8)

        self.succeed("convert", "--lora-base", base, "my-adapter", "out.gguf")
        reader = gguf_file.Reader(self.path("out.gguf"))
        for key, value in {"general.architecture": "llama", "general.type": "adapter",
                           "general.name": "My Adapter", "adapter.type": "lora",
                           "adapter.lora.alpha": 8.0, "general.file_type": 0}.items():
            self.assertEqual(value, reader.get(key), key)
        self.assertNotIn("tokenizer.ggml.model", reader.values)
        self.assertEqual(set(expected), set(reader.tensors))
        for name, (dims, data) in expected.items():
            with self.subTest(tensor=name):
                tensor = reader.tensors[name]
                self.assertEqual(("F32", dims), (tensor.type, tensor.dims))
                self.assertTrue(data == tensor.data, "values differ")
        # config.json is all that is needed of the base model.
        os.mkdir(self.path("base"))
        shutil.copy(os.path.join(base, "config.json"), self.path("base"))
        self.succeed("convert", "--outtype", "f16", "--lora-base", "base", adapter, "half.gguf")
        half = gguf_file.Reader(self.path("half.gguf"))
        self.assertEqual({"F16"}, {tensor.type for tensor in half.tensors.values()})
        # Rank-stabilized: the scale is alpha / sqrt(rank), and runtimes divide by the rank.
        generate_checkpoint.write_adapter(adapter, tensors, lora_alpha=8, use_rslora=True)
        self.succeed("convert", "--force", "--lora-base", base, adapter, "out.gguf")
        self.assertAlmostEqual(8 * 3 ** 0.5, gguf_file.Reader(
            self.path("out.gguf")).get("adapter.lora.alpha"), places=5)

    def test_lora_adapters_that_a_gguf_cannot_hold(self):
        base = os.path.join(harness.TESTDATA, "hf", "llama")
        prefix = "base_model.model.model.layers.0.self_attn.q_proj"
        def tensors(rows=256, b_rank=2, module=prefix, last=".lora_B.weight"):
            return {module + ".lora_A.weight": ("F32", [2, 256], bytes(2 * 256 * 4)),
                    module + last: ("F32", [rows, b_rank], bytes(rows * b_rank * 4))}
        cases = (
            ({}, tensors(rows=128), ["q_proj", "[128, 256]", "config.json"]),
            ({}, tensors(b_rank=3), ["[2, 256]", "[256, 3]"]),
            ({}, tensors(module="base_model.model.other"), ["other", "unknown"]),
            ({}, tensors(last=".magnitude"), ["magnitude", "merge"]),
            ({}, dict(list(tensors().items())[:1]), ["has a and not b"]),
            ({}, {**tensors(), **tensors(module=prefix.removeprefix("base_model.model."))},
             ["same matrix"]),
            ({}, {}, ["holds no tensors"]),
            ({"use_dora": True}, tensors(), ["use_dora", "merge"]),
            ({"bias": "all"}, tensors(), ["bias"]),
            ({"modules_to_save": ["lm_head"]}, tensors(), ["modules_to_save", "merge"]),
            ({"alpha_pattern": {"q_proj": 3}}, tensors(), ["alpha_pattern"]),
            ({"peft_type": "LOHA"}, tensors(), ["LOHA"]),
            ({"init_lora_weights": "pissa_niter_4"}, tensors(), ["pissa"]),
            ({"lora_alpha": 0}, tensors(), ["lora_alpha"]),
            ({"lora_alpha": "many"}, tensors(), ["lora_alpha", "many"]),
        )
        for fields, content, mentions in cases:
            with self.subTest(mentions=mentions):
                adapter = generate_checkpoint.write_adapter(self.path("adapter"), content, **fields)
                self.fail_with(1, "convert", "--lora-base", base, adapter, "out.gguf",
                               mentions=mentions)
        self.fail_with(1, "convert", adapter, "out.gguf", mentions=["--lora-base"])
        self.fail_with(1, "convert", "--lora-base", adapter, adapter, "out.gguf",
                       mentions=["--lora-base"])
        self.fail_with(1, "convert", "--lora-base", base, base, "out.gguf",
                       mentions=["adapter_config.json"])
        tied = os.path.join(harness.TESTDATA, "hf", "llama-trained")
        content = {"base_model.model.lm_head.lora_A.weight": ("F32", [1, 256], bytes(1024)),
                   "base_model.model.lm_head.lora_B.weight": ("F32", [640, 1], bytes(2560))}
        generate_checkpoint.write_adapter(adapter, content)
        self.fail_with(1, "convert", "--lora-base", tied, adapter, "out.gguf",
                       mentions=["lm_head", "tie_word_embeddings"])
        os.rename(os.path.join(adapter, "adapter_model.safetensors"),
                  os.path.join(adapter, "adapter_model.bin"))
        self.fail_with(1, "convert", "--lora-base", base, adapter, "out.gguf",
                       mentions=["adapter_model.bin", "save_pretrained"])
        self.assertNotIn("out.gguf", self.listing())

    def test_model_card_is_read_and_overridden(self):
        shutil.copytree(CHECKPOINT, self.path("carded"))
        with open(self.path("carded", "README.md"), "w", encoding="utf-8") as file:
            file.write("---\nlicense: mit\nlanguage:\n- en\n- no\ntags: [chat, 'a tag']\n"
                       "base_model: some-org/tiny-model\ndatasets:\n- org/words\n---\n# Model\n")
        with open(self.path("about.json"), "w", encoding="utf-8") as file:
            json.dump({"general.license": "apache-2.0"}, file)
        self.succeed("convert", "--metadata", "about.json", "carded", "out.gguf")
        reader = gguf_file.Reader(self.path("out.gguf"))
        self.assertEqual("apache-2.0", reader.get("general.license"))
        self.assertEqual(["en", "no"], reader.get("general.languages"))
        self.assertEqual(["chat", "a tag"], reader.get("general.tags"))
        self.assertEqual("Tiny Model", reader.get("general.base_model.0.name"))
        self.assertEqual("https://huggingface.co/some-org/tiny-model",
                         reader.get("general.base_model.0.repo_url"))
        self.assertEqual(1, reader.get("general.dataset.count"))

    def test_lists_supported_models_without_a_checkpoint(self):
        self.assertIn("LlamaForCausalLM",
                      self.succeed("convert", "--print-supported-models").stdout)


if __name__ == "__main__":
    harness.main()
