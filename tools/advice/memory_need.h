// How much memory of a device a model needs to run there as a whole.

#ifndef GGUF_TOOLCHAIN_TOOLS_ADVICE_MEMORY_NEED_H_
#define GGUF_TOOLCHAIN_TOOLS_ADVICE_MEMORY_NEED_H_

#include <cstdint>

#include "absl/status/status.h"
#include "gguf/tensor_type.h"
#include "runtime/config.h"

namespace gguf {

struct ContextOptions {
  uint64_t context = 8192;     // tokens, at least 1
  uint64_t reserve = 0;        // cells beside them (KoboldCPP's ContextShift: 80)
  uint64_t pad = 256;          // cells of a layer are a multiple of it; at least 1
  uint64_t micro_batch = 512;  // tokens computed at once
};

// Cells of a layer: context + reserve, for a sliding layer at most window + micro_batch, rounded up
// to a multiple of pad.
uint64_t CellsOf(uint32_t window, const ContextOptions& options);

// Bytes of the key-value cache of one sequence: per layer, cells * kv heads * head size * bytes per
// value, of keys and of values. 0 for encoders; 2^64 - 1 when that is too much to count. The types
// must pass CheckCacheTypes (runtime/kv_cache.h).
uint64_t CacheNeed(const ModelConfig& config, const ContextOptions& options, TensorType keys,
                   TensorType values);

// Bytes of what a graph computes besides, as llama.cpp lays it out with flash attention: logits and
// hidden state of a micro-batch in float32, and the attention mask of all cells in float16. (258.5
// MiB and the mask for Llama-3-8B and 512 tokens.)
uint64_t BufferNeed(uint64_t vocabulary, uint64_t embedding, const ContextOptions& options);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_ADVICE_MEMORY_NEED_H_
