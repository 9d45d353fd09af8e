"""Builds examples/pipeline by Bazel itself: the second build does nothing, and a copy of the
checkout in another folder, with other threads and no cache for these actions, gives the same
digests, each action in a sandbox. Run by ./test.sh, since a test cannot run Bazel.

usage: checkouts_test.py [BAZEL_STARTUP_OPTION...] -- [BAZEL_OPTION...]
       in the root of a checkout, with tests/ in PYTHONPATH
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import harness

TARGET = "//examples/pipeline:all"
MNEMONICS = {"GgufConvert", "GgufImatrix", "GgufQuantize", "GgufLogits", "GgufQuality",
             "GgufReport"}
separator = sys.argv.index("--")
STARTUP, OPTIONS = sys.argv[1:separator], sys.argv[separator + 1:]


def documents(text):
    """The JSON documents that follow each other in `text`."""
    decoder, at = json.JSONDecoder(), 0
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        document, at = decoder.raw_decode(text, at)
        yield document


class Checkouts(unittest.TestCase):

    def setUp(self):
        self.folder = tempfile.mkdtemp(dir=os.environ.get("TMPDIR"))
        self.addCleanup(self.remove)

    def remove(self):
        subprocess.run(["chmod", "-R", "u+w", self.folder], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def bazel(self, checkout, *words, startup=()):
        done = subprocess.run(["bazel", *STARTUP, *startup, *words], cwd=checkout, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False)
        self.assertEqual(0, done.returncode, done.stderr[-4000:])
        return done.stdout

    def build(self, checkout, *words, startup=()):
        """Builds the pipeline; the actions that ran, from Bazel's log of them."""
        log = os.path.join(self.folder, "log.json")
        self.bazel(checkout, "build", *OPTIONS, f"--execution_log_json_file={log}", *words, TARGET,
                   startup=startup)
        with open(log, encoding="utf-8") as file:
            return list(documents(file.read()))

    def digests(self, checkout, startup=()):
        """{file name: SHA-256} of what the pipeline made, but for the tests' scripts."""
        folder = os.path.join(self.bazel(checkout, "info", *OPTIONS, "bazel-bin",
                                         startup=startup).strip(), "examples", "pipeline")
        digests = {}
        for name in sorted(os.listdir(folder)):
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not name.endswith("_manifest"):
                with open(path, "rb") as file:
                    digests[name] = hashlib.sha256(file.read()).hexdigest()
        return digests

    def copy(self):
        target = os.path.join(self.folder, "some", "where-else")
        shutil.copytree(harness.ROOT, target, symlinks=True,
                        ignore=shutil.ignore_patterns("bazel-*", ".git", "build-output"))
        return target

    def test_a_second_build_does_nothing(self):
        self.build(harness.ROOT)
        self.assertEqual([], [action.get("mnemonic") for action in self.build(harness.ROOT)])

    def test_another_checkout_gives_the_same_digests(self):
        self.build(harness.ROOT)
        expected = self.digests(harness.ROOT)
        self.assertEqual(3, sum(name.startswith("kjv-") for name in expected), expected)
        other = self.copy()
        startup = [f"--output_base={self.folder}/output"]
        self.addCleanup(self.bazel, other, "shutdown", startup=startup)
        ran = self.build(other, "--modify_execution_info=Gguf.*=+no-cache",
                         "--//tools/build:threads=2", startup=startup)
        ours = [action for action in ran if action.get("mnemonic") in MNEMONICS]
        self.assertEqual(MNEMONICS, {action["mnemonic"] for action in ours})
        for action in ours:
            self.assertIn("sandbox", action["runner"], action["mnemonic"])
            self.assertFalse(action["remoteCacheHit"], action["mnemonic"])
        self.assertEqual(expected, self.digests(other, startup=startup))


if __name__ == "__main__":
    sys.argv[1:] = []
    harness.main()
