"""The Python package `gguf` reads our files, and decodes each tensor to exactly the values that our
own decoders give."""

import os

import gguf
import gguf_file
import harness
import numpy

CHECKPOINT = os.path.join(harness.TESTDATA, "hf", "llama-trained")
TYPES = ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K_S", "Q3_K_M",
         "Q3_K_L", "Q4_K_S", "Q4_K_M", "Q5_K_S", "Q5_K_M", "Q6_K", "TQ1_0", "TQ2_0",
         "MXFP4_MOE", "MXFP4", "NVFP4"]
# Recipes whose main type the package does not decode, and as what it lists the type.
NOT_DECODED = {"Q1_0": "Q1_0", "Q2_0": None}
TYPES_WITH_IMPORTANCE = ["IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ2_M", "IQ3_XXS", "IQ3_XS",
                         "IQ3_S", "IQ3_M", "IQ4_NL", "IQ4_XS", "Q2_K_S"]
IMPORTANCE = os.path.join(harness.TESTDATA, "importance", "kjv-llama.gguf")
# Two recipes of one file type.
SAME_FILE_TYPE = {"MXFP4": "MXFP4_MOE"}


def file_type(name):
    """The package's own number of a recipe."""
    name = SAME_FILE_TYPE.get(name, name)
    for prefix in ("MOSTLY_", "ALL_"):
        if hasattr(gguf.LlamaFileType, prefix + name):
            return int(getattr(gguf.LlamaFileType, prefix + name))
    raise KeyError(name)


