#!/usr/bin/env python3
"""Prints the tables of docs/quality.md that run the trained model in testdata: what quantization costs it
by type and effort, what importance data gives, what a narrower key-value cache costs. With a file as
argument, replaces the stretches between that file's marker lines; then with names of tables only those.

    bazel build //tools:all && tests/model_quality.py docs/quality.md [model_quality ...]
"""

import json
import math
import os
import struct
import subprocess
import sys
import tempfile

import gguf_file

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TOOLS = os.path.join(ROOT, "bazel-bin", "tools")
MODEL = os.path.join(ROOT, "testdata", "kjv-llama")
EVALUATION = os.path.join(MODEL, "eval.txt")
CALIBRATION = os.path.join(MODEL, "calibration.txt")
IMPORTANCE = os.path.join(ROOT, "testdata", "importance", "kjv-llama.gguf")
TYPES = ["Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "Q4_0", "NVFP4", "MXFP4", "IQ4_XS", "Q3_K_M", "IQ3_S",
         "IQ3_XXS", "Q2_K", "IQ2_S", "IQ2_XXS", "IQ1_M", "IQ1_S"]
NEEDS_IMPORTANCE = {"IQ3_XXS", "IQ2_S", "IQ2_XXS", "IQ1_M", "IQ1_S"}
IGNORES_IMPORTANCE = {"Q8_0", "NVFP4", "MXFP4"}
EFFORTS = ["reference", "standard", "max"]
TRAINED_CONTEXT = 256  # tokens of the sequences that the model was trained on
SMALL_TYPES = ["Q2_K", "IQ2_S", "IQ3_XXS"]
CACHES = [("f32", "f32"), ("f16", "f16"), ("bf16", "bf16"), ("q8_0", "q8_0"), ("q8_0", "q4_0"),
          ("q4_0", "q8_0"), ("q5_1", "q5_1"), ("q5_0", "q5_0"), ("iq4_nl", "iq4_nl"),
          ("q4_1", "q4_1"), ("q4_0", "q4_0")]


def run(tool, *words):
    return subprocess.run([os.path.join(TOOLS, tool), *words], check=True, capture_output=True,
                          text=True).stdout


def measure(folder, kind, effort, importance, base="base.zst", name="model.gguf"):
    """The JSON of evaluate kl, with the file's size. `importance` is a file or None."""
    path = os.path.join(folder, name)
    words = ["--imatrix", importance] if importance else []
    output = json.loads(run("quantize", "--json", "--force", "--type", kind, "--effort", effort, *words,
                            os.path.join(folder, "f16.gguf"), path))["outputs"][0]
    result = compare(folder, path, base=base)
    result.update(bytes=output["file_bytes"], bits=output["bits_per_weight"])
    return result


def compare(folder, path, *words, base="base.zst"):
    """The JSON of evaluate kl against a base file: the F16 file's by default."""
    return json.loads(run("evaluate", "kl", "--json", "-m", path, "--base",
                          os.path.join(folder, base), *words))


def predict(folder, model, text, base, context=512):
    """Writes the base file `base` of what a model in the folder predicts."""
    run("evaluate", "logits", "--force", "-m", os.path.join(folder, model), "-f", text, "-c",
        str(context), "-o", os.path.join(folder, base))


def row(folder, kind, importance):
    results = [measure(folder, kind, effort, IMPORTANCE if importance else None)
               for effort in EFFORTS]
    cells = [kind, "yes" if importance else "no", f"{results[1]['bytes'] / 1e6:.2f}",
             f"{results[1]['bits']:.2f}"]
    cells += [f"{result['mean_kld']:.5f}" for result in results]
    cells.append(f"{results[1]['mean_kld_stderr']:.5f}")
    cells += [f"{result['perplexity']:.2f}" for result in results]
    cells.append(f"{results[1]['top1_agreement']:.4f}")
    return line_of(*cells)


def line_of(*cells):
    line = "| " + " | ".join(cells) + " |\n"
    sys.stderr.write(line)
    return line


def model_quality(folder):
    text = ("| type | importance | MB | bits per weight | KL: reference | standard | max | +- | "
            "perplexity: reference | standard | max | same top word |\n"
            "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n")
    for kind in TYPES:
        for importance in (True, False):
            if kind in (NEEDS_IMPORTANCE if not importance else IGNORES_IMPORTANCE):
                continue
            text += row(folder, kind, importance)
    return text


