"""Language model and vision tower as other programs see them: the Python package `gguf` reads every
container, llama.cpp's server (the package `xllamacpp`) answers a request with an image."""

import base64
import os

import generate_gemma3
import gguf
import harness
import xllamacpp
from llama_cpp import png

CHECKPOINT = os.path.join(harness.TESTDATA, "hf", "gemma3-vision")
SIDE = 56  # pixels of the model's images
NUM_LIKELIEST = 20


GRADIENT = png(lambda x, y: (4 * x, 4 * y, 128), SIDE)
RED = png(lambda x, y: (255, 0, 0), SIDE)


class Server:
    """llama.cpp with a model and its projector."""

    def __init__(self, text, mmproj):
        parameters = xllamacpp.CommonParams()
        parameters.model.path, parameters.mmproj.path = text, mmproj
        parameters.n_ctx, parameters.n_parallel, parameters.n_gpu_layers = 512, 1, 0
        parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
        parameters.warmup, parameters.verbosity = False, -1
        self.server = xllamacpp.Server(parameters)

    def ask(self, image=None):
        """(number of prompt tokens, {likeliest next token: log-probability})"""
        content = [{"type": "text", "text": "the"}]
        if image is not None:
            url = "data:image/png;base64," + base64.b64encode(image).decode()
            content.append({"type": "image_url", "image_url": {"url": url}})
        answer = self.server.handle_chat_completions(
            {"max_tokens": 1, "temperature": 0, "logprobs": True, "top_logprobs": NUM_LIKELIEST,
             "cache_prompt": False, "messages": [{"role": "user", "content": content}]})
        likeliest = answer["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
        return answer["usage"]["prompt_tokens"], {entry["id"]: entry["logprob"]
                                                  for entry in likeliest}


def largest_difference(a, b):
    """Of the log-probabilities of tokens that both have."""
    return max(abs(a[token] - b[token]) for token in set(a) & set(b))


class Vision(harness.ProgramTest):

    def test_llama_cpp_answers_a_request_with_an_image(self):
        self.succeed("convert", "--outtype", "f16", CHECKPOINT, "text.gguf", "--mmproj",
                     "mmproj.gguf")
        server = Server(self.path("text.gguf"), self.path("mmproj.gguf"))
        words, _ = server.ask()
        length, gradient = server.ask(GRADIENT)
        _, red = server.ask(RED)
        self.assertGreaterEqual(length, words + 4)  # 4 tokens of the image, and their marks
        self.assertEqual(NUM_LIKELIEST, len(gradient))
        self.assertGreater(largest_difference(gradient, red), 0.1, "the image makes no difference")
        # The same files after joining and splitting give the same answers, to the last bit.
        self.succeed("repack", "--layout", "ollama", "--text", "text.gguf", "--vision",
                     "mmproj.gguf", "joined.gguf")
        self.succeed("repack", "--layout", "llama.cpp", "joined.gguf", "text2.gguf", "mmproj2.gguf")
        again = Server(self.path("text2.gguf"), self.path("mmproj2.gguf"))
        self.assertEqual((length, gradient), again.ask(GRADIENT))

    def test_a_quantized_tower_answers_nearly_the_same(self):
        self.succeed("quantize", "--type", "F16", CHECKPOINT, "text.gguf", "--mmproj",
                     "mmproj-{type}.gguf", "--mmproj-type", "F16")
        _, expected = Server(self.path("text.gguf"), self.path("mmproj-F16.gguf")).ask(GRADIENT)
        # Measured: Q8_0 0.02, Q4_0 0.15. An image of another color changes it by more than 1.
        for type_name, bound in (("Q8_0", 0.1), ("Q4_0", 0.5)):
            with self.subTest(type=type_name):
                self.succeed("quantize", "--force", "--type", "F16", CHECKPOINT, "text.gguf",
                             "--mmproj", "mmproj-{type}.gguf", "--mmproj-type", type_name)
                _, found = Server(self.path("text.gguf"),
                                  self.path(f"mmproj-{type_name}.gguf")).ask(GRADIENT)
                print(f"{type_name}: {largest_difference(expected, found):.4f}")
                self.assertLess(largest_difference(expected, found), bound)

    def test_the_gguf_package_reads_every_container(self):
        text, mmproj = generate_gemma3.generate("small", self.folder)
        self.succeed("repack", "--layout", "ollama", "--text", text, "--vision", mmproj,
                     "joined.gguf")
        self.succeed("repack", "--layout", "llama.cpp", "joined.gguf", "text.gguf", "mmproj.gguf")
        self.succeed("quantize", "--type", "Q8_0", CHECKPOINT, "quantized.gguf", "--mmproj",
                     "projector.gguf")
        sources = [gguf.GGUFReader(path) for path in (text, mmproj)]
        joined = gguf.GGUFReader(self.path("joined.gguf"))
        self.assertEqual(sum(len(source.tensors) for source in sources), len(joined.tensors))
        bytes_of = {tensor.name: tensor.data.tobytes() for tensor in joined.tensors}
        for tensor in sources[0].tensors:
            self.assertTrue(tensor.data.tobytes() == bytes_of[tensor.name], tensor.name)
        for name, architecture in (("joined", "gemma3"), ("text", "gemma3"), ("mmproj", "clip"),
                                   ("quantized", "gemma3"), ("projector", "clip")):
            reader = gguf.GGUFReader(self.path(f"{name}.gguf"))
            self.assertEqual(architecture, reader.get_field("general.architecture").contents())
        types = {tensor.name: tensor.tensor_type.name for tensor in reader.tensors}
        self.assertEqual("Q8_0", types["v.blk.0.attn_q.weight"])
        self.assertEqual("F16", types["v.blk.0.ffn_down.weight"])  # rows of 112 values
        self.assertEqual("F16", types["mm.input_projection.weight"])
        self.assertEqual("F32", types["v.patch_embd.weight"])


if __name__ == "__main__":
    harness.main()
