"""Memory is a contract: converting and quantizing hold a few row chunks, never the model nor a whole
tensor."""

import os
import subprocess

import generate_checkpoint
import generate_gemma3
import harness

MIB = 1 << 20
LIMITS = (64 * MIB, 256 * MIB)
# What the process may take beyond the limit it is given: its own code and libraries, thread stacks,
# the parsed header and vocabulary.
ALLOWANCE = 64 * MIB


class Memory(harness.ProgramTest):

    def peak_of(self, *words):
        """Runs a tool that must succeed; returns its largest resident size in bytes."""
        process = subprocess.Popen(harness.command(words), cwd=self.folder,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(0, process.returncode)
        return usage.ru_maxrss * 1024

    def setUp(self):
        super().setUp()
        if harness.is_sanitized("quantize"):
            self.skipTest("a sanitizer takes memory of its own")

    def test_quantize_stays_within_its_limit(self):
        # 342 MiB of F16, the two largest tensors 128 MiB each (256 MiB as floats).
        checkpoint = generate_checkpoint.generate(
            self.path("checkpoint"), hidden=2048, feed_forward=5632, layers=1, heads=16,
            kv_heads=4, vocabulary=32768)
        weights = os.path.getsize(os.path.join(checkpoint, "model.safetensors"))
        self.assertGreater(weights, max(LIMITS) + ALLOWANCE,
                           "the model would fit, the test shows nothing")
        for limit in LIMITS:
            for threads in (1, 4):
                with self.subTest(limit=limit, threads=threads):
                    peak = self.peak_of("quantize", "--quiet", "--force", "--threads", threads,
                                        "--memory-limit", limit, "--type", "Q8_0", checkpoint,
                                        "out.gguf")
                    print(f"limit {limit >> 20} MiB, {threads} threads: {peak / MIB:.1f} MiB")
                    self.assertLess(peak, limit + ALLOWANCE)

    def test_convert_holds_a_few_row_chunks(self):
        # 342 MiB of F16, kept and widened.
        checkpoint = generate_checkpoint.generate(
            self.path("checkpoint"), hidden=2048, feed_forward=5632, layers=1, heads=16,
            kv_heads=4, vocabulary=32768)
        for outtype in ("f16", "f32"):
            peak = self.peak_of("convert", "--quiet", "--force", "--threads", 2, "--outtype",
                                outtype, checkpoint, "out.gguf")
            print(f"{outtype}: {peak / MIB:.1f} MiB")
            self.assertLess(peak, 128 * MIB)

    def test_repack_holds_a_few_row_chunks(self):
        # The 4B as published, but with fewer blocks and tokens: zeros, the inputs sparse.
        size, tower = generate_gemma3.SIZES["4b"]
        size = size._replace(layers=3, vocabulary=32768)
        text, mmproj, joined = (self.path(name) for name in ("t.gguf", "m.gguf", "joined.gguf"))
        generate_gemma3.write(text, generate_gemma3.text_keys(size),
                              generate_gemma3.text_tensors(size), True)
        tower = tower._replace(blocks=8)
        generate_gemma3.write(mmproj, generate_gemma3.tower_keys(tower, size.width),
                              generate_gemma3.tower_tensors(tower, size.width, False), True)
        join = ("repack", "--quiet", "--threads", 2, "--layout", "ollama", "--text", text,
                "--vision", mmproj, joined)
        for words in (join, join + ("--force", "--shrink-embedding", "Q8_0"),
                      ("repack", "--quiet", "--threads", 2, "--layout", "llama.cpp", joined,
                       "t2.gguf", "m2.gguf")):
            peak = self.peak_of(*words)
            print(f"{words[3:7]}: {peak / MIB:.1f} MiB")
            self.assertGreater(os.path.getsize(joined), 400 * MIB)
            self.assertLess(peak, 100 * MIB)

    def test_a_limit_that_cannot_be_kept_is_refused(self):
        checkpoint = generate_checkpoint.generate(self.path("checkpoint"))
        self.fail_with(1, "quantize", "--memory-limit", "1MiB", "--type", "Q8_0", checkpoint,
                       "out.gguf", mentions=["--memory-limit", "MiB"])
        self.assertNotIn("out.gguf", self.listing())


if __name__ == "__main__":
    harness.main()
