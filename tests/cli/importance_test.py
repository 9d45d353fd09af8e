"""`quantize` with an importance matrix: what it uses, what it writes down, what it says."""

import os
import random

import gguf_file
import harness

UP, DOWN, EXPERTS = "blk.0.ffn_up.weight", "blk.1.ffn_down.weight", "blk.0.ffn_up_exps.weight"
QUERY = "blk.1.attn_q.weight"
NUM_EXPERTS = 16
# Dimensions as stored: columns first.
TENSORS = {"token_embd.weight": [256, 8], "output.weight": [256, 8], "output_norm.weight": [256],
           UP: [256, 8], DOWN: [512, 8], QUERY: [256, 8], EXPERTS: [256, 4, NUM_EXPERTS]}
TYPE = "Q4_K_S"  # a mixture that importance data does not change


def entries():
    """{name: (sums, counts)} for every matrix but the embedding, as llama-imatrix would give."""
    found = {}
    for name in (UP, DOWN, QUERY, EXPERTS, "output.weight"):
        source, dims = random.Random(name), TENSORS[name]
        counts = [3 + expert for expert in range(dims[2] if len(dims) > 2 else 1)]
        found[name] = ([count * source.expovariate(1) for count in counts
                        for _ in range(dims[0])], counts)
    return found


