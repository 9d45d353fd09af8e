#include "tools/advice/memory_need.h"

#include <algorithm>

#include "gguf/base/sizes.h"

namespace gguf {
namespace {

constexpr uint64_t kLogitBytes = 4;  // float32
constexpr uint64_t kMaskBytes = 2;   // float16

uint64_t BytesOf(TensorType type, uint64_t values) {
  return values / InfoOf(type).block_values * InfoOf(type).block_bytes;
}

}  // namespace

uint64_t CellsOf(uint32_t window, const ContextOptions& options) {
  uint64_t cells = options.context + options.reserve;
  if (window != 0) cells = std::min(cells, window + options.micro_batch);
  return (cells + options.pad - 1) / options.pad * options.pad;
}

uint64_t CacheNeed(const ModelConfig& config, const ContextOptions& options, TensorType keys,
                   TensorType values) {
  if (config.family->is_encoder) return 0;
  uint64_t cells = 0;  // at most 1024 layers of 2^40
  for (const uint32_t window : config.windows) cells += CellsOf(window, options);
  const uint64_t cell_bytes =
      BytesOf(keys, config.key_width()) + BytesOf(values, config.value_width());
  uint64_t bytes = 0;
  return CheckedMultiply(cells, cell_bytes, &bytes) ? bytes : ~uint64_t{0};
}

uint64_t BufferNeed(uint64_t vocabulary, uint64_t embedding, const ContextOptions& options) {
  const uint64_t logits = (vocabulary + embedding) * kLogitBytes;
  return options.micro_batch * (logits + CellsOf(/*window=*/0, options) * kMaskBytes);
}

}  // namespace gguf
