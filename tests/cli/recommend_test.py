"""The command line of `recommend`: advice by file, checkpoint, name and numbers, and what it says of
budgets that are too small, unreadable nvidia-smi and wrong usage."""

import json
import os

import harness

CHECKPOINT = os.path.join(harness.TESTDATA, "kjv-llama")
MEBIBYTE = 1 << 20


class Recommend(harness.ProgramTest):

    def advice(self, *words):
        return json.loads(self.succeed("recommend", "--json", *words).stdout)

    def best(self, result, priority):
        choice = next(c for c in result["choices"] if c["priority"] == priority)
        return result["candidates"][choice["candidate"]]

    def fake_nvidia_smi(self, script):
        """An environment in which nvidia-smi is this shell script."""
        os.makedirs(self.path("bin"), exist_ok=True)
        with open(self.path("bin", "nvidia-smi"), "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n" + script + "\n")
        os.chmod(self.path("bin", "nvidia-smi"), 0o755)
        return dict(os.environ, PATH=self.path("bin") + ":/usr/bin:/bin")

    def test_advice_names_types_memory_and_loss(self):
        said = self.succeed("recommend", "--vram", "8GiB", "--params", "Llama-3.1-8B").stdout
        lines = said.splitlines()
        self.assertIn("8.03 billion weights", lines[0])
        self.assertTrue(any(line.startswith("balanced  Q5_K_M with an f16 cache") for line in lines))
        self.assertIn("5.3 GiB weights + 1.0 GiB cache + 266.5 MiB buffers = 6.6 GiB of 7.5 GiB", said)
        self.assertRegex(said, r"BF16 .* does not fit")
        self.assertRegex(said, r"Q6_K .* 0\.0054 .*<- quality")
        self.assertIn("llama.cpp tools/perplexity/README.md", said)
        self.assertIn("docs/quality.md", said)

    def test_the_priority_asked_for_comes_first(self):
        for priority in ("quality", "balanced", "speed"):
            result = self.advice("--vram", "8GiB", "--params", "8B", "--priority", priority)
            self.assertEqual(priority, result["choices"][0]["priority"])
            self.assertEqual([True, False, False],
                             [choice["is_asked_for"] for choice in result["choices"]])

    def test_a_priority_that_cannot_be_met_says_so(self):
        said = self.succeed("recommend", "--vram", "6GiB", "--params", "Llama-3.1-8B").stdout
        self.assertIn("nothing that fits stays within a divergence of 0.015", said)
        self.assertIn("\nquality   the same\n", said)
        self.assertIn("speed     IQ4_XS", said)

    def test_sizes_are_those_that_quantize_writes(self):
        result = self.advice("--vram", "1GiB", "-m", CHECKPOINT, "-c", "512", "--no-imatrix")
        candidates = {candidate["type"]: candidate for candidate in result["candidates"]}
        for kind in ("Q4_K_M", "Q8_0"):
            planned = json.loads(self.succeed("quantize", "--json", "--dry-run", "--type", kind,
                                              CHECKPOINT, "out.gguf").stdout)
            self.assertEqual(planned["outputs"][0]["tensor_bytes"], candidates[kind]["weight_bytes"])
        # 512 cells x 8 layers x 2 x 2 heads x 64 values x 2 bytes
        self.assertEqual(512 * 8 * 2 * 2 * 64 * 2, result["caches"][0]["bytes"])

    def test_a_gguf_serves_as_well_and_a_quantized_one_stands_for_its_source(self):
        self.succeed("convert", CHECKPOINT, "f16.gguf")
        self.succeed("quantize", "--type", "Q8_0", "f16.gguf", "q8.gguf")
        whole = self.advice("--vram", "1GiB", "-m", "f16.gguf")
        self.assertEqual([], whole["warnings"])
        self.assertTrue(self.best(whole, "quality")["is_lossless"])
        quantized = self.advice("--vram", "1GiB", "-m", "q8.gguf")
        self.assertIn("COPY", [candidate["type"] for candidate in quantized["candidates"]])
        self.assertIn("is quantized already", quantized["warnings"][0])
        sizes = [{c["type"]: c["weight_bytes"] for c in r["candidates"]} for r in (whole, quantized)]
        self.assertEqual(sizes[0]["Q4_K_M"], sizes[1]["Q4_K_M"])

    def test_numbers_describe_a_model_that_is_not_at_hand(self):
        shape = ["--params", "13B", "--layers", "40", "--kv-heads", "40", "--head-size", "128"]
        result = self.advice("--vram", "16GiB", "-c", "4096", *shape)
        self.assertEqual(4096 * 40 * 2 * 40 * 128 * 2, result["caches"][0]["bytes"])
        self.assertIn("estimates", result["basis"])
        sliding = self.advice("--vram", "16GiB", "-c", "4096", *shape, "--window", "512",
                              "--sliding-layers", "30")
        self.assertEqual((10 * 4096 + 30 * 1024) * 2 * 40 * 128 * 2, sliding["caches"][0]["bytes"])

    def test_reserve_and_pad_give_the_published_cache_sizes(self):
        words = ["--vram", "24GiB", "--params", "Mistral-7B", "-c", "32768"]
        reserved = self.advice(*words, "--reserve", "80")
        self.assertEqual(2 * 2064 * MEBIBYTE, reserved["caches"][0]["bytes"])
        plain = self.advice(*words, "--cache-type-k", "q8_0", "--cache-type-v", "q8_0")
        self.assertEqual(2 * 1088 * MEBIBYTE, plain["caches"][0]["bytes"])
        self.assertEqual(32848, self.advice(*words, "--reserve", "80", "--pad", "1")["full_cells"])

    def test_gpt_oss_keeps_its_cache_in_f16(self):
        words = ["--vram", "16GiB", "--params", "gpt-oss-20B"]
        self.assertEqual(["f16"], [cache["type_k"] for cache in self.advice(*words)["caches"]])
        result = self.run_tool("recommend", *words, "--cache-type-k", "q8_0", "--cache-type-v", "q8_0")
        self.assertEqual(0, result.status)
        self.assertIn("sinks", result.stderr)
        self.assertIn("f16 cache", result.stdout)

    def test_nothing_fits(self):
        words = ["--vram", "4GiB", "--params", "70B"]
        self.fail_with(1, "recommend", *words,
                       mentions=["nothing fits Llama-3.1-70B into 4.0 GiB", "IQ1_S", "15.8 GiB"])
        result = self.run_tool("recommend", "--json", *words)
        self.assertEqual(1, result.status)
        report = json.loads(result.stdout)
        self.assertEqual([], report["choices"])
        self.assertTrue(all(candidate["spare_bytes"] < 0 for candidate in report["candidates"]))
        enough = str(int(report["least_memory_bytes"])) + "B"
        self.succeed("recommend", "--vram", enough, "--params", "70B")

    def test_nvidia_smi_says_what_is_free(self):
        env = self.fake_nvidia_smi("echo 8192\necho 16384")
        result = self.run_tool("recommend", "--params", "8B", env=env)
        self.assertEqual(0, result.status, result.stderr)
        self.assertIn("16.0 GiB (free on card 1 by nvidia-smi)", result.stdout)
        self.assertIn("2 cards", result.stderr)

    def test_nvidia_smi_that_does_not_help_is_one_line(self):
        for script, mentions in (("echo '[N/A]'", "[N/A]"), ("exit 9", "failed"),
                                 ("echo; exit 0", "number of MiB"),
                                 ("exec sleep 100", "10 seconds"),
                                 ("printf '\\033[31m'", "\\x1b[31m")):
            result = self.run_tool("recommend", "--params", "8B", env=self.fake_nvidia_smi(script))
            self.assertEqual(1, result.status, script)
            self.assertEqual(1, len(result.stderr.strip().splitlines()), result.stderr)
            self.assertIn(mentions, result.stderr)
            self.assertIn("--vram", result.stderr)
            self.assertNotIn("\x1b", result.stderr)
        os.makedirs(self.path("empty"), exist_ok=True)
        env = dict(os.environ, PATH=self.path("empty"))
        result = self.run_tool("recommend", "--params", "8B", env=env)
        self.assertEqual(1, result.status)
        self.assertIn("nvidia-smi cannot be started", result.stderr)

    def test_wrong_usage(self):
        for words, mentions in (
                (["--vram", "8GiB"], ["--model", "--params"]),
                (["--vram", "8GiB", "--params", "8B", "-m", "x.gguf"], ["--model"]),
                (["--vram", "8", "--params", "8B"], ["--vram 8", "8GiB"]),
                (["--vram", "lots", "--params", "8B"], ["--vram", "lots"]),
                (["--vram", "8GiB", "--params", "lama"], ["lama", "Llama-3.1-8B"]),
                (["--vram", "8GiB", "--params", "8B", "--priority", "best"], ["--priority"]),
                (["--vram", "8GiB", "--params", "8B", "-c", "0"], ["--ctx-size"]),
                (["--vram", "8GiB", "--params", "8B", "--pad", "0"], ["--pad"]),
                (["--vram", "8GiB", "--params", "8B", "--cache-type-k", "q9"],
                 ["--cache-type-k", "q9", "q8_0"]),
                (["--vram", "8GiB", "--params", "8B", "--layers", "3"], ["--kv-heads"]),
                (["--vram", "8GiB", "-m", "x.gguf", "--layers", "3", "--kv-heads", "1",
                  "--head-size", "64"], ["--params"]),
                (["--vram", "8GiB", "--params", "many", "--layers", "3", "--kv-heads", "1",
                  "--head-size", "64"], ["many", "8B"]),
                (["--vram", "8GiB", "--params", "1B", "--layers", "3", "--kv-heads", "1",
                  "--head-size", "64", "--window", "9"], ["--sliding-layers"])):
            with self.subTest(words=words):
                self.fail_with(2, "recommend", *words, mentions=mentions)

    def test_models_that_are_not_there_or_none(self):
        with open(self.path("text.txt"), "w", encoding="utf-8") as file:
            file.write("no model\n")
        self.fail_with(1, "recommend", "--vram", "8GiB", "-m", "no.gguf", mentions=["no.gguf"])
        self.fail_with(1, "recommend", "--vram", "8GiB", "-m", "text.txt", mentions=["text.txt"])
        self.succeed("convert", CHECKPOINT, "f16.gguf")
        self.succeed("gguf", "set", "f16.gguf", "general.architecture=string:hyena", "-o", "bad.gguf")
        self.fail_with(1, "recommend", "--vram", "8GiB", "-m", "bad.gguf",
                       mentions=["bad.gguf", "hyena", "--layers"])

    def test_known_models_are_listed(self):
        self.assertIn("gpt-oss-120B", self.succeed("recommend", "--list-models").stdout)


if __name__ == "__main__":
    harness.main()
