"""The command line of `quantize`."""

import json
import os
import re
import shutil
import subprocess

import gguf_file
import harness

CHECKPOINT = os.path.join(harness.TESTDATA, "hf", "llama-trained")
FOLDER_NAME = "my-model"


class Quantize(harness.ProgramTest):

    def setUp(self):
        super().setUp()
        self.succeed("convert", "--outtype", "f16", CHECKPOINT, "in.gguf")

    def outputs(self):
        return [name for name in self.listing() if name != "in.gguf"]

    def test_misspelt_type_lists_the_names(self):
        for name in ("Q5_K_N", "Q9_0", "", "5_K_M", "999"):
            with self.subTest(type=name):
                self.fail_with(2, "quantize", "--type", name, "in.gguf", "out.gguf",
                               mentions=["Q4_0", "Q5_K_M", "Q6_K", "IQ4_XS"])
                self.assertEqual([], self.outputs())

    def test_types_go_by_name_alias_and_number_in_any_case(self):
        for name in ("q5_k_m", "Q5_K", "17"):
            self.succeed("quantize", "--force", "--type", name, "in.gguf", f"{name}.gguf")
        self.assert_same_files(self.path("q5_k_m.gguf"), self.path("Q5_K.gguf"))
        self.assert_same_files(self.path("q5_k_m.gguf"), self.path("17.gguf"))
        reader = gguf_file.Reader(self.path("17.gguf"))
        self.assertEqual(17, reader.get("general.file_type"))
        self.assertEqual(2, reader.get("general.quantization_version"))

    def test_positional_form(self):
        self.succeed("quantize", "--type", "Q4_K_M", "in.gguf", "named.gguf")
        self.succeed("quantize", "in.gguf", "positional.gguf", "Q4_K_M", "2")
        self.assert_same_files(self.path("named.gguf"), self.path("positional.gguf"))
        self.succeed("quantize", "--force", "in.gguf", "positional.gguf", "q4_k_m")
        self.assert_same_files(self.path("named.gguf"), self.path("positional.gguf"))
        self.succeed("quantize", "in.gguf", "Q4_K_M")
        self.assert_same_files(self.path("named.gguf"), self.path("in-Q4_K_M.gguf"))

    def test_positional_form_with_a_misspelt_type(self):
        self.fail_with(2, "quantize", "in.gguf", "out.gguf", "Q4_K_X", mentions=["Q4_K_M"])
        self.assertEqual([], self.outputs())

    def test_default_output_is_named_after_input_and_type(self):
        self.succeed("quantize", "--type", "q8_0", "in.gguf")
        self.assertEqual(["in-Q8_0.gguf"], self.outputs())

    def test_default_output_of_a_folder(self):
        shutil.copytree(CHECKPOINT, self.path(FOLDER_NAME))
        for spelling in (FOLDER_NAME, FOLDER_NAME + "/"):
            with self.subTest(folder=spelling):
                self.succeed("quantize", "--force", "--type", "q8_0", spelling)
                self.assertIn(FOLDER_NAME + "-Q8_0.gguf", self.listing())
                os.remove(self.path(FOLDER_NAME + "-Q8_0.gguf"))

    def test_several_types_fill_in_the_name(self):
        self.succeed("quantize", "--type", "Q4_0,q8_0", "in.gguf", "out-{type}.gguf")
        self.assertEqual(["out-Q4_0.gguf", "out-Q8_0.gguf"], self.outputs())
        for name in ("Q4_0", "Q8_0"):
            self.succeed("quantize", "--type", name, "in.gguf", f"single-{name}.gguf")
            self.assert_same_files(self.path(f"single-{name}.gguf"), self.path(f"out-{name}.gguf"))

    def test_several_types_need_a_name_with_type(self):
        result = self.run_tool("quantize", "--type", "Q4_0,Q8_0", "in.gguf", "out.gguf")
        self.assertIn(result.status, (1, 2))
        self.assertIn("{type}", result.stderr)
        self.assertEqual([], self.outputs())

    def test_existing_output_needs_force(self):
        with open(self.path("out.gguf"), "w", encoding="utf-8") as file:
            file.write("precious")
        self.fail_with(1, "quantize", "--type", "Q8_0", "in.gguf", "out.gguf",
                       mentions=["out.gguf", "--force"])
        with open(self.path("out.gguf"), encoding="utf-8") as file:
            self.assertEqual("precious", file.read())
        self.succeed("quantize", "--force", "--type", "Q8_0", "in.gguf", "out.gguf")
        self.assertIn("token_embd.weight", gguf_file.Reader(self.path("out.gguf")).tensors)

    def test_one_existing_output_of_several_stops_all(self):
        with open(self.path("out-Q8_0.gguf"), "w", encoding="utf-8") as file:
            file.write("precious")
        self.fail_with(1, "quantize", "--type", "Q4_0,Q8_0", "in.gguf", "out-{type}.gguf",
                       mentions=["out-Q8_0.gguf", "--force"])
        self.assertEqual(["out-Q8_0.gguf"], self.outputs())

    def test_input_is_never_replaced(self):
        before = gguf_file.tensor_hashes(self.path("in.gguf"))
        os.symlink("in.gguf", self.path("symbolic.gguf"))
        os.link(self.path("in.gguf"), self.path("hard.gguf"))
        for output in ("in.gguf", "./in.gguf", "symbolic.gguf", "hard.gguf"):
            with self.subTest(output=output):
                self.fail_with(1, "quantize", "--force", "--type", "Q8_0", "in.gguf", output,
                               mentions=["input"])
        self.assertEqual(before, gguf_file.tensor_hashes(self.path("in.gguf")))
        self.assertEqual(["hard.gguf", "symbolic.gguf"], self.outputs())

    def test_dry_run_tells_the_exact_size_and_writes_nothing(self):
        for name in ("Q4_0", "Q5_K_M", "Q2_K", "F16"):
            with self.subTest(type=name):
                plan = json.loads(self.succeed("quantize", "--dry-run", "--json", "--type", name,
                                               "in.gguf", "out.gguf").stdout)
                self.assertEqual([], self.outputs())
                self.assertTrue(plan["is_dry_run"])
                self.succeed("quantize", "--type", name, "in.gguf", "out.gguf")
                self.assertEqual(os.path.getsize(self.path("out.gguf")),
                                 plan["outputs"][0]["file_bytes"])
                os.remove(self.path("out.gguf"))

    def test_dry_run_in_words(self):
        said = self.succeed("quantize", "--dry-run", "--type", "Q5_K_M", "in.gguf").stdout
        self.assertIn("Q5_K_M", said)
        self.assertEqual([], self.outputs())

    def test_json_is_one_document(self):
        result = self.succeed("quantize", "--json", "--progress", "always", "--verify", "--type",
                              "Q4_0,Q8_0", "in.gguf", "out-{type}.gguf")
        document = json.loads(result.stdout)
        self.assertEqual("quantize", document["program"])
        self.assertTrue(document["is_verified"])
        self.assertEqual(["Q4_0", "Q8_0"], [output["type"] for output in document["outputs"]])
        for output in document["outputs"]:
            path = self.path(f"out-{output['type']}.gguf")
            self.assertEqual(os.path.getsize(path), output["file_bytes"])
            self.assertEqual(set(gguf_file.Reader(path).tensors),
                             {tensor["name"] for tensor in output["tensors"]})
        rough, fine = (output["error"]["relative_rmse"] for output in document["outputs"])
        # Uniform steps of 2 / 15 and 2 / 255 of a block's largest value bound both errors.
        self.assertTrue(0 < fine < 0.01 < rough < 0.13, (fine, rough))

    def test_quiet_says_nothing(self):
        result = self.succeed("quantize", "--quiet", "--type", "Q8_0", "in.gguf", "out.gguf")
        self.assertEqual(("", ""), (result.stdout, result.stderr))

    def test_report_by_ending(self):
        for ending, start in (("json", "{"), ("md", "#"), ("html", "<!")):
            with self.subTest(ending=ending):
                self.succeed("quantize", "--force", "--report", f"report.{ending}", "--type",
                             "Q8_0", "in.gguf", "out.gguf")
                with open(self.path(f"report.{ending}"), encoding="utf-8") as file:
                    self.assertTrue(file.read().lstrip().startswith(start))

    def test_quantized_source_needs_permission(self):
        self.succeed("quantize", "--type", "Q8_0", "in.gguf", "q8.gguf")
        self.fail_with(1, "quantize", "--type", "Q4_0", "q8.gguf", "out.gguf",
                       mentions=["--allow-requantize"])
        self.assertNotIn("out.gguf", self.listing())
        self.succeed("quantize", "--allow-requantize", "--type", "Q4_0", "q8.gguf", "out.gguf")
        self.succeed("gguf", "verify", "out.gguf")

    def test_requantizing_warns_of_what_is_lost(self):
        self.succeed("quantize", "--type", "Q4_K_M", "in.gguf", "q4.gguf")
        types = [tensor.type for tensor in gguf_file.Reader(self.path("q4.gguf")).tensors.values()]
        counts = f"({types.count('Q4_K')} Q4_K, {types.count('Q6_K')} Q6_K)"
        for name, loss in (("Q5_0", "adds its own error"), ("F16", "keep that quantization's")):
            with self.subTest(type=name):
                said = self.succeed("quantize", "--allow-requantize", "--pure", "--type", name,
                                    "q4.gguf", f"{name}.gguf").stderr.splitlines()
                self.assertEqual(1, len(said), said)
                self.assertRegex(said[0], r"^warning: --allow-requantize: \d+ of \d+ tensors are ")
                for words in (counts, loss, "start from the F16 or BF16 model"):
                    self.assertIn(words, said[0])
        # Decoding and encoding in two runs is the same as in one.
        self.succeed("quantize", "--allow-requantize", "--type", "F32", "q4.gguf", "f32.gguf")
        self.succeed("quantize", "--pure", "--type", "Q5_0", "f32.gguf", "Q5_0-by-f32.gguf")
        self.assertEqual(gguf_file.tensor_hashes(self.path("Q5_0-by-f32.gguf")),
                         gguf_file.tensor_hashes(self.path("Q5_0.gguf")))
        # Nothing is lost where nothing changes, or without quantized tensors.
        for words in (["--type", "COPY", "q4.gguf"], ["--type", "Q5_0", "in.gguf"]):
            self.assertEqual("", self.succeed("quantize", "--allow-requantize", "--force", *words,
                                              "out.gguf").stderr)

    def test_every_quantized_file_can_be_quantized_again(self):
        for name in ("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K_S", "Q4_K_S", "Q5_K_S",
                     "Q6_K", "IQ4_NL", "IQ4_XS", "IQ3_S", "TQ1_0", "TQ2_0", "MXFP4", "NVFP4",
                     "Q1_0", "Q2_0"):
            with self.subTest(type=name):
                self.succeed("quantize", "--force", "--pure", "--type", name, "in.gguf",
                             "once.gguf")
                target = "Q4_K_S" if name != "Q4_K_S" else "Q3_K_S"
                self.fail_with(1, "quantize", "--pure", "--type", target, "once.gguf", "out.gguf",
                               mentions=["--allow-requantize"])
                self.succeed("quantize", "--force", "--pure", "--allow-requantize", "--type",
                             target, "once.gguf", "twice.gguf")
                self.succeed("gguf", "verify", "twice.gguf")

    def test_short_rows_get_a_fallback_type_and_are_counted(self):
        short, short_down, norm = "blk.0.ffn_up.weight", "blk.1.ffn_down.weight", "norm.weight"
        gguf_file.model({"token_embd.weight": [256, 8], "output.weight": [256, 8], short: [32, 8],
                         short_down: [32, 4], norm: [32]}).write(self.path("short.gguf"))
        for name, fallback in (
                ("Q2_K", "Q4_0"), ("Q3_K_M", "Q4_0"), ("Q4_K_S", "Q5_0"), ("Q5_K_S", "Q5_1"),
                ("Q6_K", "Q8_0"), ("IQ2_XS", "IQ4_NL"), ("IQ3_S", "IQ4_NL"), ("IQ4_XS", "IQ4_NL"),
                ("TQ1_0", "Q4_0"), ("TQ2_0", "Q4_0"), ("Q2_0", "Q4_0"), ("Q1_0", "F16"),
                ("NVFP4", "F16")):
            for pure in ([], ["--pure"]):
                with self.subTest(type=name, pure=pure):
                    result = self.succeed("quantize", "--force", "--type", name, *pure, "--json",
                                          "--output-tensor-type", "q8_0", "--token-embedding-type",
                                          "q8_0", "short.gguf", "out.gguf")
                    self.assertEqual(
                        f"warning: 2 of 5 tensors have rows that the blocks of {name} do not "
                        "divide and get a fallback type (--verbose lists them)\n", result.stderr)
                    output = json.loads(result.stdout)["outputs"][0]
                    self.assertEqual(2, output["num_fallbacks"])
                    self.assertEqual({short, short_down},
                                     {tensor["name"] for tensor in output["tensors"]
                                      if tensor["is_fallback"]})
                    found = {key: tensor.type for key, tensor in
                             gguf_file.Reader(self.path("out.gguf")).tensors.items()}
                    # Q3_K_M would give this one more bits, and so does its fallback.
                    is_mixed = name == "Q3_K_M" and not pure
                    self.assertEqual(fallback, found[short])
                    self.assertEqual("Q5_0" if is_mixed else fallback, found[short_down])
                    self.assertEqual("F32", found[norm])
                    self.succeed("gguf", "verify", "out.gguf")

    def test_dry_run_of_a_tensor_of_two_gigavalues(self):
        # 2^31 values, 4 GiB of F16 that are one hole in the file.
        builder = gguf_file.Builder()
        builder.tensors, builder.data = [], b""
        builder.add_tensor("blk.0.ffn_up.weight", [1 << 15, 1 << 16], "F16", b"")
        builder.write(self.path("large.gguf"))
        os.truncate(self.path("large.gguf"), os.path.getsize(self.path("large.gguf")) + (4 << 30))
        if os.stat(self.path("large.gguf")).st_blocks * 512 > 1 << 20:
            self.skipTest("the temporary folder keeps no sparse files")
        for name, bits in (("Q4_0", 4.5), ("Q5_K_S", 5.5), ("Q8_0", 8.5), ("F32", 32)):
            with self.subTest(type=name):
                plan = json.loads(self.succeed("quantize", "--dry-run", "--json", "--type", name,
                                               "large.gguf", "out.gguf").stdout)["outputs"][0]
                self.assertEqual(1 << 31, plan["num_values"])
                self.assertEqual(4 << 30, plan["source_bytes"])
                self.assertEqual(int(bits * (1 << 28)), plan["tensor_bytes"])
                self.assertTrue(0 < plan["file_bytes"] - plan["tensor_bytes"] < 1024, plan)
        self.assertNotIn("out.gguf", self.listing())

    def test_copy_keeps_every_byte_of_every_tensor(self):
        self.succeed("quantize", "--type", "Q5_K_M", "in.gguf", "q5.gguf")
        self.succeed("quantize", "--type", "COPY", "q5.gguf", "copy.gguf")
        self.assertEqual(gguf_file.tensor_hashes(self.path("q5.gguf")),
                         gguf_file.tensor_hashes(self.path("copy.gguf")))

    def test_copy_refuses_what_it_does_not_do(self):
        gguf_file.importance({"blk.0.ffn_up.weight": ([1.0] * 256, [1])}).write(self.path("im.gguf"))
        with open(self.path("types.txt"), "w", encoding="utf-8") as file:
            file.write("ffn_down=q8_0")
        before = self.listing()
        for words in (["--tensor-type", "ffn_down=q8_0"], ["--tensor-type-file", "types.txt"],
                      ["--output-tensor-type", "q8_0"], ["--token-embedding-type", "q8_0"],
                      ["--pure"], ["--effort", "max"], ["--imatrix", "im.gguf"]):
            for types in (["--type", "copy"], []):
                with self.subTest(words=words, types=types):
                    last = [] if types else ["COPY"]
                    self.fail_with(2, "quantize", *types, *words, "in.gguf", "out.gguf", *last,
                                   mentions=[words[0] + " has no effect with COPY"])
                    self.assertEqual(before, self.listing())
        # What it does, or does by itself, may be asked for.
        self.succeed("quantize", "--type", "COPY", "--leave-output-tensor", "--allow-requantize",
                     "--prune-layers", "0", "--override-kv", "general.name=str:Copy",
                     "--split-max-tensors", "5", "in.gguf", "cut.gguf")
        shards = [name for name in self.listing() if name.startswith("cut-")]
        self.assertEqual(3, len(shards))
        reader = gguf_file.Reader(self.path(shards[0]))
        self.assertEqual("Copy", reader.get("general.name"))
        self.assertEqual(1, reader.get("llama.block_count"))
        # Beside another type the options are for that one.
        self.succeed("quantize", "--type", "COPY,Q4_K_M", "--effort", "max", "--imatrix", "im.gguf",
                     "--tensor-type", "ffn_down=q8_0", "in.gguf", "both-{type}.gguf")
        copy = gguf_file.Reader(self.path("both-COPY.gguf"))
        self.assertEqual([], [key for key in copy.values if key.startswith("quantize.imatrix")])
        self.assertEqual(gguf_file.tensor_hashes(self.path("in.gguf")),
                         gguf_file.tensor_hashes(self.path("both-COPY.gguf")))
        other = gguf_file.Reader(self.path("both-Q4_K_M.gguf"))
        self.assertEqual("im.gguf", other.get("quantize.imatrix.file"))
        self.assertEqual("Q8_0", other.tensors["blk.0.ffn_down.weight"].type)

    def test_types_without_blocks_take_no_patterns(self):
        for name in ("F32", "f16", "BF16"):
            self.fail_with(2, "quantize", "--type", name, "--tensor-type", "ffn_down=q8_0",
                           "in.gguf", "out.gguf",
                           mentions=[f"--tensor-type has no effect with {name}"])
        self.succeed("quantize", "--type", "F16", "--output-tensor-type", "q8_0", "--pure",
                     "--effort", "max", "in.gguf", "out.gguf")

    def test_effort_in_any_case(self):
        for name in ("Standard", "MAX"):
            report = json.loads(self.succeed("quantize", "--json", "--force", "--effort", name,
                                             "--type", "Q4_0", "in.gguf", "out.gguf").stdout)
            self.assertEqual(name.lower(), report["outputs"][0]["effort"])

    def test_reports_say_from_what_and_how(self):
        gguf_file.importance({"blk.0.ffn_up.weight": ([1.0] * 256, [1])}).write(self.path("im.gguf"))
        said = self.succeed("quantize", "--type", "Q4_K_S", "--imatrix", "im.gguf", "--report",
                            "r.json", "--report", "r.md", "--report", "r.html", "in.gguf",
                            "out.gguf").stdout
        for words in ("wrote out.gguf", "from in.gguf", "standard effort", "im.gguf"):
            self.assertIn(words, said)
        for name in ("r.json", "r.md", "r.html"):
            with open(self.path(name), encoding="utf-8") as file:
                report = file.read()
            for words in ("out.gguf", "in.gguf", "standard", "im.gguf"):
                self.assertIn(words, report, name)
        result = json.loads(self.succeed(
            "quantize", "--json", "--dry-run", "--type", "COPY,F16,Q8_0", "in.gguf",
            "o-{type}.gguf").stdout)
        self.assertEqual("in.gguf", result["input"])
        self.assertEqual([("", ""), ("", ""), ("standard", "")],
                         [(output["effort"], output["importance"])
                          for output in result["outputs"]])

    def test_a_wrong_tensor_type_lists_those_that_can_be_written(self):
        for words in (["--tensor-type", "ffn_down={}"], ["--output-tensor-type", "{}"],
                      ["--token-embedding-type", "{}"]):
            for wrong in ("q99", "i8", "Q8_K", "Q4_K_M"):
                with self.subTest(words=words, wrong=wrong):
                    complaint = self.fail_with(
                        2, "quantize", "--type", "Q4_0", words[0], words[1].format(wrong),
                        "in.gguf", "out.gguf", mentions=[words[0]]).stderr
                    known = re.search("known are (.*)", complaint)[1].split(", ")
                    for name in ("F16", "Q4_K", "IQ2_XXS", "NVFP4", "Q2_0"):
                        self.assertIn(name, known)
                    for name in ("I8", "F64", "Q8_1", "Q8_K"):
                        self.assertNotIn(name, known)

    def test_options_that_change_nothing_in_this_model_are_warned_of(self):
        gguf_file.model({"token_embd.weight": [256, 8], "blk.0.ffn_up.weight": [256, 8],
                         "blk.0.ffn_down.weight": [256, 8]}).write(self.path("tied.gguf"))
        for words, warned in (
                (["--leave-output-tensor"], "--leave-output-tensor has no effect"),
                (["--pure", "--output-tensor-type", "q8_0"], "--output-tensor-type has no effect"),
                (["--tensor-type", "ffn=q8_0", "--tensor-type", "ffn_up=q6_k"], "'ffn_up'"),
                (["--output-tensor-type", "q8_0"], None),
                (["--tensor-type", "ffn_up=q8_0", "--tensor-type", "ffn=q6_k"], None)):
            with self.subTest(words=words):
                said = self.succeed("quantize", "--force", "--type", "Q4_K_M", *words, "tied.gguf",
                                    "out.gguf").stderr.splitlines()
                self.assertEqual(0 if warned is None else 1, len(said), said)
                self.assertTrue(warned is None or warned in said[0], said)

    def test_type_of_chosen_tensors(self):
        self.succeed("quantize", "--type", "Q4_K_M", "--tensor-type", "ffn_down=q8_0",
                     "--token-embedding-type", "f16", "in.gguf", "out.gguf")
        tensors = gguf_file.Reader(self.path("out.gguf")).tensors
        self.assertEqual("Q8_0", tensors["blk.0.ffn_down.weight"].type)
        self.assertEqual("Q8_0", tensors["blk.1.ffn_down.weight"].type)
        self.assertEqual("F16", tensors["token_embd.weight"].type)
        self.assertEqual("Q4_K", tensors["blk.0.attn_q.weight"].type)

    def test_pattern_that_matches_nothing_is_an_error(self):
        result = self.run_tool("quantize", "--type", "Q4_0", "--tensor-type", "fnn_down=q8_0",
                               "in.gguf", "out.gguf")
        self.assertIn(result.status, (1, 2))
        self.assertIn("fnn_down", result.stderr)
        self.assertEqual([], self.outputs())

    def test_bad_values_are_wrong_usage(self):
        for words in (["--memory-limit", "a lot"], ["--effort", "none"],
                      ["--tensor-type", "ffn_down=q99"], ["--tensor-type", "ffn_down"],
                      ["--output-tensor-type", "nothing"]):
            with self.subTest(words=words):
                self.fail_with(2, "quantize", "--type", "Q4_0", *words, "in.gguf", "out.gguf")
                self.assertEqual([], self.outputs())

    def test_override_kv_and_prune_layers(self):
        self.succeed("quantize", "--type", "Q8_0", "--prune-layers", "0", "--override-kv",
                     "general.name=str:Pruned", "in.gguf", "out.gguf")
        reader = gguf_file.Reader(self.path("out.gguf"))
        self.assertEqual("Pruned", reader.get("general.name"))
        self.assertEqual(1, reader.get("llama.block_count"))
        self.assertEqual({"0"}, {name.split(".")[1] for name in reader.tensors
                                 if name.startswith("blk.")})

    def test_types_that_need_importance_data_say_so(self):
        for name, becomes in (("Q2_K_S", "Q2_K"), ("IQ1_M", "IQ1_M"), ("IQ3_XS", "IQ3_XXS")):
            self.fail_with(1, "quantize", "--type", name, "in.gguf", "out.gguf",
                           mentions=[f"{name}: tensor 'blk.", f"to become {becomes};", "--imatrix"])
            self.assertEqual([], self.outputs())

    def test_split_input_and_split_output(self):
        self.succeed("gguf", "split", "in.gguf", "shard", "--split-max-tensors", 8)
        shards = [name for name in self.outputs() if name.startswith("shard-")]
        self.assertGreater(len(shards), 1)
        self.succeed("quantize", "--type", "Q4_0", "in.gguf", "whole.gguf")
        for shard in (shards[0], shards[-1]):  # any shard names the set
            self.succeed("quantize", "--force", "--type", "Q4_0", shard, "from-shards.gguf")
            self.assertEqual(gguf_file.tensor_hashes(self.path("whole.gguf")),
                             gguf_file.tensor_hashes(self.path("from-shards.gguf")))
            self.assertNotIn("split.count",
                             gguf_file.Reader(self.path("from-shards.gguf")).values)
        self.succeed("quantize", "--keep-split", "--type", "Q4_0", shards[0], "kept.gguf")
        kept = [name for name in self.outputs() if name.startswith("kept")]
        self.assertEqual([name.replace("shard", "kept") for name in shards], kept)

    def test_a_report_never_replaces_what_it_should_not(self):
        with open(self.path("old.json"), "w", encoding="utf-8") as file:
            file.write("precious")
        for report in ("old.json", "no-folder/r.json"):
            with self.subTest(report=report):
                self.fail_with(1, "quantize", "--type", "Q4_0", "--report", report, "in.gguf",
                               "out.gguf", mentions=[report])
                self.assertEqual(["old.json"], self.outputs())  # noticed before the work
        self.fail_with(2, "quantize", "--type", "Q4_0", "--report", "out.json", "in.gguf",
                       "out.json", mentions=["out.json"])
        shutil.copytree(CHECKPOINT, self.path(FOLDER_NAME))
        config = os.path.join(FOLDER_NAME, "config.json")
        self.fail_with(1, "quantize", "--force", "--type", "Q4_0", "--report", config, FOLDER_NAME,
                       "out.gguf", mentions=["input"])
        self.succeed("quantize", "--force", "--type", "Q4_0", "--report", "old.json", "in.gguf",
                     "out.gguf")
        with open(self.path("old.json"), encoding="utf-8") as file:
            self.assertEqual("quantize", json.load(file)["program"])

    def test_a_result_that_cannot_be_printed_is_an_error(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run(
                harness.command(["quantize", "--json", "--type", "Q4_0", "in.gguf", "out.gguf"]),
                cwd=self.folder, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(1, done.returncode, done.stderr)
        self.assertIn("standard output", done.stderr)

    def test_options_that_would_have_no_effect_are_wrong_usage(self):
        for words in (["--include-weights", "ffn"], ["--dry-run", "--verify"],
                      ["--keep-split", "--split-max-size", "4M"], ["--type", "Q4_0,Q4_0"],
                      ["--type", "Q4_K,q4_k_m"], ["--type", "15,Q4_K_M"],
                      ["--leave-output-tensor", "--output-tensor-type", "q8_0"],
                      ["--quiet", "--verbose"],
                      ["--override-kv", "general.name=str:A", "--override-kv",
                       "general.name=str:B"]):
            with self.subTest(words=words):
                types = [] if "--type" in words else ["--type", "Q4_0"]
                self.fail_with(2, "quantize", *types, *words, "in.gguf", "out.gguf")
                self.assertEqual([], self.outputs())
        self.fail_with(2, "quantize", "in.gguf", "out.gguf", "Q4_0", "-3")
        self.fail_with(2, "quantize", "--threads", "2", "in.gguf", "out.gguf", "Q4_0", "3",
                       mentions=["--threads"])

    def test_empty_values_are_wrong_usage(self):
        # Of a shell variable that is not set: quantizing without, say, is not what was meant.
        for option in ("--imatrix", "--output-tensor-type", "--token-embedding-type",
                       "--tensor-type-file", "--prune-layers", "--memory-limit",
                       "--split-max-size", "--model-name", "--report"):
            with self.subTest(option=option):
                self.fail_with(2, "quantize", "--type", "Q4_0", option, "", "in.gguf", "out.gguf",
                               mentions=[option, "empty value"])
                self.assertEqual([], self.outputs())
        self.fail_with(2, "quantize", "--type", "Q4_0", "in.gguf", "", mentions=["OUTPUT"])

    def test_a_tensor_type_file_without_entries(self):
        with open(self.path("types.txt"), "w", encoding="utf-8") as file:
            file.write("\n")
        self.fail_with(1, "quantize", "--type", "Q4_0", "--tensor-type-file", "types.txt",
                       "in.gguf", "out.gguf", mentions=["types.txt", "PATTERN=TYPE"])

    def test_experts_published_as_mxfp4_stay_so(self):
        checkpoint = os.path.join(harness.TESTDATA, "hf", "gpt-oss")
        self.succeed("convert", "--outtype", "bf16", checkpoint, "converted.gguf")
        published = gguf_file.Reader(self.path("converted.gguf"))
        experts = [name for name in published.tensors if "_exps.weight" in name]
        self.assertEqual(6, len(experts))
        for name, file_type in (("MXFP4_MOE", 38), ("Q4_K_M", 15), ("Q8_0", 7)):
            with self.subTest(type=name):
                result = self.succeed("quantize", "--type", name, checkpoint, f"{name}.gguf")
                self.assertEqual(name != "MXFP4_MOE",
                                 "6 of 41 tensors stay MXFP4" in result.stderr, result.stderr)
                reader = gguf_file.Reader(self.path(f"{name}.gguf"))
                self.assertEqual(file_type, reader.get("general.file_type"))
                for expert in experts:
                    self.assertEqual("MXFP4", reader.tensors[expert].type)
                    self.assertTrue(published.tensors[expert].data == reader.tensors[expert].data)
                self.assertNotIn(reader.tensors["blk.0.attn_q.weight"].type, ("BF16", "MXFP4"))
                # The way over a converted file ends at the same file.
                self.succeed("quantize", "--type", name, "converted.gguf", "other.gguf", "--force",
                             "--override-kv", "general.name=str:Gpt Oss")
                self.assertEqual(gguf_file.tensor_hashes(self.path(f"{name}.gguf")),
                                 gguf_file.tensor_hashes(self.path("other.gguf")))
        self.succeed("quantize", "--type", "Q8_0", "--allow-requantize", checkpoint, "again.gguf")
        self.assertEqual("Q8_0",
                         gguf_file.Reader(self.path("again.gguf")).tensors[experts[0]].type)
        # Rows of 64: only the types with blocks of 32 fit, of which none is smaller than MXFP4.
        self.succeed("quantize", "--type", "Q2_K", checkpoint, "small.gguf")

    def test_options_of_checkpoints(self):
        checkpoint = os.path.join(harness.TESTDATA, "hf", "qwen2")
        with open(self.path("about.json"), "w", encoding="utf-8") as file:
            json.dump({"general.author": "An Author"}, file)
        self.succeed("quantize", "--type", "Q8_0", "--pre", "llama-bpe", "--model-name", "A Name",
                     "--metadata", "about.json", checkpoint, "out.gguf")
        reader = gguf_file.Reader(self.path("out.gguf"))
        self.assertEqual("llama-bpe", reader.get("tokenizer.ggml.pre"))
        self.assertEqual("A Name", reader.get("general.name"))
        self.assertEqual("An Author", reader.get("general.author"))
        for option in ("--pre", "--model-name", "--metadata"):
            self.fail_with(2, "quantize", "--type", "Q8_0", option, "about.json", "in.gguf",
                           "other.gguf", mentions=[option, "in.gguf"])
        self.assertNotIn("other.gguf", self.listing())

    def test_default_output_of_the_folder_one_is_in(self):
        shutil.copytree(CHECKPOINT, self.path(FOLDER_NAME))
        self.succeed("quantize", "--type", "q8_0", os.path.join(FOLDER_NAME, "."))
        self.assertEqual([f"{FOLDER_NAME}-Q8_0.gguf"],
                         [name for name in self.outputs() if os.sep not in name])


if __name__ == "__main__":
    harness.main()