class Importance(harness.ProgramTest):

    def setUp(self):
        super().setUp()
        gguf_file.model(TENSORS).write(self.path("in.gguf"))
        gguf_file.importance(entries()).write(self.path("im.gguf"))

    def quantize(self, output, *words, type_name=TYPE):
        """Writes `output`; returns {tensor: hash} and what was said on standard error."""
        said = self.succeed("quantize", "--force", "--type", type_name, *words, "in.gguf",
                            output).stderr
        return gguf_file.tensor_hashes(self.path(output)), said.splitlines()

    def with_entries(self, change, output="out.gguf", type_name=TYPE):
        """Quantizes with im2.gguf, whose entries `change` has changed."""
        changed = entries()
        change(changed)
        gguf_file.importance(changed).write(self.path("im2.gguf"))
        return self.quantize(output, "--imatrix", "im2.gguf", type_name=type_name)

    def keys(self, output):
        return {key: value.value for key, value in
                gguf_file.Reader(self.path(output)).values.items()
                if key.startswith("quantize.imatrix.")}

    def test_every_tensor_with_an_entry_uses_it(self):
        plain, said = self.quantize("plain.gguf")
        self.assertEqual([], said)
        weighed, said = self.quantize("weighed.gguf", "--imatrix", "im.gguf")
        self.assertEqual(["warning: no importance data for token_embd.weight: quantized without"],
                         said)
        self.assertEqual({UP, DOWN, QUERY, EXPERTS, "output.weight"},
                         {name for name in plain if plain[name] != weighed[name]})

    def test_legacy_and_gguf_give_the_same_bytes(self):
        with open(self.path("im.dat"), "wb") as file:
            # Counts that are powers of two, so that no division rounds.
            file.write(gguf_file.legacy_importance(
                {name: (sums, [4] * len(counts)) for name, (sums, counts) in entries().items()}))
        weighed, _ = self.with_entries(lambda all_entries: all_entries.update(
            {name: (sums, [4] * len(counts)) for name, (sums, counts) in all_entries.items()}))
        self.assertEqual(weighed, self.quantize("legacy.gguf", "--imatrix", "im.dat")[0])

    def test_keys_say_what_was_used(self):
        folder = "a-folder-with-a-long-name" * 6
        os.mkdir(self.path(folder))
        for name, datasets in (("im.gguf", ["text.txt", "more.txt"]), ("no.gguf", []),
                               (f"{folder}/im.gguf", ["d" * 200])):
            with self.subTest(file=name):
                gguf_file.importance(entries(), datasets).write(self.path(name))
                self.quantize("out.gguf", "--imatrix", name)
                expected = {"quantize.imatrix.file": name[:127],
                            "quantize.imatrix.entries_count": 5,
                            "quantize.imatrix.chunks_count": 3}
                if datasets:
                    expected["quantize.imatrix.dataset"] = datasets[0][:127]
                self.assertEqual(expected, self.keys("out.gguf"))
        types = {key: value.type for key, value in
                 gguf_file.Reader(self.path("out.gguf")).values.items()}
        self.assertEqual(gguf_file.UINT32, types["quantize.imatrix.entries_count"])
        self.assertEqual(gguf_file.UINT32, types["quantize.imatrix.chunks_count"])

    def test_keys_of_a_legacy_file(self):
        for trailer in ((7, "old.txt"), None):
            with self.subTest(trailer=trailer):
                with open(self.path("im.dat"), "wb") as file:
                    file.write(gguf_file.legacy_importance(entries(), trailer=trailer))
                self.quantize("out.gguf", "--imatrix", "im.dat")
                expected = {"quantize.imatrix.file": "im.dat",
                            "quantize.imatrix.entries_count": 5}
                if trailer:
                    expected["quantize.imatrix.dataset"] = "old.txt"
                    expected["quantize.imatrix.chunks_count"] = 7
                self.assertEqual(expected, self.keys("out.gguf"))

    def test_without_an_importance_matrix_there_are_no_keys(self):
        self.quantize("first.gguf", "--imatrix", "im.gguf")
        self.quantize("plain.gguf")
        self.assertEqual({}, self.keys("plain.gguf"))

    def test_include_and_exclude_weights(self):
        plain, _ = self.quantize("plain.gguf")
        full, _ = self.quantize("full.gguf", "--imatrix", "im.gguf")
        cases = [
            (["--include-weights", "ffn"], {UP, DOWN, EXPERTS}),
            (["--include-weights", "ffn_down", "--include-weights", "attn_q"], {DOWN, QUERY}),
            (["--include-weights", "blk.0.ffn_up.weight"], {UP}),
            (["--exclude-weights", "ffn"], {QUERY, "output.weight"}),
            (["--exclude-weights", "exps", "--exclude-weights", "blk.1"], {UP, "output.weight"}),
        ]
        for words, used in cases:
            with self.subTest(words=words):
                found, said = self.quantize("out.gguf", "--imatrix", "im.gguf", *words)
                for name, content in found.items():
                    self.assertEqual(full[name] if name in used else plain[name], content, name)
                self.assertEqual(len(used), self.keys("out.gguf")["quantize.imatrix.entries_count"])
                self.assertEqual(1, len(said), said)
                for name in set(TENSORS) - used - {"output_norm.weight"}:
                    self.assertIn(name, said[0])

    def test_filters_that_leave_nothing(self):
        plain, _ = self.quantize("plain.gguf")
        found, said = self.quantize("out.gguf", "--imatrix", "im.gguf", "--exclude-weights",
                                    "weight")
        self.assertEqual(plain, found)
        self.assertEqual({}, self.keys("out.gguf"))
        self.assertEqual(1, len(said))
        self.assertIn("--exclude-weights", said[0])

    def test_a_filter_that_matches_nothing_is_an_error(self):
        for option in ("--include-weights", "--exclude-weights"):
            for words in ([option, "fnn"], [option, "ffn", option, "atn"]):
                with self.subTest(words=words):
                    self.fail_with(1, "quantize", "--type", TYPE, "--imatrix", "im.gguf", *words,
                                   "in.gguf", "out.gguf",
                                   mentions=[f"{option} '{words[-1]}'", "5 entries", "im.gguf"])
                    self.assertNotIn("out.gguf", self.listing())

    def test_types_that_use_none_say_so(self):
        for name, expected in (("Q8_0", 0), ("F16", 0), ("Q8_0,Q4_K_S", 5)):
            with self.subTest(type=name):
                said = self.succeed("quantize", "--force", "--type", name, "--imatrix", "im.gguf",
                                    "in.gguf", "out-{type}.gguf").stderr
                self.assertEqual(expected == 0, "--imatrix has no effect" in said, said)

    def test_filters_exclude_each_other(self):
        self.fail_with(2, "quantize", "--type", TYPE, "--imatrix", "im.gguf", "--include-weights",
                       "ffn", "--exclude-weights", "attn", "in.gguf", "out.gguf",
                       mentions=["--include-weights", "--exclude-weights"])

    def test_a_filtered_tensor_has_none_for_a_type_that_needs_it(self):
        self.fail_with(1, "quantize", "--type", "IQ2_XS", "--imatrix", "im.gguf",
                       "--exclude-weights", "ffn_down", "in.gguf", "out.gguf",
                       mentions=[DOWN, "IQ2_XS", "im.gguf", "--tensor-type"])

    def test_experts_that_were_never_chosen_are_named(self):
        def unused(found):
            for expert in (3, 11):
                found[EXPERTS][1][expert] = 0
                found[EXPERTS][0][expert * 256:(expert + 1) * 256] = [0.0] * 256
        _, said = self.with_entries(unused)
        self.assertIn("warning: im2.gguf: nothing was measured for "
                      f"{EXPERTS} (2 of 16 experts: 3, 11): all columns weigh the same there; "
                      "calibrate with more text", said)

    def test_what_was_never_measured_is_not_lost(self):
        def zeros(found):
            found[UP] = ([0.0] * 256, [5])
        found, said = self.with_entries(zeros)
        self.assertTrue(any(UP in line and "nothing was measured" in line for line in said), said)

        def same(all_entries):
            all_entries[UP] = ([5.0] * 256, [5])
        self.assertEqual(self.with_entries(same)[0], found)

    def test_columns_without_importance_are_named(self):
        def zeros(found):
            found[UP][0][64:96] = [0.0] * 32
        _, said = self.with_entries(zeros)
        lines = [line for line in said if UP in line]
        self.assertEqual(1, len(lines), said)
        self.assertIn("2 of 16, the first from column 64", lines[0])

    def test_the_same_warning_is_given_once_for_several_types(self):
        _, said = self.quantize("first.gguf", "--imatrix", "im.gguf")
        self.assertEqual(1, len(said))
        both = self.succeed("quantize", "--force", "--type", f"{TYPE},Q5_K_S", "--imatrix",
                            "im.gguf", "in.gguf", "out-{type}.gguf").stderr.splitlines()
        self.assertEqual(said, both)

    def test_quiet_keeps_the_warnings_for_itself(self):
        self.assertEqual("", self.succeed("quantize", "--quiet", "--type", TYPE, "--imatrix",
                                          "im.gguf", "in.gguf", "out.gguf").stderr)


if __name__ == "__main__":
    harness.main()
