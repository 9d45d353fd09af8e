"""A small GGUF reader and a writer of right and wrong GGUF files, independent of the code under test
(standard library only). Little-endian; whole files in memory."""

import array
import hashlib
import random
import struct
from collections import namedtuple

UINT32, FLOAT32, STRING, ARRAY = 4, 6, 8, 9
SCALARS = {  # value type id: (struct letter, name)
    0: ("B", "UINT8"), 1: ("b", "INT8"), 2: ("H", "UINT16"), 3: ("h", "INT16"), 4: ("I", "UINT32"),
    5: ("i", "INT32"), 6: ("f", "FLOAT32"), 7: ("?", "BOOL"), 10: ("Q", "UINT64"),
    11: ("q", "INT64"), 12: ("d", "FLOAT64"),
}
TENSOR_TYPES = {  # type id: (name, values per block, bytes per block)
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22), 7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 9: ("Q8_1", 32, 36),
    10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110), 12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292), 16: ("IQ2_XXS", 256, 66),
    17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110), 22: ("IQ2_S", 256, 82),
    23: ("IQ4_XS", 256, 136), 24: ("I8", 1, 1), 25: ("I16", 1, 2), 26: ("I32", 1, 4),
    27: ("I64", 1, 8), 28: ("F64", 1, 8), 29: ("IQ1_M", 256, 56), 30: ("BF16", 1, 2),
    34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66), 39: ("MXFP4", 32, 17), 40: ("NVFP4", 64, 36),
    41: ("Q1_0", 128, 18), 42: ("Q2_0", 64, 18)
}
TYPE_IDS = {name: type_id for type_id, (name, _, _) in TENSOR_TYPES.items()}

# value: decoded (a list for arrays); raw: the bytes after the type, for arrays the elements'.
Value = namedtuple("Value", "type element_type value raw")
# dims: as stored, fastest-varying first; offset: of the data in the file.
Tensor = namedtuple("Tensor", "type dims offset data")


class Reader:
    """Metadata `.values` and `.tensors` of a GGUF file, both by name, in file order."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self._bytes = file.read()
        self._at = 0
        assert self._take(4) == b"GGUF", "magic"
        self.version = self._scalar(4)
        num_tensors, num_values = self._scalar(10), self._scalar(10)
        self.values = {}
        for _ in range(num_values):
            key = self._string().decode()
            assert key not in self.values, f"key {key} occurs twice"
            self.values[key] = self._value()
        infos = [self._tensor_info() for _ in range(num_tensors)]
        self.alignment = self.get("general.alignment", 32)
        self.data_start = -(-self._at // self.alignment) * self.alignment
        self.tensors = {}
        for name, dims, type_id, offset in infos:
            type_name, block_values, block_bytes = TENSOR_TYPES[type_id]
            num_values = 1
            for dim in dims:
                num_values *= dim
            size, start = num_values // block_values * block_bytes, self.data_start + offset
            assert offset % self.alignment == 0 and start + size <= len(self._bytes), name
            assert name not in self.tensors, f"tensor {name} occurs twice"
            self.tensors[name] = Tensor(type_name, dims, start, self._bytes[start:start + size])

    def get(self, key, default=None):
        """The decoded value of a key."""
        return self.values[key].value if key in self.values else default

    def _take(self, size):
        assert self._at + size <= len(self._bytes), "file ends early"
        self._at += size
        return self._bytes[self._at - size:self._at]

    def _scalar(self, type_id):
        letter = "<" + SCALARS[type_id][0]
        return struct.unpack(letter, self._take(struct.calcsize(letter)))[0]

    def _string(self):
        return self._take(self._scalar(10))

    def _element(self, type_id):
        return self._string().decode() if type_id == STRING else self._scalar(type_id)

    def _value(self):
        type_id, element_type, start = self._scalar(4), None, self._at
        if type_id == ARRAY:
            element_type, count = self._scalar(4), self._scalar(10)
            start = self._at
            value = [self._element(element_type) for _ in range(count)]
        else:
            value = self._element(type_id)
        return Value(type_id, element_type, value, self._bytes[start:self._at])

    def _tensor_info(self):
        name = self._string().decode()
        dims = [self._scalar(10) for _ in range(self._scalar(4))]
        return name, dims, self._scalar(4), self._scalar(10)


def tensor_hashes(path):
    """{name: (type, dims, sha256 of the data)}."""
    return {name: (tensor.type, tensor.dims, hashlib.sha256(tensor.data).hexdigest())
            for name, tensor in Reader(path).tensors.items()}


def string(text):
    data = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<Q", len(data)) + data


class Builder:
    """Writes a GGUF whose every field can be made wrong; unchanged it is a right one, with one Llama
    layer's worth of nothing: two F32 matrices `first.weight` and `second.weight` of [2, 32]."""

    def __init__(self):
        self.magic, self.version, self.alignment = b"GGUF", 3, 32
        self.num_tensors = self.num_values = None  # what the header claims; None: the truth
        self.values = []   # (key, type id, raw bytes)
        self.tensors = []  # [name, dims, type id, offset]
        self.data = b""
        self.set_string("general.architecture", "llama")
        for name in ("first.weight", "second.weight"):
            self.add_tensor(name, [32, 2], "F32", struct.pack("<64f", *range(64)))

    def set_string(self, key, text):
        self.values.append((key, STRING, string(text)))

    def add_tensor(self, name, dims, type_name, data):
        self.tensors.append([name, dims, TYPE_IDS[type_name], len(self.data)])
        self.data += data + bytes(-len(data) % self.alignment)

    def bytes(self):
        """The file."""
        num_tensors = len(self.tensors) if self.num_tensors is None else self.num_tensors
        num_values = len(self.values) if self.num_values is None else self.num_values
        out = self.magic + struct.pack("<IQQ", self.version, num_tensors, num_values)
        for key, type_id, raw in self.values:
            out += string(key) + struct.pack("<I", type_id) + raw
        for name, dims, type_id, offset in self.tensors:
            out += string(name) + struct.pack(f"<I{len(dims)}Q", len(dims), *dims)
            out += struct.pack("<IQ", type_id, offset)
        return out + bytes(-len(out) % self.alignment) + self.data

    def write(self, path):
        with open(path, "wb") as file:
            file.write(self.bytes())


