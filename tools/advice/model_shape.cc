#include "tools/advice/model_shape.h"

#include "absl/strings/match.h"

namespace gguf {
namespace {

constexpr bool kTied = true, kUntied = false;

constexpr ModelShape kShapes[] = {
    // name, size, architecture, layers, embedding, feed-forward, heads, kv heads, head size,
    // vocabulary, context; is it tied, window; experts, experts used, feed-forward of an expert
    {"Llama-3.2-1B", "1B", "llama", 16, 2048, 8192, 32, 8, 64, 128256, 131072, kTied},
    {"Llama-3.2-3B", "3B", "llama", 28, 3072, 8192, 24, 8, 128, 128256, 131072, kTied},
    {"Llama-3.1-8B", "8B", "llama", 32, 4096, 14336, 32, 8, 128, 128256, 131072},
    {"Llama-3.1-70B", "70B", "llama", 80, 8192, 28672, 64, 8, 128, 128256, 131072},
    {"Llama-3.3-70B", "70B", "llama", 80, 8192, 28672, 64, 8, 128, 128256, 131072},
    {"Mistral-7B", "7B", "llama", 32, 4096, 14336, 32, 8, 128, 32768, 32768},
    {"Mixtral-8x7B", "8x7B", "llama", 32, 4096, 0, 32, 8, 128, 32000, 32768, kUntied, 0, 8, 2,
     14336},
    {"Qwen3-4B", "4B", "qwen3", 36, 2560, 9728, 32, 8, 128, 151936, 40960, kTied},
    {"Qwen3-8B", "8B", "qwen3", 36, 4096, 12288, 32, 8, 128, 151936, 40960},
    {"Qwen3-14B", "14B", "qwen3", 40, 5120, 17408, 40, 8, 128, 151936, 40960},
    {"Qwen3-32B", "32B", "qwen3", 64, 5120, 25600, 64, 8, 128, 151936, 40960},
    {"Qwen3-30B-A3B", "30B", "qwen3moe", 48, 2048, 0, 32, 4, 128, 151936, 40960, kUntied, 0, 128, 8,
     768},
    {"Qwen2.5-7B", "7B", "qwen2", 28, 3584, 18944, 28, 4, 128, 152064, 32768},
    {"Qwen2.5-14B", "14B", "qwen2", 48, 5120, 13824, 40, 8, 128, 152064, 32768},
    {"Qwen2.5-32B", "32B", "qwen2", 64, 5120, 27648, 40, 8, 128, 152064, 32768},
    {"Qwen2.5-72B", "72B", "qwen2", 80, 8192, 29568, 64, 8, 128, 152064, 32768},
    {"Gemma-3-1B", "1B", "gemma3", 26, 1152, 6912, 4, 1, 256, 262144, 32768, kTied, 512},
    {"Gemma-3-4B", "4B", "gemma3", 34, 2560, 10240, 8, 4, 256, 262208, 131072, kTied, 1024},
    {"Gemma-3-12B", "12B", "gemma3", 48, 3840, 15360, 16, 8, 256, 262208, 131072, kTied, 1024},
    {"Gemma-3-27B", "27B", "gemma3", 62, 5376, 21504, 32, 16, 128, 262208, 131072, kTied, 1024},
    {"Gemma-2-9B", "9B", "gemma2", 42, 3584, 14336, 16, 8, 256, 256000, 8192, kTied, 4096},
    {"Gemma-2-27B", "27B", "gemma2", 46, 4608, 36864, 32, 16, 128, 256000, 8192, kTied, 4096},
    {"gpt-oss-20B", "20B", "gpt-oss", 24, 2880, 0, 64, 8, 64, 201088, 131072, kUntied, 128, 32, 4,
     2880},
    {"gpt-oss-120B", "120B", "gpt-oss", 36, 2880, 0, 64, 8, 64, 201088, 131072, kUntied, 128, 128,
     4, 2880},
};

}  // namespace

absl::Span<const ModelShape> PublishedShapes() { return kShapes; }

std::vector<const ModelShape*> FindShapes(absl::string_view text) {
  for (const auto field : {&ModelShape::name, &ModelShape::size}) {
    std::vector<const ModelShape*> found;
    for (const ModelShape& shape : kShapes) {
      if (absl::EqualsIgnoreCase(shape.*field, text)) found.push_back(&shape);
    }
    if (!found.empty()) return found;
  }
  return {};
}

}  // namespace gguf
