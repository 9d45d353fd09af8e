"""Converted checkpoints against recordings of what the field's converter makes of them
(testdata/convert), value by value and tensor by tensor."""

import hashlib
import json
import os
import shutil
import struct

import generate_checkpoint
import gguf_file
import harness

HF = os.path.join(harness.TESTDATA, "hf")
RECORDED = ["bert", "gemma3-vision", "gpt-oss", "llama", "llama-trained", "llama3", "llava", "phi3",
            "qwen2moe"]
TOWERS = ["gemma3-vision", "qwen2-vl", "qwen2vl"]

# Keys that may differ from the recording, and why.
MAY_DIFFER = {
    "general.name": "derived from the folder's name, by a rule of our own",
    "general.basename": "the recording's converter guesses it from the folder's name",
    "general.finetune": "the recording's converter guesses it from the folder's name",
    "general.version": "the recording's converter guesses it from the folder's name",
}
# Keys we may write beyond the recording, and why.
MAY_BE_EXTRA = {
    "tokenizer.ggml.eot_token_id": "readers otherwise guess it from the vocabulary",
    "tokenizer.ggml.eom_token_id": "readers otherwise guess it from the vocabulary",
}


def describe_value(value):
    """A value as the recordings hold it: type and contents, arrays as a hash."""
    names = {8: "STRING", 9: "ARRAY", **{key: name for key, (_, name) in
                                         gguf_file.SCALARS.items()}}
    if value.type == 9:
        return ("ARRAY", names[value.element_type], len(value.value),
                hashlib.sha256(value.raw).hexdigest())
    if value.type == 6:
        return ("FLOAT32", value.raw.hex())
    return (names[value.type], value.value)


def describe_recorded(entry):
    if entry["type"] == "ARRAY":
        return ("ARRAY", entry["elem_type"], entry["length"], entry["sha256"])
    if entry["type"] == "FLOAT32":
        return ("FLOAT32", entry["hex"])
    return (entry["type"], entry["value"])


class ConvertedFiles(harness.ProgramTest):

    def convert(self, folder, outtype):
        self.succeed("convert", "--quiet", "--force", "--outtype", outtype, folder, "out.gguf")
        return gguf_file.Reader(self.path("out.gguf"))

    def compare_tensors(self, recorded, reader):
        self.assertEqual({entry["name"] for entry in recorded}, set(reader.tensors))
        for entry in recorded:
            tensor = reader.tensors[entry["name"]]
            with self.subTest(tensor=entry["name"]):
                self.assertEqual((entry["type"], entry["shape"]), (tensor.type, tensor.dims))
                if "values" in entry:  # computed (rope factors): last bits are the libm's
                    values = struct.unpack(f"<{len(entry['values'])}f", tensor.data)
                    for expected, value in zip(entry["values"], values):
                        self.assertLessEqual(abs(value - expected), 1e-6 * abs(expected))
                else:
                    self.assertEqual(entry["sha256"], hashlib.sha256(tensor.data).hexdigest())

    def test_metadata_and_tensors_equal_the_recordings(self):
        for name in RECORDED:
            with open(os.path.join(harness.TESTDATA, "convert", f"{name}.json"),
                      encoding="utf-8") as file:
                recordings = json.load(file)
            for outtype, recorded in recordings.items():
                with self.subTest(checkpoint=name, outtype=outtype):
                    reader = self.convert(os.path.join(HF, name), outtype)
                    expected = {entry["name"]: describe_recorded(entry)
                                for entry in recorded["kv"] if entry["name"] not in MAY_DIFFER}
                    found = {key: describe_value(value) for key, value in reader.values.items()
                             if key in expected or
                             not (key in MAY_DIFFER or key in MAY_BE_EXTRA)}
                    self.assertEqual(expected, found)
                    self.compare_tensors(recorded["tensors"], reader)

    def test_the_projector_of_a_vision_tower_equals_the_recording(self):
        for name in TOWERS:
            with open(os.path.join(harness.TESTDATA, "convert", f"{name}-mmproj.json"),
                      encoding="utf-8") as file:
                recordings = json.load(file)
            for outtype, recorded in recordings.items():
                with self.subTest(checkpoint=name, outtype=outtype):
                    self.succeed("convert", "--force", "--outtype", outtype,
                                 os.path.join(HF, name), "out.gguf", "--mmproj", "m.gguf")
                    reader = gguf_file.Reader(self.path("m.gguf"))
                    expected = {entry["name"]: describe_recorded(entry)
                                for entry in recorded["kv"] if entry["name"] not in MAY_DIFFER}
                    self.assertEqual(expected, {key: describe_value(value) for key, value
                                                in reader.values.items() if key not in MAY_DIFFER})
                    self.compare_tensors(recorded["tensors"], reader)

    def test_either_spelling_of_config_gives_the_same_file(self):
        names = [name.removesuffix(".json") for name in os.listdir(os.path.join(HF, "config-v5"))]
        self.assertGreater(len(names), 10)
        for name in names:
            with self.subTest(checkpoint=name):
                copy = self.path(name)
                shutil.copytree(os.path.join(HF, name), copy)
                self.convert(copy, "auto")
                os.rename(self.path("out.gguf"), self.path("classic.gguf"))
                os.remove(os.path.join(copy, "config.json"))
                shutil.copy(os.path.join(HF, "config-v5", f"{name}.json"),
                            os.path.join(copy, "config.json"))
                self.convert(copy, "auto")
                self.assert_same_files(self.path("classic.gguf"), self.path("out.gguf"))

    def test_shards_make_one_model(self):
        folder = os.path.join(HF, "llama-sharded")
        with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
            config = json.load(file)
        source = {}
        for index in range(1, 5):
            source.update(generate_checkpoint.read_safetensors(
                os.path.join(folder, f"model-{index:05}-of-00004.safetensors")))
        reader = self.convert(folder, "bf16")
        self.assertEqual(len(source), len(reader.tensors))
        for layer in range(config["num_hidden_layers"]):
            theirs, ours = f"model.layers.{layer}.", f"blk.{layer}."
            for name, converted in (("mlp.down_proj", "ffn_down"), ("mlp.up_proj", "ffn_up"),
                                    ("mlp.gate_proj", "ffn_gate"), ("self_attn.v_proj", "attn_v"),
                                    ("self_attn.o_proj", "attn_output")):
                dtype, shape, data = source[f"{theirs}{name}.weight"]
                tensor = reader.tensors[f"{ours}{converted}.weight"]
                self.assertEqual((dtype, shape[::-1]), (tensor.type, tensor.dims))
                self.assertTrue(data == tensor.data, f"{theirs}{name} differs")
            for name, converted, heads in (
                    ("q_proj", "attn_q", config["num_attention_heads"]),
                    ("k_proj", "attn_k", config["num_key_value_heads"])):
                _, (rows, columns), data = source[f"{theirs}self_attn.{name}.weight"]
                # The two halves of each head's rows take turns.
                size, half = 2 * columns, rows // heads // 2
                order = [head * 2 * half + side * half + index for head in range(heads)
                         for index in range(half) for side in range(2)]
                expected = b"".join(data[row * size:(row + 1) * size] for row in order)
                self.assertTrue(expected == reader.tensors[f"{ours}{converted}.weight"].data,
                                f"{theirs}{name} differs")


if __name__ == "__main__":
    harness.main()
