#!/usr/bin/env python3
"""Prints the model table of docs/quality.md: what quantization costs the trained model in testdata, by
type and effort, with importance data and without. With a file as argument, replaces the stretch between
that file's two marker lines.

    bazel build //tools:all && tests/model_quality.py docs/quality.md
"""

import json
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TOOLS = os.path.join(ROOT, "bazel-bin", "tools")
MODEL = os.path.join(ROOT, "testdata", "kjv-llama")
IMPORTANCE = os.path.join(ROOT, "testdata", "importance", "kjv-llama.gguf")
BEGIN, END = "<!-- model_quality begins -->\n", "<!-- model_quality ends -->\n"
TYPES = ["Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "Q4_0", "NVFP4", "MXFP4", "IQ4_XS", "Q3_K_M", "IQ3_S",
         "IQ3_XXS", "Q2_K", "IQ2_S", "IQ2_XXS", "IQ1_M", "IQ1_S"]
NEEDS_IMPORTANCE = {"IQ3_XXS", "IQ2_S", "IQ2_XXS", "IQ1_M", "IQ1_S"}
IGNORES_IMPORTANCE = {"Q8_0", "NVFP4", "MXFP4"}
EFFORTS = ["reference", "standard", "max"]


def run(tool, *words):
    return subprocess.run([os.path.join(TOOLS, tool), *words], check=True, capture_output=True,
                          text=True).stdout


def measure(folder, kind, effort, importance):
    """The JSON of evaluate kl, and bits per weight."""
    path = os.path.join(folder, "model.gguf")
    words = ["--imatrix", IMPORTANCE] if importance else []
    run("quantize", "--quiet", "--force", "--type", kind, "--effort", effort, *words,
        os.path.join(folder, "f16.gguf"), path)
    result = json.loads(run("evaluate", "kl", "--json", "-m", path, "--base",
                            os.path.join(folder, "base.zst")))
    result["bytes"] = os.path.getsize(path)
    return result


def row(folder, kind, importance):
    results = [measure(folder, kind, effort, importance) for effort in EFFORTS]
    cells = [kind, "yes" if importance else "no", f"{results[1]['bytes'] / 1e6:.2f}"]
    cells += [f"{result['mean_kld']:.5f}" for result in results]
    cells.append(f"{results[1]['mean_kld_stderr']:.5f}")
    cells += [f"{result['perplexity']:.2f}" for result in results]
    cells.append(f"{results[1]['top1_agreement']:.4f}")
    return "| " + " | ".join(cells) + " |\n"


def table(folder):
    run("convert", "--quiet", "--outtype", "f16", MODEL, os.path.join(folder, "f16.gguf"))
    run("evaluate", "logits", "-m", os.path.join(folder, "f16.gguf"), "-f",
        os.path.join(MODEL, "eval.txt"), "-c", "512", "-o", os.path.join(folder, "base.zst"))
    text = ("| type | importance | MB | KL: reference | standard | max | +- | perplexity: reference | "
            "standard | max | same top word |\n"
            "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n")
    for kind in TYPES:
        for importance in (True, False):
            if kind in (NEEDS_IMPORTANCE if not importance else IGNORES_IMPORTANCE):
                continue
            line = row(folder, kind, importance)
            sys.stderr.write(line)
            text += line
    return text


def main():
    with tempfile.TemporaryDirectory() as folder:
        text = table(folder)
    if len(sys.argv) < 2:
        sys.stdout.write(text)
        return
    with open(sys.argv[1], encoding="utf-8") as file:
        content = file.read()
    before, rest = content.split(BEGIN)
    _, after = rest.split(END)
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        file.write(before + BEGIN + text + END + after)


if __name__ == "__main__":
    main()
