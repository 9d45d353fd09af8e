"""The command line of `evaluate` on texts: figures that other programs give too, and what it says of
bad models, texts, tasks and base files."""

import array
import json
import math
import os
import signal
import struct
import subprocess

import gguf_file
import harness

HF = os.path.join(harness.TESTDATA, "hf")
TRAINED = os.path.join(HF, "llama-trained")
TRAINED_TEXT = os.path.join(TRAINED, "eval.txt")
KJV = os.path.join(harness.TESTDATA, "kjv-llama")


def read_json(*parts):
    with open(os.path.join(*parts), encoding="utf-8") as file:
        return json.load(file)


def read_npy(path):
    """Rows of a float32 matrix."""
    with open(path, "rb") as file:
        data = file.read()
    header_bytes = struct.unpack_from("<H", data, 8)[0]
    header = data[10:10 + header_bytes].decode()
    rows, columns = (int(n) for n in header.split("(")[1].split(")")[0].split(",")[:2])
    values = array.array("f")
    values.frombytes(data[10 + header_bytes:])
    return [values[r * columns:(r + 1) * columns] for r in range(rows)]


def safetensor(path, name):
    """Float32 values of a tensor."""
    with open(path, "rb") as file:
        data = file.read()
    header_bytes = struct.unpack_from("<Q", data)[0]
    begin, end = json.loads(data[8:8 + header_bytes])[name]["data_offsets"]
    values = array.array("f")
    values.frombytes(data[8 + header_bytes:][begin:end])
    return values


def cosine(a, b):
    product = sum(x * y for x, y in zip(a, b))
    return product / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


