"""llama.cpp, through the Python package `xllamacpp` (for tests that run with `interop = True`)."""

import base64
import struct
import zlib

import numpy
import xllamacpp


class Model:
    """A GGUF loaded by llama.cpp, on the CPU."""

    def __init__(self, path, embedding=False, adapters=(), mmproj=None):
        """Adapters are paths of LoRA files, mmproj one of a projector file. RuntimeError when a
        file is refused."""
        parameters = xllamacpp.CommonParams()
        parameters.model.path = path
        parameters.n_ctx = 512
        parameters.n_parallel = 1
        parameters.n_gpu_layers = 0
        parameters.cpuparams.n_threads = 1  # several would spin while they wait for a busy core
        parameters.cpuparams_batch.n_threads = 1
        parameters.warmup = False
        parameters.verbosity = -1
        parameters.embedding = embedding
        infos = []
        for adapter in adapters:
            info = xllamacpp.CommonAdapterLoraInfo()
            info.path, info.scale = adapter, 1.0
            infos.append(info)
        if infos:
            parameters.lora_adapters = infos
        if mmproj is not None:
            parameters.mmproj.path = mmproj
            # Only conversations take images; these hold nothing but what is said.
            parameters.use_jinja = True
            parameters.chat_template = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
        self.server = xllamacpp.Server(parameters)

    def complete(self, prompt, **fields):
        request = {"prompt": prompt, "temperature": 0, "cache_prompt": False, **fields}
        result = self.server.handle_completions(request)
        return result if isinstance(result, dict) else result[0]

    def complete_image(self, before, image, after, **fields):
        """Continues a prompt with an image, given as the bytes of a PNG file."""
        url = "data:image/png;base64," + base64.b64encode(image).decode()
        content = [{"type": "text", "text": before},
                   {"type": "image_url", "image_url": {"url": url}},
                   {"type": "text", "text": after}]
        request = {"messages": [{"role": "user", "content": content}], "temperature": 0,
                   "cache_prompt": False, "logprobs": True, **fields}
        return self.server.handle_chat_completions(request)

    def next_tokens(self, texts):
        """The likeliest next token of each text."""
        return [self.complete(text, n_predict=1, n_probs=1, cache_prompt=True)
                ["choices"][0]["logprobs"]["content"][0]["id"] for text in texts]

    def log_probabilities(self, prompt, vocabulary):
        """Natural logarithms of the probability of each possible next token. None when the
        likeliest token is a part of a character, of which llama.cpp does not report."""
        answer = self.complete(prompt, n_predict=1, n_probs=vocabulary)["choices"][0]
        if answer["logprobs"] is None:
            return None
        return self.all_log_probabilities(answer, vocabulary)

    @staticmethod
    def all_log_probabilities(answer, vocabulary):
        """Of the first token of an answer that lists all of the vocabulary."""
        values = numpy.full(vocabulary, -100.0)  # llama.cpp leaves out what rounds to zero
        for entry in answer["logprobs"]["content"][0]["top_logprobs"]:
            values[entry["id"]] = entry["logprob"]
        assert abs(numpy.exp(values).sum() - 1) < 1e-3, "not all of the vocabulary was given"
        return values

    def embedding(self, text):
        """Of length 1."""
        answer = self.server.handle_embeddings({"input": text})
        return numpy.array(answer["data"][0]["embedding"])


def png(color, side):
    """A PNG of the function color(x, y) -> (red, green, blue)."""
    def chunk(kind, data):
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))
    rows = b"".join(b"\0" + bytes(value for x in range(side) for value in color(x, y))
                    for y in range(side))
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) +
            chunk(b"IEND", b""))


def log_softmax(logits):
    logits = logits.astype(numpy.float64) - logits.max()
    return logits - numpy.log(numpy.exp(logits).sum())


def divergence(expected, found):
    """Kullback-Leibler divergence, in nats."""
    return float((numpy.exp(expected) * (expected - found)).sum())
