// Softmax attention of new tokens over cached keys and values of any tensor type.

#ifndef GGUF_TOOLCHAIN_RUNTIME_OPS_ATTENTION_H_
#define GGUF_TOOLCHAIN_RUNTIME_OPS_ATTENTION_H_

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "gguf/tensor_type.h"

namespace gguf {

// Rows of keys or of values in memory: row c holds all kv heads of cell c.
struct CacheRows {
  TensorType type = TensorType::kF32;
  const uint8_t* data = nullptr;
  size_t row_bytes = 0;
  size_t head_bytes = 0;  // from one kv head to the next
};

// Positions [begin, end).
struct PositionSpan {
  int32_t begin = 0;
  int32_t end = 0;
};

struct AttentionInput {
  const float* queries = nullptr;  // [count][num_heads * key_length]
  size_t count = 0;
  absl::Span<const int32_t> query_positions;  // [count], ascending

  CacheRows keys, values;
  absl::Span<const uint32_t> cells;          // that may be seen, in order of position
  absl::Span<const int32_t> cell_positions;  // of the same length

  size_t num_heads = 0;
  size_t num_kv_heads = 0;  // query head h reads kv head h / (num_heads / num_kv_heads)
  size_t key_length = 0;
  size_t value_length = 0;

  float scale = 1.0f;     // of scores
  float cap = 0.0f;       // scores become cap * tanh(score / cap); 0: none
  uint32_t window = 0;    // a query at p sees keys in (p - window, p]; 0: all up to p
  bool is_causal = true;  // false: every query sees every cell
  // Queries inside a span see all of it, whatever the window: what belongs together (an image's
  // tokens) is seen in both directions. Ascending and apart; causal attention only.
  absl::Span<const PositionSpan> spans;
  const float* sinks = nullptr;  // [num_heads]: one more logit in the softmax, without a value

  float* out = nullptr;  // [count][num_heads * value_length]
};

// Every query must see at least one cell. Parallel over kv heads and queries; the order of sums
// does not depend on `threads`. Memory per thread: a few hundred kilobytes.
void Attend(const AttentionInput& input, int threads);

// The same in double, straight from the formula, for tests.
void AttendReference(const AttentionInput& input);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_OPS_ATTENTION_H_