class EvaluateTest(harness.ProgramTest):

    def make(self, folder, name, outtype="f32"):
        self.succeed("convert", "--outtype", outtype, folder, name)

    def write(self, name, content):
        with open(self.path(name), "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())

    def evaluate(self, *words):
        """The result of a command as a dictionary."""
        return json.loads(self.succeed("evaluate", *words, "--json").stdout)

    def refuse(self, *words, mentions, status=1):
        result = self.fail_with(status, "evaluate", *words, mentions=mentions)
        self.assertEqual("", result.stdout)


class Perplexity(EvaluateTest):

    def test_is_what_the_training_library_gives(self):
        self.make(TRAINED, "model.gguf")
        result = self.evaluate("perplexity", "-m", "model.gguf", "-f", TRAINED_TEXT, "-c", 256)
        expected = read_json(TRAINED, "perplexity.json")
        self.assertEqual(expected["n_chunks"], result["windows"])
        self.assertEqual(expected["n_chunks"] * expected["scored_per_chunk"], result["tokens"])
        self.assertAlmostEqual(expected["perplexity"], result["perplexity"],
                               delta=1e-4 * expected["perplexity"])
        self.assertAlmostEqual(0.6365, result["perplexity_stderr"], delta=0.002)

    # llama-perplexity's running estimate after four windows of this file.
    def test_is_what_llama_perplexity_gives(self):
        self.make(KJV, "model.gguf", "f16")
        words = ("perplexity", "-m", "model.gguf", "-f", os.path.join(KJV, "eval.txt"))
        result = self.evaluate(*words, "--chunks", 4)
        self.assertAlmostEqual(43.1864, result["perplexity"], delta=0.002 * 43.1864)
        self.assertEqual(4 * 255, result["tokens"])
        said = self.succeed("evaluate", *words, "--chunks", 1, "--progress", "always")
        self.assertRegex(said.stdout, r"^perplexity 52\.4\d+ \+- \d+\.\d+  \(255 tokens of 1 ")
        self.assertRegex(said.stderr, r"window 1 of 1  perplexity 52\.")

    # llama-perplexity's figures of the whole text: 40.63 +- 0.94.
    def test_is_what_llama_perplexity_gives_of_a_whole_text(self):
        self.make(KJV, "model.gguf", "f16")
        result = self.evaluate("perplexity", "-m", "model.gguf", "-f", os.path.join(KJV, "eval.txt"),
                               "-c", 512)
        self.assertEqual(14280, result["tokens"])
        self.assertAlmostEqual(40.63, result["perplexity"], delta=0.002 * 40.63)
        self.assertAlmostEqual(0.94, result["perplexity_stderr"], delta=0.01)

    def test_does_not_depend_on_threads(self):
        self.make(TRAINED, "model.gguf")
        words = ("perplexity", "-m", "model.gguf", "-f", TRAINED_TEXT, "-c", 64, "--chunks", 3)
        figures = {self.evaluate(*words, "-t", threads)["perplexity"] for threads in (1, 2, 5)}
        self.assertEqual(1, len(figures))

    def test_a_narrower_cache_costs_little(self):
        self.make(TRAINED, "model.gguf")
        words = ("perplexity", "-m", "model.gguf", "-f", TRAINED_TEXT, "-c", 128, "--chunks", 3)
        full = self.evaluate(*words)["perplexity"]
        narrow = self.evaluate(*words, "--cache-type-k", "q8_0", "--cache-type-v", "q4_0")
        self.assertNotEqual(full, narrow["perplexity"])
        self.assertAlmostEqual(full, narrow["perplexity"], delta=0.05 * full)

    def test_contexts_beyond_the_training_warn(self):
        self.make(TRAINED, "model.gguf")
        trained = gguf_file.Reader(self.path("model.gguf")).values["llama.context_length"].value
        self.succeed("gguf", "set", "model.gguf", "llama.context_length=uint32:64")
        said = self.succeed("evaluate", "perplexity", "-m", "model.gguf", "-f", TRAINED_TEXT, "-c",
                            min(128, trained), "--chunks", 1)
        self.assertIn("trained for", said.stderr)

    def test_bad_texts(self):
        self.make(TRAINED, "model.gguf")
        self.write("empty.txt", "")
        self.write("short.txt", "And God said")
        words = ("perplexity", "-m", "model.gguf")
        self.refuse(*words, "-f", "empty.txt", mentions=["empty.txt", "is empty"])
        self.refuse(*words, "-f", "short.txt", mentions=["short.txt", "tokens", "512", "-c"])
        self.refuse(*words, "-f", "none.txt", mentions=["none.txt"])
        self.refuse(*words, "-f", ".", mentions=["folder"])

    def test_bad_models(self):
        self.make(TRAINED, "model.gguf")
        self.succeed("gguf", "remove", "model.gguf", "tokenizer.ggml.tokens", "-o", "none.gguf")
        self.refuse("perplexity", "-m", "none.gguf", "-f", TRAINED_TEXT,
                    mentions=["none.gguf", "no tokenizer"])
        self.refuse("perplexity", "-m", "gone.gguf", "-f", TRAINED_TEXT, mentions=["gone.gguf"])
        self.refuse("perplexity", "-m", TRAINED_TEXT, "-f", TRAINED_TEXT, mentions=["eval.txt"])
        self.make(os.path.join(HF, "bert"), "bert.gguf")
        self.refuse("perplexity", "-m", "bert.gguf", "-f", TRAINED_TEXT, "-c", 16,
                    mentions=["bert.gguf", "encoder"])

    def test_contexts_beyond_the_memory(self):
        self.make(KJV, "model.gguf")
        self.refuse("perplexity", "-m", "model.gguf", "-f", TRAINED_TEXT, "-c", 16000000,
                    mentions=["model.gguf", "memory", "key-value cache", "smaller context"])

    def test_wrong_usage(self):
        self.make(TRAINED, "model.gguf")
        words = ("perplexity", "-m", "model.gguf", "-f", TRAINED_TEXT)
        self.refuse(*words, "--cache-type-k", "q9", status=2, mentions=["cache-type-k", "q9", "q8_0"])
        self.refuse(*words, "--cache-type-v", "q4_k", status=2, mentions=["cache-type-v", "q4_k"])
        self.refuse(*words, "-c", 3, status=2, mentions=["ctx-size"])
        self.refuse("perplexity", "-m", "model.gguf", status=2, mentions=["--file"])
        self.refuse(status=2, mentions=["no command", "perplexity", "choice"])


class Divergence(EvaluateTest):

    def setUp(self):
        super().setUp()
        self.make(TRAINED, "f32.gguf")

    def make_base(self, chunks, context=256, model="f32.gguf"):
        self.succeed("evaluate", "logits", "-m", model, "-f", TRAINED_TEXT, "-o", "base.zst", "-c",
                     context, "--chunks", chunks)

    def test_types_cost_what_the_reference_says(self):
        self.make_base(0)
        same = self.evaluate("kl", "-m", "f32.gguf", "--base", "base.zst", "-f", TRAINED_TEXT)
        self.assertEqual(65 * 127, same["tokens"])
        self.assertLess(same["mean_kld"], 1e-6)
        self.assertGreaterEqual(same["mean_kld"], 0.0)
        self.assertGreater(same["top1_agreement"], 0.998)
        self.assertAlmostEqual(same["perplexity"], same["base_perplexity"], delta=1e-3)
        rows = {row[0]: row for row in read_json(TRAINED, "quant_reference.json")["rows"]}
        worst = 0.0
        # The reference rounds activations to 8 bits too, which shows beside types that lose little.
        for name, share in (("Q8_0", 0.2), ("Q4_K_M", 0.85), ("Q2_K", 0.9)):
            self.succeed("quantize", "--effort", "reference", "--type", name, "f32.gguf",
                         f"{name}.gguf")
            result = self.evaluate("kl", "-m", f"{name}.gguf", "--base", "base.zst")
            expected = rows[name][4]
            self.assertGreater(result["mean_kld"], share * expected, name)
            self.assertLess(result["mean_kld"], 1.1 * expected, name)
            self.assertAlmostEqual(rows[name][5] / 100, result["top1_agreement"], delta=0.01)
            order = [result[key] for key in ("median_kld", "p90_kld", "p95_kld", "p99_kld",
                                             "p999_kld", "max_kld")]
            self.assertEqual(sorted(order), order)
            self.assertGreater(result["mean_kld_stderr"], 0.0)
            self.assertGreater(result["rms_delta_p"], worst)
            worst = result["rms_delta_p"]
        said = self.succeed("evaluate", "kl", "-m", "Q8_0.gguf", "--base", "base.zst").stdout
        self.assertRegex(said, r"mean KL divergence +0\.000\d+ \+- ")

    def llama_base(self, name, context, windows):
        """A base file as llama-perplexity writes it, of the model's own logits."""
        tokens = self.token_ids()[:context * windows]
        rows = []
        for w in range(windows):
            self.write("ids.txt", " ".join(str(i) for i in
                                           [1] + tokens[w * context + 1:(w + 1) * context]))
            self.succeed("evaluate", "logits", "-m", "f32.gguf", "--ids", "ids.txt", "-o",
                         "logits.npy", "--force")
            rows += read_npy(self.path("logits.npy"))[context // 2:context - 1]
        content = b"_logits_" + struct.pack("<III", context, len(rows[0]), windows)
        content += struct.pack(f"<{len(tokens)}i", *tokens)
        for row in rows:
            best = max(row)
            log_sum = best + math.log(sum(math.exp(x - best) for x in row))
            lowest = max(min(row), best - 16)
            step = (best - lowest) / 65535
            content += struct.pack("<ff", step, lowest - log_sum)
            content += struct.pack(f"<{len(row)}H",
                                   *(round((max(x, lowest) - lowest) / step) for x in row))
        self.write(name, content)

    def token_ids(self):
        said = self.succeed("tokenize", "-m", "f32.gguf", "-f", TRAINED_TEXT, "--ids",
                            "--no-parse-special").stdout
        return [int(word) for word in said.split()]

    def test_reads_base_files_of_llama_perplexity(self):
        self.llama_base("llama.base", 32, 3)
        result = self.evaluate("kl", "-m", "f32.gguf", "--base", "llama.base", "-f", TRAINED_TEXT)
        self.assertEqual(3 * 15, result["tokens"])
        self.assertLess(result["mean_kld"], 1e-5)
        self.assertGreater(result["top1_agreement"], 0.95)
        self.assertAlmostEqual(result["perplexity"], result["base_perplexity"], delta=1e-2)

    def test_bases_of_other_models_and_texts(self):
        self.make_base(2, 64)
        self.make(KJV, "kjv.gguf", "f16")
        self.refuse("kl", "-m", "kjv.gguf", "--base", "base.zst",
                    mentions=["base.zst", "vocabulary of 640", "kjv.gguf has 2048"])
        self.make(os.path.join(HF, "llama"), "llama.gguf")
        self.refuse("kl", "-m", "llama.gguf", "--base", "base.zst",
                    mentions=["base.zst", "another model", "feed-forward"])
        self.write("other.txt", "And it came to pass. " * 100)
        self.refuse("kl", "-m", "f32.gguf", "--base", "base.zst", "-f", "other.txt",
                    mentions=["base.zst", "another text", "other.txt"])

    def test_damaged_bases(self):
        self.make_base(2, 64)
        with open(self.path("base.zst"), "rb") as file:
            whole = file.read()
        for length in (len(whole) // 2, len(whole) - 1, 100):
            self.write("short.zst", whole[:length])
            self.refuse("kl", "-m", "f32.gguf", "--base", "short.zst", mentions=["short.zst"])
        damaged = bytearray(whole)
        damaged[len(whole) // 2] ^= 255
        self.write("damaged.zst", bytes(damaged))
        self.refuse("kl", "-m", "f32.gguf", "--base", "damaged.zst", mentions=["damaged.zst"])
        self.refuse("kl", "-m", "f32.gguf", "--base", "f32.gguf",
                    mentions=["f32.gguf", "no base file"])
        self.refuse("kl", "-m", "f32.gguf", "--base", "gone.zst", mentions=["gone.zst"])

    def test_outputs_appear_when_complete(self):
        self.make_base(1, 64)
        words = ("logits", "-m", "f32.gguf", "-f", TRAINED_TEXT, "-c", 64, "--chunks", 1)
        self.refuse(*words, "-o", "base.zst", mentions=["base.zst", "--force"])
        before = self.listing()
        self.evaluate(*words, "-o", "base.zst", "--force")
        self.refuse(*words[:-4], "-c", 100000, "-o", "new.zst", mentions=["eval.txt", "tokens"])
        self.assertEqual(before, self.listing())

    def test_an_interrupted_run_leaves_nothing(self):
        before = self.listing()
        words = ("evaluate", "logits", "-m", "f32.gguf", "-f", TRAINED_TEXT, "-o", "base.zst", "-c",
                 16, "--progress", "always")
        with subprocess.Popen(harness.command(words), cwd=self.folder, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as process:
            self.assertIn("window 1 of", process.stderr.readline())
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=harness.PROGRAM_SECONDS)
        self.assertEqual(130, process.returncode)
        self.assertIn("interrupted", said)
        self.assertEqual(before, self.listing())

    def test_wrong_usage(self):
        self.refuse("kl", "-m", "f32.gguf", status=2, mentions=["--base"])
        self.refuse("logits", "-m", "f32.gguf", "-o", "x", status=2, mentions=["--ids"])
        self.refuse("logits", "-m", "f32.gguf", "-o", "x", "-f", TRAINED_TEXT, "--ids", "y",
                    status=2, mentions=["--ids"])


class Choice(EvaluateTest):

    def setUp(self):
        super().setUp()
        self.make(KJV, "model.gguf", "f16")
        with open(os.path.join(KJV, "choices.jsonl"), encoding="utf-8") as file:
            self.lines = file.read().splitlines()

    def choose(self, *words, tasks="tasks.jsonl"):
        return self.evaluate("choice", "-m", "model.gguf", "-f", tasks, *words)

    # Of all 300 the model answers 149 right.
    def test_accuracy(self):
        result = self.choose("--tasks", 60, tasks=os.path.join(KJV, "choices.jsonl"))
        self.assertEqual(60, result["tasks"])
        self.assertAlmostEqual(29 / 60, result["accuracy"], delta=1.5 / 60)
        self.assertAlmostEqual(math.sqrt(result["accuracy"] * (1 - result["accuracy"]) / 59),
                               result["accuracy_stderr"], delta=1e-9)
        self.assertLess(result["accuracy_low"], result["accuracy"])
        self.assertGreater(result["accuracy_high"], result["accuracy"])
        self.assertEqual(0.25, result["chance"])

    def test_what_the_text_goes_on_with_is_chosen(self):
        self.write("tasks.jsonl", json.dumps(
            {"context": "In the beginning God created the heaven and the",
             "choices": [" zq xv qj", " earth."], "answer": 1}) + "\n")
        for score in ("accuracy", "accuracy_per_token", "accuracy_sum"):
            self.assertEqual(1.0, self.choose()[score])

    def test_solved_tasks_in_front(self):
        self.write("tasks.jsonl", "\n".join(self.lines[:4]) + "\n")
        result = self.choose("--shots", 2)
        self.assertEqual(2, result["tasks"])
        self.assertEqual(2, result["shots"])
        self.refuse("choice", "-m", "model.gguf", "-f", "tasks.jsonl", "--shots", 4,
                    mentions=["tasks.jsonl", "4 tasks"])

    def test_known_tests_are_read_as_they_are_published(self):
        mmlu = {"question": "Who made the heaven?", "subject": "bible", "answer": 0,
                "choices": ["God", "Esther", "Jonah", "Ruth"]}
        hellaswag = {"activity_label": "Beginning", "ctx": "God created the heaven and the",
                     "endings": ["earth.", "zq [step] xv."], "label": "0"}
        arc = {"question": "Who built the ark?", "answerKey": "B",
               "choices": {"text": ["Esther", "Noah"], "label": ["A", "B"]}}
        for task, chance in ((mmlu, 0.25), (hellaswag, 0.5), (arc, 0.5)):
            line = json.dumps(task)
            self.write("tasks.jsonl", f"{line}\n{line}\n{line}\n")
            self.assertEqual((3, chance), tuple(self.choose()[key] for key in ("tasks", "chance")))
            shown = self.choose("--shots", 2)
            self.assertEqual((1, 2), (shown["tasks"], shown["shots"]))
        self.write("tasks.jsonl", json.dumps(mmlu) + "\n" + json.dumps({**arc, "answerKey": "F"}))
        self.refuse("choice", "-m", "model.gguf", "-f", "tasks.jsonl",
                    mentions=["tasks.jsonl: line 2", "answerKey", "label of a choice"])

    def test_broken_tasks(self):
        good = self.lines[0]
        for broken in ("{", '{"context": "a"}', good.replace('"answer": 2', '"answer": 4')):
            self.write("tasks.jsonl", f"{good}\n\n{broken}\n")
            self.refuse("choice", "-m", "model.gguf", "-f", "tasks.jsonl",
                        mentions=["tasks.jsonl: line 3"])
        self.write("tasks.jsonl", "")
        self.refuse("choice", "-m", "model.gguf", "-f", "tasks.jsonl", mentions=["no tasks"])
        self.write("tasks.jsonl", "\n" + good.replace("And let", "And let " * 2000))
        self.refuse("choice", "-m", "model.gguf", "-f", "tasks.jsonl",
                    mentions=["tasks.jsonl: line 2", "tokens", "1024", "-c"])


class Embedding(EvaluateTest):

    def setUp(self):
        super().setUp()
        self.make(os.path.join(HF, "bert"), "bert.gguf")
        self.texts = read_json(HF, "bert", "golden_texts.json")["texts"]
        self.write("texts.txt", "\n".join(self.texts) + "\n")

    def test_vectors_are_those_of_the_training_library(self):
        result = self.evaluate("embedding", "-m", "bert.gguf", "-f", "texts.txt")
        self.assertEqual(len(self.texts), len(result["embeddings"]))
        self.assertEqual([], result["cosine"])
        golden = os.path.join(HF, "bert", "golden.safetensors")
        for i, embedding in enumerate(result["embeddings"]):
            expected = safetensor(golden, f"embedding.{i}")
            self.assertAlmostEqual(1.0, cosine(expected, embedding["values"]), delta=1e-6)

    def test_lines_of_text(self):
        said = self.succeed("evaluate", "embedding", "-m", "bert.gguf", "-f", "texts.txt").stdout
        rows = [[float(word) for word in line.split()] for line in said.splitlines()]
        self.assertEqual([96] * len(self.texts), [len(row) for row in rows])
        said = self.succeed("evaluate", "embedding", "-m", "bert.gguf", "-f", "texts.txt",
                            "--cosine").stdout
        for i, line in enumerate(said.splitlines()):
            for j, word in enumerate(line.split()):
                self.assertAlmostEqual(cosine(rows[i], rows[j]), float(word), delta=1e-5)

    def test_bad_input(self):
        self.write("empty.txt", "")
        self.refuse("embedding", "-m", "bert.gguf", "-f", "empty.txt", mentions=["empty.txt"])
        self.write("long.txt", "light\n" + "light " * 2000 + "\n")
        self.refuse("embedding", "-m", "bert.gguf", "-f", "long.txt",
                    mentions=["long.txt: line 2", "tokens"])
        self.make(TRAINED, "llama.gguf")
        self.refuse("embedding", "-m", "llama.gguf", "-f", "texts.txt",
                    mentions=["llama.gguf", "no encoder", "expected one such as bert"])

    def test_an_encoder_has_no_cache_to_choose(self):
        for words in (["--cache-type-k", "q8_0"], ["--cache-type-v", "f16"], ["--quantkv", 1],
                      ["--cache-for", "ollama"], ["--allow-quantized-kv"]):
            self.refuse("embedding", "-m", "bert.gguf", "-f", "texts.txt", *words,
                        mentions=["bert.gguf: is an encoder (bert)", "no key-value cache"])


if __name__ == "__main__":
    harness.main()
