// Softmax attention of all patches of an image to all of them: where the machine has a matrix unit
// (runtime/ops/amx.h) as products of tiles on it, elsewhere by runtime/ops/attention.h.

#ifndef GGUF_TOOLCHAIN_RUNTIME_VISION_PATCH_ATTENTION_H_
#define GGUF_TOOLCHAIN_RUNTIME_VISION_PATCH_ATTENTION_H_

#include <cstddef>

#include "runtime/ops/activation_type.h"

namespace gguf {

// Rows of num_heads * head values; scores are scaled by 1 / sqrt(head).
struct PatchAttention {
  const float* queries = nullptr;  // [patches][num_heads * head]
  const float* keys = nullptr;     // likewise
  const float* values = nullptr;   // likewise
  size_t patches = 0;
  size_t num_heads = 0;
  size_t head = 0;       // values per head
  float* out = nullptr;  // [patches][num_heads * head]; none of the inputs
};

// Scores and weights are rounded as the products of `type` are (runtime/ops/matmul.h): to pairs of
// bfloat16 with kF32, to bfloat16 otherwise. Parallel over heads and patches; the order of sums
// does not depend on `threads`. Memory per thread: about a megabyte.
void AttendPatches(const PatchAttention& input, ActivationType type, int threads);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_VISION_PATCH_ATTENTION_H_