def model(tensors):
    """Builder of a Llama model of two layers with random F32 tensors {name: dims, fastest first}."""
    builder = Builder()
    builder.tensors, builder.data = [], b""
    builder.values.append(("llama.block_count", UINT32, struct.pack("<I", 2)))
    for name, dims in tensors.items():
        count, source = 1, random.Random(name)
        for dim in dims:
            count *= dim
        values = array.array("f", (source.gauss(0, 0.02) for _ in range(count)))
        builder.add_tensor(name, dims, "F32", values.tobytes())
    return builder


def importance(entries, datasets=("text.txt",), chunks=3):
    """Builder of an importance matrix of the entries {name: (sums, counts)}."""
    builder = Builder()
    builder.values, builder.tensors, builder.data = [], [], b""
    builder.set_string("general.type", "imatrix")
    names = b"".join(string(name) for name in datasets)
    builder.values += [
        ("imatrix.datasets", ARRAY, struct.pack("<IQ", STRING, len(datasets)) + names),
        ("imatrix.chunk_count", UINT32, struct.pack("<I", chunks)),
        ("imatrix.chunk_size", UINT32, struct.pack("<I", 512))]
    for name, (sums, counts) in entries.items():
        builder.add_tensor(f"{name}.in_sum2", [len(sums) // len(counts), len(counts)], "F32",
                           struct.pack(f"<{len(sums)}f", *sums))
        builder.add_tensor(f"{name}.counts", [1, len(counts)], "F32",
                           struct.pack(f"<{len(counts)}f", *counts))
    return builder


def legacy_importance(entries, calls=2, trailer=(3, "text.txt")):
    """Bytes of an importance matrix in the legacy format: means times calls of {name: (sums,
    counts)}, and unless `trailer` is None the number of chunks and the dataset."""
    out = struct.pack("<i", len(entries))
    for name, (sums, counts) in entries.items():
        columns = len(sums) // len(counts)
        means = [value / counts[i // columns] * calls if counts[i // columns] else calls
                 for i, value in enumerate(sums)]
        out += struct.pack("<i", len(name)) + name.encode()
        out += struct.pack(f"<ii{len(means)}f", calls, len(means), *means)
    if trailer:
        out += struct.pack("<ii", trailer[0], len(trailer[1])) + trailer[1].encode()
    return out
