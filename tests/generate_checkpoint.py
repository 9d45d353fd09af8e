#!/usr/bin/env python3
"""Writes a Hugging Face checkpoint of the Llama family with random weights (standard library only;
the same arguments give the same bytes), for tests that need a size no repository should hold.

usage: generate_checkpoint.py FOLDER [--hidden 256] [--feed-forward 512] [--layers 2] [--heads 4]
       [--kv-heads 2] [--vocabulary 512] [--dtype F16|BF16|F32] [--seed 1]
"""

import argparse
import io
import json
import os
import random
import struct
import tarfile

CHUNK_BYTES = 1 << 20

# Per dtype: bytes, bits of a random pattern to keep (sign, mantissa, two low exponent bits), bits to
# set (so that magnitudes lie in [2^-7, 2^-3)), and the pattern of 1.0.
DTYPES = {
    "F16": (2, 0x8FFF, 0x2000, 0x3C00),
    "BF16": (2, 0x81FF, 0x3C00, 0x3F80),
    "F32": (4, 0x81FFFFFF, 0x3C000000, 0x3F800000),
}


def random_weights(generator, num_values, dtype):
    """Yields num_values finite weights as little-endian bytes, in chunks."""
    width, keep, fix, _ = DTYPES[dtype]
    while num_values > 0:
        count = min(num_values, CHUNK_BYTES // width)
        size = count * width
        pattern = int.from_bytes(generator.randbytes(size), "little")
        pattern &= int.from_bytes(keep.to_bytes(width, "little") * count, "little")
        pattern |= int.from_bytes(fix.to_bytes(width, "little") * count, "little")
        yield pattern.to_bytes(size, "little")
        num_values -= count


def tensor_shapes(size):
    """[(name, shape)] in the order of the file; `size` has the options as attributes."""
    kv_rows = size.hidden // size.heads * size.kv_heads
    shapes = [("model.embed_tokens.weight", [size.vocabulary, size.hidden])]
    for layer in range(size.layers):
        prefix = f"model.layers.{layer}."
        shapes += [
            (prefix + "input_layernorm.weight", [size.hidden]),
            (prefix + "mlp.down_proj.weight", [size.hidden, size.feed_forward]),
            (prefix + "mlp.gate_proj.weight", [size.feed_forward, size.hidden]),
            (prefix + "mlp.up_proj.weight", [size.feed_forward, size.hidden]),
            (prefix + "post_attention_layernorm.weight", [size.hidden]),
            (prefix + "self_attn.k_proj.weight", [kv_rows, size.hidden]),
            (prefix + "self_attn.o_proj.weight", [size.hidden, size.hidden]),
            (prefix + "self_attn.q_proj.weight", [size.hidden, size.hidden]),
            (prefix + "self_attn.v_proj.weight", [kv_rows, size.hidden]),
        ]
    return shapes + [("model.norm.weight", [size.hidden]),
                     ("lm_head.weight", [size.vocabulary, size.hidden])]


def write_weights(path, size):
    """Writes model.safetensors, streaming."""
    width, _, _, one = DTYPES[size.dtype]
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in tensor_shapes(size):
        num_bytes = width
        for dim in shape:
            num_bytes *= dim
        header[name] = {"dtype": size.dtype, "shape": shape,
                        "data_offsets": [offset, offset + num_bytes]}
        offset += num_bytes
    generator = random.Random(size.seed)
    with open(path, "wb") as file:
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        file.write(struct.pack("<Q", len(text)) + text)
        for _, shape in tensor_shapes(size):
            if len(shape) == 1:
                file.write(one.to_bytes(width, "little") * shape[0])
            else:
                for chunk in random_weights(generator, shape[0] * shape[1], size.dtype):
                    file.write(chunk)


def read_safetensors(path):
    """{name: (dtype, shape, data)} of a file that fits memory."""
    with open(path, "rb") as file:
        content = file.read()
    start = 8 + struct.unpack_from("<Q", content)[0]
    tensors = {}
    for name, entry in json.loads(content[8:start]).items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            tensors[name] = (entry["dtype"], entry["shape"], content[start + begin:start + end])
    return tensors


def write_safetensors(path, tensors):
    """Writes {name: (dtype, shape, data)}."""
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header).encode()
    if os.path.exists(path):
        os.remove(path)  # never through a link
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, _, data in tensors.values():
            file.write(data)


