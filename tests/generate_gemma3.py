#!/usr/bin/env python3
"""Writes a Gemma 3 as Google publishes its QAT models, with made-up weights: TEXT.gguf (Q4_0, the
token embedding F16, a stray vision key, turn marks that are no control tokens) and MMPROJ.gguf. At
the published sizes all weights are zero and the files sparse, so that they need hardly any disk;
"small" has random ones. Standard library only; the same arguments give the same bytes.

usage: generate_gemma3.py {small|4b|12b|27b} FOLDER [--legacy]
--legacy: the mmproj calls the first feed-forward matrix ffn_down, as the first such files did.
"""

import argparse
import os
import random
import struct
from collections import namedtuple

import gguf_file

Text = namedtuple("Text", "layers width feed_forward heads kv_heads head_dim vocabulary context")
Tower = namedtuple("Tower", "blocks width feed_forward heads image patch")

SIGLIP = Tower(27, 1152, 4304, 16, 896, 14)
SIZES = {
    "small": (Text(3, 128, 256, 4, 2, 64, 320, 131072), Tower(2, 64, 112, 2, 112, 14)),
    "4b": (Text(34, 2560, 10240, 8, 4, 256, 262144, 131072), SIGLIP),
    "12b": (Text(48, 3840, 15360, 16, 8, 256, 262144, 131072), SIGLIP),
    "27b": (Text(62, 5376, 21504, 32, 16, 128, 262144, 131072), SIGLIP),
}
SCALARS = {"uint32": (4, "<I"), "float32": (6, "<f"), "bool": (7, "<?")}
START_OF_TURN, END_OF_TURN = 105, 106


def text_tensors(size):
    """[(name, dims fastest first, type)]"""
    query, kv = size.heads * size.head_dim, size.kv_heads * size.head_dim
    tensors = [("token_embd.weight", [size.width, size.vocabulary], "F16"),
               ("output_norm.weight", [size.width], "F32")]
    for layer in range(size.layers):
        tensors += [(f"blk.{layer}.{name}.weight", dims, "Q4_0" if len(dims) > 1 else "F32")
                    for name, dims in (
                        ("attn_norm", [size.width]), ("attn_q", [size.width, query]),
                        ("attn_k", [size.width, kv]), ("attn_v", [size.width, kv]),
                        ("attn_q_norm", [size.head_dim]), ("attn_k_norm", [size.head_dim]),
                        ("attn_output", [query, size.width]), ("post_attention_norm", [size.width]),
                        ("ffn_norm", [size.width]), ("ffn_gate", [size.width, size.feed_forward]),
                        ("ffn_up", [size.width, size.feed_forward]),
                        ("ffn_down", [size.feed_forward, size.width]),
                        ("post_ffw_norm", [size.width]))]
    return tensors


def tower_tensors(size, text_width, legacy):
    up, down = ("ffn_down", "ffn_up") if legacy else ("ffn_up", "ffn_down")
    grid = size.image // size.patch
    tensors = [("mm.input_projection.weight", [text_width, size.width], "F16"),
               ("mm.soft_emb_norm.weight", [size.width], "F32"),
               ("v.patch_embd.weight", [size.patch, size.patch, 3, size.width], "F32"),
               ("v.patch_embd.bias", [size.width], "F32"),
               ("v.position_embd.weight", [size.width, grid * grid], "F32"),
               ("v.post_ln.weight", [size.width], "F32"), ("v.post_ln.bias", [size.width], "F32")]
    for block in range(size.blocks):
        for name, dims in (
                ("ln1", [size.width]), ("ln2", [size.width]),
                ("attn_q", [size.width, size.width]), ("attn_k", [size.width, size.width]),
                ("attn_v", [size.width, size.width]), ("attn_out", [size.width, size.width]),
                (up, [size.width, size.feed_forward]), (down, [size.feed_forward, size.width])):
            tensors += [
                (f"v.blk.{block}.{name}.weight", dims, "F16" if len(dims) > 1 else "F32"),
                (f"v.blk.{block}.{name}.bias", dims[-1:], "F32")]
    return tensors


def text_keys(size):
    """[(key, type, value)]; lists are arrays of the type."""
    tokens = [f"token{index}" for index in range(size.vocabulary)]
    tokens[START_OF_TURN], tokens[END_OF_TURN] = "<start_of_turn>", "<end_of_turn>"
    return [
        ("general.architecture", "string", "gemma3"), ("general.type", "string", "model"),
        ("general.file_type", "uint32", 2), ("general.quantization_version", "uint32", 2),
        ("gemma3.block_count", "uint32", size.layers),
        ("gemma3.context_length", "uint32", size.context),
        ("gemma3.embedding_length", "uint32", size.width),
        ("gemma3.feed_forward_length", "uint32", size.feed_forward),
        ("gemma3.attention.head_count", "uint32", size.heads),
        ("gemma3.attention.head_count_kv", "uint32", size.kv_heads),
        ("gemma3.attention.key_length", "uint32", size.head_dim),
        ("gemma3.attention.value_length", "uint32", size.head_dim),
        ("gemma3.attention.sliding_window", "uint32", 1024),
        ("gemma3.attention.layer_norm_rms_epsilon", "float32", 1e-6),
        ("gemma3.rope.freq_base", "float32", 1e6), ("gemma3.rope.freq_base_swa", "float32", 1e4),
        ("gemma3.vision.block_count", "uint32", 27),
        ("tokenizer.ggml.model", "string", "llama"), ("tokenizer.ggml.pre", "string", "default"),
        ("tokenizer.ggml.tokens", "string", tokens),
        ("tokenizer.ggml.scores", "float32", [-float(index) for index in range(len(tokens))]),
        ("tokenizer.ggml.token_type", "int32", [1] * len(tokens)),
        ("tokenizer.ggml.bos_token_id", "uint32", 2), ("tokenizer.ggml.eos_token_id", "uint32", 1),
        ("tokenizer.ggml.add_space_prefix", "bool", False),
        ("tokenizer.chat_template", "string", "{{ '<start_of_turn>user' }}")]