def write_flat_importance(path, model):
    """A legacy importance matrix by which all columns of all matrices matter alike."""
    entries = [(name.encode(), tensor.dims[0])
               for name, tensor in gguf_file.Reader(model).tensors.items()
               if name.startswith("blk.") and len(tensor.dims) == 2]
    with open(path, "wb") as file:
        file.write(struct.pack("<i", len(entries)))
        for name, columns in entries:
            file.write(struct.pack(f"<i{len(name)}sii{columns}f", len(name), name, 1, columns,
                                   *[1.0] * columns))
        file.write(struct.pack("<ii4s", 1, 4, b"flat"))


def make_matrices(folder, text):
    """What a text says of the model's columns, and that they all matter alike."""
    model = os.path.join(folder, "f16.gguf")
    measured, flat = (os.path.join(folder, name) for name in ("imatrix.gguf", "flat.dat"))
    run("imatrix", "--quiet", "--force", "--no-ppl", "-m", model, "-f", text, "-c",
        str(TRAINED_CONTEXT), "-o", measured)
    write_flat_importance(flat, model)
    return measured, flat


def with_and_without(folder, name, text, matrices):
    """Rows of a table: the small types with importance data and without, on one text."""
    rows = ""
    measured, flat = matrices
    predict(folder, "f16.gguf", text, "short.zst", TRAINED_CONTEXT)
    for kind in SMALL_TYPES:
        without = measure(folder, kind, "standard", flat, "short.zst", "without.gguf")
        result = measure(folder, kind, "standard", measured, "short.zst", "with.gguf")
        error = math.hypot(without["mean_kld_stderr"], result["mean_kld_stderr"])
        predict(folder, "without.gguf", text, "without.zst", TRAINED_CONTEXT)
        pair = compare(folder, os.path.join(folder, "with.gguf"), base="without.zst")
        rows += line_of(name, kind, f"{without['mean_kld']:.5f}", f"{result['mean_kld']:.5f}",
                        f"{error:.5f}", f"{without['perplexity']:.3f}",
                        f"{result['perplexity']:.3f}", f"{pair['log_ratio']:+.4f}",
                        f"{pair['log_ratio_stderr']:.4f}")
    return rows


def importance_quality(folder):
    with open(CALIBRATION, encoding="utf-8") as file:
        chapters = file.readlines()
    halves = [os.path.join(folder, name) for name in ("first.txt", "second.txt")]
    for half, lines in zip(halves, (chapters[:20], chapters[20:])):
        with open(half, "w", encoding="utf-8") as file:
            file.writelines(lines)
    return ("| text | type | KL without | with | +- | perplexity without | with | log of their "
            "ratio | +- |\n"
            "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n" +
            with_and_without(folder, "held out", EVALUATION, make_matrices(folder, CALIBRATION)) +
            with_and_without(folder, "trained on", halves[1], make_matrices(folder, halves[0])))


def cache_quality(folder):
    text = ("| keys | values | bits per value | KL | +- | perplexity | same top word |\n"
            "| --- | --- | ---: | ---: | ---: | ---: | ---: |\n")
    bits = {"f32": 32, "f16": 16, "bf16": 16, "q8_0": 8.5, "q5_1": 6, "q5_0": 5.5, "q4_1": 5,
            "q4_0": 4.5, "iq4_nl": 4.5}
    for keys, values in CACHES:
        result = compare(folder, os.path.join(folder, "f16.gguf"), "--cache-type-k", keys,
                         "--cache-type-v", values)
        text += line_of(keys, values, f"{(bits[keys] + bits[values]) / 2:g}",
                        f"{result['mean_kld']:.6f}", f"{result['mean_kld_stderr']:.6f}",
                        f"{result['perplexity']:.2f}", f"{result['top1_agreement']:.4f}")
    return text


TABLES = {table.__name__: table for table in (model_quality, importance_quality, cache_quality)}


def prepare(folder):
    """The F16 file, and what it predicts."""
    run("convert", "--quiet", "--outtype", "f16", MODEL, os.path.join(folder, "f16.gguf"))
    predict(folder, "f16.gguf", EVALUATION, "base.zst")


def replace(path, name, text):
    begin, end = f"<!-- {name} begins -->\n", f"<!-- {name} ends -->\n"
    with open(path, encoding="utf-8") as file:
        before, rest = file.read().split(begin)
    with open(path, "w", encoding="utf-8") as file:
        file.write(before + begin + text + end + rest.split(end)[1])


def main():
    with tempfile.TemporaryDirectory() as folder:
        prepare(folder)
        for name in sys.argv[2:] or TABLES:
            text = TABLES[name](folder)
            if len(sys.argv) < 2:
                print(text)
            else:
                replace(sys.argv[1], name, text)


if __name__ == "__main__":
    main()
