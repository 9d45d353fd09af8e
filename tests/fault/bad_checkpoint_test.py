"""Hugging Face folders with something missing, contradictory or hostile."""

import json
import os
import shutil
import struct

import generate_checkpoint
import harness

SHARDED = os.path.join(harness.TESTDATA, "hf", "llama-sharded")
TENSOR = "model.layers.0.mlp.up_proj.weight"


class BadCheckpoint(harness.ProgramTest):

    def setUp(self):
        super().setUp()
        generate_checkpoint.generate(self.path("model"), layers=1, feed_forward=256)

    def refuse(self, *mentions):
        """The folder is refused by both programs, in one line, and nothing is written."""
        before = self.listing()
        self.fail_with(1, "convert", "--outtype", "f16", "model", "out.gguf", mentions=mentions)
        self.fail_with(1, "quantize", "--type", "Q4_0", "model", "out.gguf", mentions=mentions)
        self.assertEqual(before, self.listing())

    def edit_json(self, name, change):
        """Rewrites a JSON file of the folder after change(value)."""
        with open(self.path("model", name), encoding="utf-8") as file:
            value = json.load(file)
        change(value)
        with open(self.path("model", name), "w", encoding="utf-8") as file:
            json.dump(value, file)

    def edit_header(self, change, pad=8):
        """Rewrites the header of model.safetensors after change(header); the data stays."""
        path = self.path("model", "model.safetensors")
        with open(path, "rb") as file:
            content = file.read()
        length, = struct.unpack_from("<Q", content)
        header = json.loads(content[8:8 + length])
        text = change(header)
        text = json.dumps(header).encode() if text is None else text
        text += b" " * (-len(text) % pad)
        with open(path, "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text + content[8 + length:])

    def write_weights(self, content):
        with open(self.path("model", "model.safetensors"), "wb") as file:
            file.write(content)

    def use_sharded(self):
        shutil.rmtree(self.path("model"))
        shutil.copytree(SHARDED, self.path("model"))

    def test_the_folder_they_are_made_from_is_right(self):
        self.succeed("convert", "--outtype", "f16", "model", "out.gguf")

    # ---- files

    def test_empty_folder(self):
        shutil.rmtree(self.path("model"))
        os.mkdir(self.path("model"))
        self.refuse("model", "config.json")

    def test_missing_weights(self):
        os.remove(self.path("model", "model.safetensors"))
        self.refuse("model", "safetensors")

    def test_pickle_is_refused_by_name(self):
        os.rename(self.path("model", "model.safetensors"),
                  self.path("model", "pytorch_model.bin"))
        self.refuse("pytorch_model.bin", "safetensors")

    def test_missing_tokenizer(self):
        os.remove(self.path("model", "tokenizer.model"))
        self.refuse("model", "tokenizer")

    def test_broken_tokenizer(self):
        for content in (b"", b"\xff" * 64, b"\x0a\xff\xff\xff\xff\x0fabc"):
            with self.subTest(content=content):
                with open(self.path("model", "tokenizer.model"), "wb") as file:
                    file.write(content)
                self.refuse("tokenizer.model")

    def test_missing_shard(self):
        self.use_sharded()
        os.remove(self.path("model", "model-00002-of-00004.safetensors"))
        self.refuse("model-00002-of-00004.safetensors")

    def test_index_names_a_tensor_no_shard_has(self):
        self.use_sharded()
        self.edit_json("model.safetensors.index.json", lambda index: index["weight_map"].update(
            {"model.layers.7.mlp.up_proj.weight": "model-00001-of-00004.safetensors"}))
        self.refuse("model.layers.7.mlp.up_proj.weight")

    def test_shard_has_a_tensor_the_index_lacks(self):
        self.use_sharded()
        self.edit_json("model.safetensors.index.json",
                       lambda index: index["weight_map"].pop("model.norm.weight"))
        self.refuse("model.norm.weight")

    def test_index_points_out_of_the_folder(self):
        self.use_sharded()
        shutil.copy(self.path("model", "model-00004-of-00004.safetensors"),
                    self.path("outside.safetensors"))

        def point_outside(index):
            for name, shard in index["weight_map"].items():
                if shard == "model-00004-of-00004.safetensors":
                    index["weight_map"][name] = "../outside.safetensors"

        self.edit_json("model.safetensors.index.json", point_outside)
        self.refuse("../outside.safetensors")

    # ---- config.json

    def test_config_is_no_json(self):
        for text in ("", "{", "[]", '{"architectures": "LlamaForCausalLM"', "[" * 100000, "\0"):
            with self.subTest(text=text[:20]):
                with open(self.path("model", "config.json"), "w", encoding="utf-8") as file:
                    file.write(text)
                self.refuse("config.json")

    def test_unknown_architecture(self):
        self.edit_json("config.json", lambda config: config.update(
            architectures=["FooForCausalLM"], model_type="foo"))
        self.refuse("FooForCausalLM")

    def test_no_architecture(self):
        self.edit_json("config.json", lambda config: config.update(architectures=[]))
        self.refuse("config.json", "architectures")

    def test_config_values_of_the_wrong_kind(self):
        for key, value in (("num_attention_heads", "four"), ("num_attention_heads", 0),
                           ("num_hidden_layers", -1), ("num_hidden_layers", 1e300),
                           ("hidden_size", [256]), ("rope_theta", "x")):
            with self.subTest(key=key, value=value):
                with open(self.path("model", "config.json"), encoding="utf-8") as file:
                    kept = file.read()
                self.edit_json("config.json", lambda config: config.update({key: value}))
                self.refuse(key)
                with open(self.path("model", "config.json"), "w", encoding="utf-8") as file:
                    file.write(kept)

    def test_config_contradicts_the_weights(self):
        self.edit_json("config.json", lambda config: config.update(num_hidden_layers=2))
        self.refuse("model.layers.1.")

    # ---- safetensors

    def test_header_longer_than_the_file(self):
        for length in (1 << 20, 1 << 40, (1 << 64) - 1):
            with self.subTest(length=length):
                self.write_weights(struct.pack("<Q", length) + b'{"a": 1}')
                self.refuse("model.safetensors")

    def test_truncated_weights(self):
        path = self.path("model", "model.safetensors")
        for size in (0, 4, 8, 100, os.path.getsize(path) - 1):
            with self.subTest(size=size):
                generate_checkpoint.generate(self.path("model"), layers=1, feed_forward=256)
                os.truncate(path, size)
                self.refuse("model.safetensors")

    def test_bad_headers(self):
        def entry(**fields):
            return lambda header: header[TENSOR].update(fields)

        def overlap(header):
            begin, end = header["model.embed_tokens.weight"]["data_offsets"]
            header["lm_head.weight"]["data_offsets"] = [begin, end]  # the same shape

        def last_longer(header):
            begin = header["lm_head.weight"]["data_offsets"][0]
            header["lm_head.weight"].update(shape=[1024, 256],
                                            data_offsets=[begin, begin + 1024 * 256 * 2])

        end = 256 * 256 * 2
        changes = {
            "overlapping": (overlap, ["lm_head.weight"]),
            "negative begin": (entry(data_offsets=[-end, 0]), [TENSOR]),
            "end before begin": (entry(data_offsets=[end, 0]), [TENSOR]),
            "a hole": (entry(data_offsets=[1 << 40, (1 << 40) + end]), []),
            "past the end": (last_longer, ["lm_head.weight"]),
            "offsets that overflow": (
                entry(data_offsets=[(1 << 64) - 1, (1 << 64) - 1 + end]), [TENSOR]),
            "size that is not the shape's": (entry(shape=[256, 255]), [TENSOR]),
            "shape that overflows": (entry(shape=[1 << 33, 1 << 33]), [TENSOR]),
            "negative dimension": (entry(shape=[-256, -256]), [TENSOR]),
            "fractional dimension": (entry(shape=[256.5, 256]), [TENSOR]),
            "unknown dtype": (entry(dtype="F13"), [TENSOR, "F13"]),
            "dtype of another size": (entry(dtype="F32"), [TENSOR]),
            "no shape": (lambda header: header[TENSOR].pop("shape") and None, [TENSOR]),
            "one offset": (entry(data_offsets=[0]), [TENSOR]),
            "an entry that is no object": (lambda header: header.update({TENSOR: 7}), [TENSOR]),
            "not JSON": (lambda header: b"{" + b"x" * 63, []),
            "JSON but an array": (lambda header: b"[1, 2, 3]", []),
            "JSON too deep": (lambda header: b"[" * 100000, []),
            "a name twice": (
                lambda header: json.dumps(header).encode().replace(
                    b"lm_head.weight", b"model.embed_tokens.weight"),
                ["model.embed_tokens.weight"]),
        }
        for name, (change, mentions) in changes.items():
            with self.subTest(header=name):
                generate_checkpoint.generate(self.path("model"), layers=1, feed_forward=256)
                self.edit_header(change)
                self.refuse("model.safetensors", *mentions)

    # ---- names and shapes

    def test_tensor_of_no_known_name(self):
        def rename(header):
            header["model.layers.0.mlp.sideways_proj.weight"] = header.pop(TENSOR)

        self.edit_header(rename)
        self.refuse("model.layers.0.mlp.sideways_proj.weight")

    def test_missing_tensor(self):
        # Dropped together with its bytes' owner: the data area keeps its size under another name.
        def rename(header):
            header["model.layers.0.self_attn.rotary_emb.inv_freq"] = header.pop(TENSOR)

        self.edit_header(rename)
        self.refuse(TENSOR)

    def test_heads_that_do_not_fit(self):
        for heads, mention in ((7, "num_attention_heads"), (8, "self_attn.")):
            with self.subTest(heads=heads):
                self.edit_json("config.json",
                               lambda config: config.update(num_attention_heads=heads))
                self.refuse(mention)


if __name__ == "__main__":
    harness.main()
