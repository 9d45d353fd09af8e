#!/usr/bin/env python3
"""Prints the vision table of docs/quality.md: how far the image embeddings of a quantized tower are
from those of F32. With a file as argument, replaces the stretch between that file's two marker lines.

    bazel build //tools:all && tests/vision_quality.py docs/quality.md
"""

import json
import os
import sys
import tempfile

from model_quality import ROOT, line_of, replace, run

CHECKPOINT = os.path.join(ROOT, "testdata", "hf", "gemma3-vision")
IMAGES = [os.path.join(ROOT, "testdata", "images", name) for name in ("golden.png", "photo.png")]
TYPES = ["F16", "BF16", "Q8_0", "Q5_1", "Q5_0", "Q4_1", "Q4_0"]


def table(folder):
    path = lambda name: os.path.join(folder, name)
    run("convert", "--quiet", "--outtype", "f32", CHECKPOINT, path("text.gguf"), "--mmproj",
        path("F32.gguf"))
    images = [word for image in IMAGES for word in ("--image", image)]
    text = ("| type | KB | golden.png: cosine | least | relative error | photo.png: cosine | least | "
            "relative error |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n")
    for kind in TYPES:
        run("quantize", "--quiet", "--mmproj-type", kind, path("F32.gguf"), path("tower.gguf"),
            "--force")
        result = json.loads(run("evaluate", "vision", "--json", "-m", path("tower.gguf"), "--against",
                                path("F32.gguf"), *images))
        cells = [kind, f"{os.path.getsize(path('tower.gguf')) / 1e3:.0f}"]
        for image in result["images"]:
            cells += [f"{image['mean_cosine']:.6f}", f"{image['min_cosine']:.6f}",
                      f"{image['error']['relative_rmse']:.5f}"]
        text += line_of(*cells)
    return text


def main():
    with tempfile.TemporaryDirectory() as folder:
        text = table(folder)
    if len(sys.argv) < 2:
        print(text)
    else:
        replace(sys.argv[1], "vision_quality", text)


if __name__ == "__main__":
    main()