class GgufPackage(harness.ProgramTest):

    def setUp(self):
        super().setUp()
        self.source = self.convert(CHECKPOINT)

    def convert(self, checkpoint):
        """The tensors of the checkpoint in F32, as source.gguf, by name."""
        self.succeed("convert", "--force", "--outtype", "f32", checkpoint, "source.gguf")
        return {tensor.name: tensor for tensor in
                gguf.GGUFReader(self.path("source.gguf")).tensors}

    def check_type(self, name, *options):
        """Checks a file of that type; returns {tensor: type}."""
        self.succeed("quantize", "--type", name, *options, "source.gguf", f"{name}.gguf")
        # Our own decoding of that file.
        self.succeed("quantize", "--allow-requantize", "--type", "F32", f"{name}.gguf",
                     f"{name}-decoded.gguf")
        reader = gguf.GGUFReader(self.path(f"{name}.gguf"))
        decoded = {tensor.name: tensor for tensor in
                   gguf.GGUFReader(self.path(f"{name}-decoded.gguf")).tensors}
        self.assertEqual(set(self.source), {tensor.name for tensor in reader.tensors})
        self.assertEqual(set(self.source), set(decoded))
        self.assertEqual(file_type(name), reader.get_field("general.file_type").contents())
        for tensor in reader.tensors:
            theirs = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
            ours = decoded[tensor.name].data
            self.assertEqual(numpy.float32, ours.dtype)
            self.assertEqual(list(self.source[tensor.name].shape), list(tensor.shape))
            self.assertTrue(numpy.array_equal(theirs.reshape(ours.shape), ours),
                            f"{tensor.name} ({tensor.tensor_type.name}) differs")
        os.remove(self.path(f"{name}.gguf"))
        os.remove(self.path(f"{name}-decoded.gguf"))
        return {tensor.name: tensor.tensor_type.name for tensor in reader.tensors}

    def test_reads_every_type_and_decodes_what_we_decode(self):
        for name in TYPES:
            with self.subTest(type=name):
                self.check_type(name)

    def test_reads_every_type_made_with_importance_data(self):
        self.source = self.convert(os.path.join(harness.TESTDATA, "kjv-llama"))
        for name in TYPES_WITH_IMPORTANCE + ["Q4_0", "Q5_1", "Q3_K_M", "Q4_K_M", "Q6_K"]:
            with self.subTest(type=name):
                self.check_type(name, "--imatrix", IMPORTANCE)

    def test_reads_tensors_of_many_experts(self):
        experts = "blk.0.ffn_up_exps.weight"
        gguf_file.model({"token_embd.weight": [256, 8], "blk.0.attn_q.weight": [256, 8],
                         experts: [256, 4, 64]}).write(self.path("source.gguf"))
        gguf_file.importance({
            experts: ([1.0 + i % 7 for i in range(64 * 256)], [1 + i for i in range(64)]),
            "blk.0.attn_q.weight": ([1.0] * 256, [1])}).write(self.path("im.gguf"))
        self.source = {tensor.name: tensor for tensor in
                       gguf.GGUFReader(self.path("source.gguf")).tensors}
        for name, expected in (("MXFP4_MOE", "MXFP4"), ("Q4_K_M", "Q4_K"), ("IQ2_XS", "IQ2_XS"),
                               ("IQ4_NL", "IQ4_NL")):
            with self.subTest(type=name):
                self.assertEqual(expected, self.check_type(name, "--imatrix", "im.gguf")[experts])

    def test_no_recipe_is_left_out(self):
        self.assertEqual(sorted(TYPES + TYPES_WITH_IMPORTANCE + list(NOT_DECODED)),
                         sorted(self.recipes()))

    def test_types_that_the_package_does_not_decode(self):
        for name, listed in NOT_DECODED.items():
            with self.subTest(type=name):
                # Fails when the package has learned the type: then it belongs into TYPES.
                self.assertEqual(listed is not None, name in gguf.GGMLQuantizationType.__members__)
                self.succeed("quantize", "--force", "--type", name, "source.gguf", "out.gguf")
                if listed is None:
                    with self.assertRaises(ValueError):
                        gguf.GGUFReader(self.path("out.gguf"))
                    self.skipTest(f"the gguf package does not know the type {name}")
                tensors = gguf.GGUFReader(self.path("out.gguf")).tensors
                self.assertEqual({key: list(value.shape) for key, value in self.source.items()},
                                 {tensor.name: list(tensor.shape) for tensor in tensors})
                main = [tensor for tensor in tensors if tensor.tensor_type.name == listed]
                self.assertGreater(len(main), 5)
                with self.assertRaises(NotImplementedError):
                    gguf.quants.dequantize(main[0].data, main[0].tensor_type)
                self.skipTest(f"the gguf package reads {name}, but has no decoder of it")

    def test_decoded_values_are_near_the_source(self):
        # Largest relative RMS error of a tensor; a guard against a decoder and an encoder that agree
        # on nonsense. The bounds are a third above what was measured at --effort
        # standard: (measured, bound).
        errors = {"F16": (0, 1e-7), "BF16": (0.0017, 0.0023), "Q8_0": (0.0052, 0.0069),
                  "Q6_K": (0.0188, 0.025), "Q5_K_M": (0.0357, 0.048), "Q4_0": (0.0865, 0.115),
                  "Q2_K": (0.2826, 0.377)}
        for name, (_, bound) in errors.items():
            with self.subTest(type=name):
                self.succeed("quantize", "--force", "--type", name, "source.gguf", "out.gguf")
                worst = 0.0
                for tensor in gguf.GGUFReader(self.path("out.gguf")).tensors:
                    exact = self.source[tensor.name].data.astype(numpy.float64)
                    value = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
                    error = numpy.sqrt(numpy.square(value.reshape(exact.shape) - exact).sum() /
                                       numpy.square(exact).sum())
                    worst = max(worst, float(error))
                print(f"{name}: largest relative RMS error of a tensor {worst:.6f}")
                self.assertLess(worst, bound)

    def test_legacy_types_equal_the_packages_own_encoders_where_they_define_the_bytes(self):
        # The package implements the reference's rounding for these; --effort reference promises it.
        for name in ("Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"):
            with self.subTest(type=name):
                self.succeed("quantize", "--force", "--pure", "--effort", "reference", "--type",
                             name, "source.gguf", "out.gguf")
                for tensor in gguf.GGUFReader(self.path("out.gguf")).tensors:
                    if tensor.tensor_type.name == "F32":
                        continue
                    self.assertEqual(name, tensor.tensor_type.name)
                    expected = gguf.quants.quantize(self.source[tensor.name].data,
                                                    tensor.tensor_type)
                    self.assertTrue(numpy.array_equal(expected, tensor.data), tensor.name)


if __name__ == "__main__":
    harness.main()
