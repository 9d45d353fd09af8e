"""GGUF files that are cut off, contradict themselves or claim absurd sizes."""

import os
import resource
import struct

import gguf_file
import harness

HUGE = (1 << 63) - 1
# No claim in a few hundred bytes of file is worth this much address space.
MEMORY_BYTES = 2 << 30


def string_claiming(length, text=b"abc"):
    return struct.pack("<Q", length) + text


def edit(change):
    """The bytes of the right file after change(builder)."""
    builder = gguf_file.Builder()
    change(builder)
    return builder.bytes()


def set_header(**fields):
    return edit(lambda builder: [setattr(builder, name, value) for name, value in fields.items()])


def add_value(key, type_id, raw):
    return edit(lambda builder: builder.values.append((key, type_id, raw)))


def set_tensor(position, value):
    """Changes one field of `second.weight`: 0 name, 1 dimensions, 2 type, 3 offset."""
    return edit(lambda builder: builder.tensors[1].__setitem__(position, value))


GOOD = gguf_file.Builder().bytes()
HEAD = GOOD[:len(GOOD) - len(gguf_file.Builder().data)]

# name: (file, what the message must mention besides the file's name)
FILES = {
    "empty": (b"", []),
    "three bytes": (b"GGU", []),
    "only a header": (GOOD[:24], []),
    "cut inside the metadata": (GOOD[:40], []),
    "cut inside the tensor list": (HEAD[:-60], []),
    "cut inside the data": (GOOD[:-70], ["second.weight"]),
    "no data at all": (HEAD, ["first.weight"]),
    "wrong magic": (set_header(magic=b"GGML"), []),
    "version 1": (set_header(version=1), ["version"]),
    "version of the future": (set_header(version=4), ["version", "4"]),
    "version of nobody": (set_header(version=0x7FFFFFF1), ["version"]),
    "more tensors than bytes": (set_header(num_tensors=1 << 40), ["tensor"]),
    "negative number of tensors": (set_header(num_tensors=1 << 63), ["tensor"]),
    "more values than bytes": (set_header(num_values=1 << 40), []),
    "negative number of values": (set_header(num_values=(1 << 64) - 1), []),
    "string beyond the file": (add_value("test.text", 8, string_claiming(1 << 40)), ["test.text"]),
    "string length that overflows": (
        add_value("test.text", 8, string_claiming((1 << 64) - 8)), ["test.text"]),
    "array beyond the file": (
        add_value("test.list", 9, struct.pack("<IQ", 6, 1 << 50)), ["test.list"]),
    "array whose bytes overflow": (
        add_value("test.list", 9, struct.pack("<IQ", 10, 1 << 61)), ["test.list"]),
    "array of arrays": (
        add_value("test.list", 9, struct.pack("<IQ", 9, 1) + struct.pack("<IQ", 0, 0)),
        ["test.list"]),
    "unknown value type": (add_value("test.kind", 13, b"\0" * 16), ["test.kind"]),
    "duplicate key": (
        edit(lambda builder: builder.set_string("general.architecture", "llama")),
        ["general.architecture"]),
    "empty key": (add_value("", 4, struct.pack("<I", 1)), []),
    "alignment 0": (add_value("general.alignment", 4, struct.pack("<I", 0)), ["alignment"]),
    "alignment 48": (add_value("general.alignment", 4, struct.pack("<I", 48)), ["alignment"]),
    "alignment as text": (
        edit(lambda builder: builder.set_string("general.alignment", "32")), ["alignment"]),
    "duplicate tensor": (set_tensor(0, "first.weight"), ["first.weight"]),
    "five dimensions": (set_tensor(1, [2, 2, 2, 2, 4]), ["second.weight"]),
    "dimensions that overflow": (set_tensor(1, [1 << 32, 1 << 32]), ["second.weight"]),
    "a dimension of 2^63 - 1": (set_tensor(1, [HUGE]), ["second.weight"]),
    "a dimension of 2^64 - 1": (set_tensor(1, [(1 << 64) - 1]), ["second.weight"]),
    "unknown tensor type": (set_tensor(2, 1234), ["second.weight"]),
    "removed tensor type": (set_tensor(2, 4), ["second.weight"]),
    "rows that blocks do not divide": (
        edit(lambda builder: builder.tensors[1].__setitem__(slice(1, 3), [[48, 2], 8])),
        ["second.weight"]),
    "tensor past the end": (set_tensor(3, 1 << 20), ["second.weight"]),
    "offset that overflows": (set_tensor(3, (1 << 64) - 32), ["second.weight"]),
    "unaligned tensor": (set_tensor(3, 257), ["second.weight"]),
    "overlapping tensors": (set_tensor(3, 128), ["second.weight"]),
    "the same bytes twice": (set_tensor(3, 0), ["second.weight"]),
    "not a GGUF but text": (b'{"model": "llama"}\n' * 40, []),
    "not a GGUF but zeros": (bytes(4096), []),
}


