"""Types of the key-value cache, as options of the programs that run models: what they cost, and which
are refused for which models and programs."""

import json
import os

import harness

HF = os.path.join(harness.TESTDATA, "hf")
TRAINED = os.path.join(HF, "llama-trained")
TEXT = os.path.join(TRAINED, "eval.txt")
QUANTIZED = ["q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl"]


class Cache(harness.ProgramTest):

    def make(self, name, folder):
        self.succeed("convert", "--quiet", "--outtype", "f32", os.path.join(HF, folder), name)

    def refuse(self, *words, mentions, status=1):
        self.assertEqual("", self.fail_with(status, *words, mentions=mentions).stdout)

    def run_commands(self):
        """A command line of everything that keeps a cache, but for the model and the cache."""
        with open(self.path("tasks.jsonl"), "w", encoding="utf-8") as file:
            file.write('{"context": "The", "choices": [" boy", " girl"], "answer": 0}\n')
        with open(self.path("ids.txt"), "w", encoding="utf-8") as file:
            file.write("1 2 3")
        text = ("-f", TEXT, "-c", 16, "--chunks", 1)
        return [("generate", "-p", "The", "-n", 2),
                ("evaluate", "perplexity", *text),
                ("evaluate", "logits", *text, "-o", "base.zst", "--force"),
                ("evaluate", "logits", "--ids", "ids.txt", "-o", "logits.npy", "--force"),
                ("evaluate", "kl", "--base", "base.zst"),
                ("evaluate", "choice", "-f", "tasks.jsonl")]

    def test_gpt_oss_is_not_quantized_unless_that_is_asked_for(self):
        self.make("model.gguf", "gpt-oss")
        model = ("-m", "model.gguf")
        for words in self.run_commands():
            with self.subTest(command=words[:2]):
                self.succeed(*words, *model, "--quantkv", 0)
                for cache in (("--quantkv", 1), ("--cache-type-k", "q5_0"),
                              ("--cache-type-v", "iq4_nl")):
                    self.refuse(*words, *model, *cache,
                                mentions=["model.gguf", "gpt-oss", "sinks", "f16",
                                          "--allow-quantized-kv"])
                    self.succeed(*words, *model, *cache, "--allow-quantized-kv")

    def test_other_families_are_quantized_without_asking(self):
        self.make("model.gguf", "gemma2")
        for words in self.run_commands():
            self.succeed(*words, "-m", "model.gguf", "--quantkv", 1)

    def test_types_that_a_program_cannot_do(self):
        self.make("gpt-oss.gguf", "gpt-oss")
        self.make("gemma2.gguf", "gemma2")
        self.make("qwen2.gguf", "qwen2")
        words = ("generate", "-p", "The", "-n", 1, "--cache-for")
        for program, model, cache, mentions in (
                ("ollama-before-2025-10", "gpt-oss", "q8_0", ["sinks", "Ollama before October 2025"]),
                ("ollama", "gemma2", "q8_0", ["Q8_0", "gemma2", "flash attention"]),
                ("ollama", "qwen2", "bf16", ["BF16", "Ollama", "q4_0"]),
                ("llama.cpp-metal", "qwen2", "iq4_nl", ["IQ4_NL", "Metal", "q5_1"]),
                ("llama.cpp-cuda", "qwen2", "q5_1", ["Q5_1", "CUDA", "q4_0"])):
            with self.subTest(program=program):
                both = ("--cache-type-k", cache, "--cache-type-v", cache)
                self.refuse(*words, program, "-m", f"{model}.gguf", *both,
                            mentions=[f"{model}.gguf", *mentions])
        for program, model, level in (("ollama", "gpt-oss", 1), ("ollama-before-2025-10", "qwen2", 2),
                                      ("llama.cpp", "gemma2", 2)):
            self.succeed(*words, program, "-m", f"{model}.gguf", "--quantkv", level)
        self.refuse(*words, "ollama", "-m", "qwen2.gguf", "--cache-type-k", "q8_0",
                    "--cache-type-v", "f16", mentions=["one type for both"])
        self.refuse(*words, "vllm", "-m", "qwen2.gguf", status=2, mentions=["cache-for", "ollama"])

    def test_heads_that_blocks_do_not_divide(self):
        self.make("model.gguf", "llama")
        self.succeed("gguf", "set", "model.gguf", "llama.attention.key_length=uint32:16",
                     "llama.attention.value_length=uint32:16", "llama.attention.head_count=uint32:8",
                     "llama.attention.head_count_kv=uint32:4", "llama.rope.dimension_count=uint32:16")
        self.refuse("generate", "-m", "model.gguf", "-p", "The", "--quantkv", 1,
                    mentions=["model.gguf", "Q8_0", "blocks of 32", "head size 16", "f16"])

    def test_divergence_says_what_a_type_costs(self):
        self.succeed("convert", "--quiet", "--outtype", "f32", TRAINED, "model.gguf")
        self.succeed("evaluate", "logits", "-m", "model.gguf", "-f", TEXT, "-c", 128, "--chunks", 8,
                     "-o", "base.zst")
        cost = {}
        for name in ["f32", "f16", "bf16", *QUANTIZED]:
            cost[name] = json.loads(self.succeed(
                "evaluate", "kl", "-m", "model.gguf", "--base", "base.zst", "--cache-type-k", name,
                "--cache-type-v", name, "--json").stdout)["mean_kld"]
        print(cost)
        self.assertLess(cost["f16"], 1e-6)
        self.assertLess(cost["f16"], cost["bf16"])
        self.assertLess(cost["bf16"], cost["q8_0"])
        for five in ("q5_1", "q5_0"):
            self.assertLess(4 * cost["q8_0"], cost[five])
            for four in ("q4_1", "q4_0", "iq4_nl"):
                self.assertLess(cost[five], cost[four])
        self.assertLess(cost["q4_0"], 0.1)
        for level, name in enumerate(("f16", "q8_0", "q4_0")):
            alias = json.loads(self.succeed("evaluate", "kl", "-m", "model.gguf", "--base",
                                            "base.zst", "--quantkv", level, "--json").stdout)
            self.assertEqual(cost[name], alias["mean_kld"])

    def test_wrong_usage(self):
        words = ("evaluate", "kl", "-m", "model.gguf", "--base", "base.zst")
        self.refuse(*words, "--quantkv", 3, status=2, mentions=["quantkv"])
        self.refuse(*words, "--quantkv", 1, "--cache-type-v", "f16", status=2,
                    mentions=["quantkv", "cache-type-v"])
        self.refuse(*words, "--cache-type-k", "q9", status=2, mentions=["cache-type-k", "q8_0"])


if __name__ == "__main__":
    harness.main()