def write_archive(folder, path):
    """The folder as a .tar.zst whose blocks are stored as they are; returns `path`."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", dereference=True) as archive:
        archive.add(folder, arcname="model")
    data = tar.getvalue()
    with open(path, "wb") as file:
        # One segment whose size stands in four bytes, no checksum.
        file.write(struct.pack("<IBI", 0xFD2FB528, 0xA0, len(data)))
        step = 1 << 17
        for start in range(0, len(data), step):
            block = data[start:start + step]
            is_last = start + step >= len(data)
            file.write(struct.pack("<I", is_last | len(block) << 3)[:3] + block)
    return path


def random_floats(generator, num_values):
    """F32 values as bytes."""
    return b"".join(random_weights(generator, num_values, "F32"))


def write_adapter(folder, tensors, **fields):
    """Writes a LoRA adapter as PEFT saves it: {name: (dtype, shape, data)} and config fields."""
    os.makedirs(folder, exist_ok=True)
    write_safetensors(os.path.join(folder, "adapter_model.safetensors"), tensors)
    write_json(os.path.join(folder, "adapter_config.json"), {
        "peft_type": "LORA", "lora_alpha": 16, "r": 8, "bias": "none", "use_dora": False,
        "use_rslora": False, "modules_to_save": None, "alpha_pattern": {}, "rank_pattern": {},
        "init_lora_weights": True, "fan_in_fan_out": False, **fields})
    return folder


def varint(value):
    """Protocol Buffers' variable-length integer."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def message(number, data):
    """A length-delimited field."""
    return varint(number << 3 | 2) + varint(len(data)) + data


def write_tokenizer(path, vocabulary):
    """Writes a SentencePiece BPE model: the three special pieces, 256 bytes, invented words."""
    pieces = [("<unk>", 0.0, 2), ("<s>", 0.0, 3), ("</s>", 0.0, 3)]
    pieces += [(f"<0x{byte:02X}>", 0.0, 6) for byte in range(256)]
    pieces += [(f"w{index}", float(-index), 1) for index in range(vocabulary - len(pieces))]
    out = b""
    for text, score, kind in pieces:
        out += message(1, message(1, text.encode()) + b"\x15" + struct.pack("<f", score) +
                       b"\x18" + varint(kind))
    # TrainerSpec: model_type BPE, vocab_size, byte_fallback. NormalizerSpec: identity.
    out += message(2, b"\x18\x02" + b"\x20" + varint(vocabulary) + varint(35 << 3) + b"\x01")
    out += message(3, message(1, b"identity"))
    with open(path, "wb") as file:
        file.write(out)


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1)


def generate(folder, hidden=256, feed_forward=512, layers=2, heads=4, kv_heads=2, vocabulary=512,
             dtype="F16", seed=1):
    """Writes the checkpoint; `folder` may exist. Returns its path."""
    size = argparse.Namespace(**{key: value for key, value in locals().items() if key != "folder"})
    if vocabulary < 259:
        raise ValueError("a vocabulary holds at least 259 pieces: 3 special ones and 256 bytes")
    os.makedirs(folder, exist_ok=True)
    write_weights(os.path.join(folder, "model.safetensors"), size)
    write_tokenizer(os.path.join(folder, "tokenizer.model"), vocabulary)
    write_json(os.path.join(folder, "tokenizer_config.json"), {
        "add_bos_token": True, "add_eos_token": False, "bos_token": "<s>", "eos_token": "</s>",
        "unk_token": "<unk>", "tokenizer_class": "LlamaTokenizer"})
    write_json(os.path.join(folder, "config.json"), {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
        "bos_token_id": 1, "eos_token_id": 2, "head_dim": hidden // heads, "hidden_size": hidden,
        "intermediate_size": feed_forward, "max_position_embeddings": 512,
        "num_attention_heads": heads, "num_hidden_layers": layers, "num_key_value_heads": kv_heads,
        "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "rope_scaling": None,
        "tie_word_embeddings": False, "vocab_size": vocabulary})
    return folder


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    for name, default in (("hidden", 256), ("feed-forward", 512), ("layers", 2), ("heads", 4),
                          ("kv-heads", 2), ("vocabulary", 512), ("seed", 1)):
        parser.add_argument("--" + name, type=int, default=default)
    parser.add_argument("--dtype", choices=sorted(DTYPES), default="F16")
    generate(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