class BadGguf(harness.ProgramTest):

    def setUp(self):
        super().setUp()
        if harness.is_sanitized("quantize"):  # which maps terabytes
            return
        limits = resource.getrlimit(resource.RLIMIT_AS)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_AS, limits)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, limits[1]))

    def test_the_file_they_are_made_from_is_right(self):
        gguf_file.Builder().write(self.path("good.gguf"))
        self.succeed("gguf", "inspect", "good.gguf")
        self.succeed("gguf", "verify", "good.gguf")
        self.succeed("quantize", "--type", "Q8_0", "good.gguf", "out.gguf")

    def refuse(self, *words):
        """Every bad file is refused in one line that names it, and nothing is written."""
        for name, (content, mentions) in FILES.items():
            with self.subTest(file=name):
                with open(self.path("bad.gguf"), "wb") as file:
                    file.write(content)
                self.fail_with(1, *words, mentions=["bad.gguf"] + mentions)
                self.assertEqual(["bad.gguf"], self.listing())

    def test_quantize_refuses(self):
        self.refuse("quantize", "--type", "Q8_0", "bad.gguf", "out.gguf")

    def test_inspect_refuses(self):
        self.refuse("gguf", "inspect", "bad.gguf")

    def test_verify_refuses(self):
        for name, (content, _) in FILES.items():
            with self.subTest(file=name):
                with open(self.path("bad.gguf"), "wb") as file:
                    file.write(content)
                result = self.run_tool("gguf", "verify", "bad.gguf")
                self.assertEqual(1, result.status, result)
                self.assertIn("bad.gguf", result.stdout + result.stderr)

    def test_every_truncation_is_refused(self):
        # 64 lengths over the whole file; only the padding after the last tensor may be missing, and
        # there is none here.
        for length in range(0, len(GOOD), max(1, len(GOOD) // 64)):
            with open(self.path("bad.gguf"), "wb") as file:
                file.write(GOOD[:length])
            with self.subTest(length=length):
                self.fail_with(1, "quantize", "--type", "Q8_0", "bad.gguf", "out.gguf",
                               mentions=["bad.gguf"])
        self.assertEqual(["bad.gguf"], self.listing())

    def test_missing_shard_is_named(self):
        for index in range(2):
            builder = gguf_file.Builder()
            builder.values += [("split.no", 2, struct.pack("<H", index)),
                               ("split.count", 2, struct.pack("<H", 3)),
                               ("split.tensors.count", 5, struct.pack("<i", 6))]
            for tensor in builder.tensors:
                tensor[0] = f"shard{index}.{tensor[0]}"
            builder.write(self.path(f"model-{index + 1:05}-of-00003.gguf"))
        before = self.listing()
        for name in before:
            self.fail_with(1, "quantize", "--type", "Q8_0", name, "out.gguf",
                           mentions=["model-00003-of-00003.gguf"])
        self.assertEqual(before, self.listing())

    def test_a_folder_or_device_is_no_gguf(self):
        os.mkdir(self.path("folder.gguf"))
        self.fail_with(1, "gguf", "inspect", "folder.gguf", mentions=["folder.gguf"])
        self.fail_with(1, "gguf", "inspect", "/dev/null", mentions=["/dev/null"])
        os.mkfifo(self.path("pipe.gguf"))  # must not wait for a writer
        self.fail_with(1, "gguf", "inspect", "pipe.gguf", mentions=["pipe.gguf"])


if __name__ == "__main__":
    harness.main()