def tower_keys(size, text_width):
    return [
        ("general.architecture", "string", "clip"), ("general.type", "string", "mmproj"),
        ("general.file_type", "uint32", 1), ("general.quantization_version", "uint32", 2),
        ("clip.has_vision_encoder", "bool", True), ("clip.projector_type", "string", "gemma3"),
        ("clip.use_gelu", "bool", True), ("clip.vision.projection_dim", "uint32", text_width),
        ("clip.vision.image_size", "uint32", size.image),
        ("clip.vision.patch_size", "uint32", size.patch),
        ("clip.vision.embedding_length", "uint32", size.width),
        ("clip.vision.feed_forward_length", "uint32", size.feed_forward),
        ("clip.vision.block_count", "uint32", size.blocks),
        ("clip.vision.attention.head_count", "uint32", size.heads),
        ("clip.vision.attention.layer_norm_epsilon", "float32", 1e-6),
        ("clip.vision.image_mean", "float32", [0.5, 0.5, 0.5]),
        ("clip.vision.image_std", "float32", [0.5, 0.5, 0.5])]


def encode(type_name, value):
    """A value as it lies in the file, its type first."""
    letters = {**SCALARS, "int32": (5, "<i")}
    if isinstance(value, list):
        if type_name == "string":
            body, type_id = b"".join(map(gguf_file.string, value)), gguf_file.STRING
        else:
            type_id, letter = letters[type_name]
            body = struct.pack(f"<{len(value)}{letter[1]}", *value)
        return struct.pack("<IIQ", gguf_file.ARRAY, type_id, len(value)) + body
    if type_name == "string":
        return struct.pack("<I", gguf_file.STRING) + gguf_file.string(value)
    type_id, letter = letters[type_name]
    return struct.pack("<I", type_id) + struct.pack(letter, value)


def random_data(source, num_values, type_name):
    """Weights whose magnitudes lie between 2^-8 and 2^-3, exact in F16 whatever the type."""
    def halves(count):
        return [source.getrandbits(1) << 15 | source.randrange(7, 12) << 10 | source.getrandbits(10)
                for _ in range(count)]
    if type_name == "Q4_0":
        return b"".join(struct.pack("<H", scale) + source.randbytes(16)
                        for scale in halves(num_values // 32))
    data = struct.pack(f"<{num_values}H", *halves(num_values))
    if type_name == "F16":
        return data
    return struct.pack(f"<{num_values}f", *struct.unpack(f"<{num_values}e", data))


def write(path, keys, tensors, is_sparse):
    infos, end = b"", 0
    places = []
    for name, dims, type_name in tensors:
        _, block_values, block_bytes = gguf_file.TENSOR_TYPES[gguf_file.TYPE_IDS[type_name]]
        count = 1
        for dim in dims:
            count *= dim
        infos += gguf_file.string(name) + struct.pack(f"<I{len(dims)}Q", len(dims), *dims)
        infos += struct.pack("<IQ", gguf_file.TYPE_IDS[type_name], end)
        places.append((end, count, type_name))
        end += -(-(count // block_values * block_bytes) // 32) * 32
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys))
    head += b"".join(gguf_file.string(key) + encode(kind, value) for key, kind, value in keys)
    head += infos
    start = -(-len(head) // 32) * 32
    source = random.Random(os.path.basename(path))
    with open(path, "wb") as file:
        file.write(head)
        file.truncate(start + end)
        for offset, count, type_name in places:
            if not is_sparse:
                file.seek(start + offset)
                file.write(random_data(source, count, type_name))


def generate(size_name, folder, legacy=False):
    """Returns the paths of the text and of the projector."""
    text, tower = SIZES[size_name]
    is_sparse = size_name != "small"
    paths = [os.path.join(folder, f"{size_name}-{part}.gguf") for part in ("text", "mmproj")]
    write(paths[0], text_keys(text), text_tensors(text), is_sparse)
    write(paths[1], tower_keys(tower, text.width), tower_tensors(tower, text.width, legacy),
          is_sparse)
    return paths


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("size", choices=SIZES)
    parser.add_argument("folder")
    parser.add_argument("--legacy", action="store_true")
    options = parser.parse_args()
    os.makedirs(options.folder, exist_ok=True)
    print("\n".join(generate(options.size, options.folder, options.legacy)))


if __name__ == "__main__":
    main()
