// A plan: type, place and importance of every output tensor, computed from metadata alone. It fixes
// the exact bytes on disk before a weight is read, so that anyone can write any rows in any order.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_PLAN_H_
#define GGUF_TOOLCHAIN_QUANTIZE_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "formats/tensor_source.h"
#include "gguf/layout.h"
#include "gguf/metadata.h"
#include "gguf/shape.h"
#include "gguf/split.h"
#include "gguf/tensor_type.h"
#include "quantize/encode/encoder.h"

namespace gguf {

struct PlannedTensor {
  std::string name;         // in the output (layers renumbered after pruning)
  size_t source_index = 0;  // into the source's tensors()
  Shape shape;
  TensorType source_type = TensorType::kF32;
  TensorType type = TensorType::kF32;
  // Null: the source's bytes are copied unchanged.
  const Encoder* encoder = nullptr;
  // [matrices, columns], or empty for none.
  std::vector<float> importance;
  bool is_fallback = false;  // the recipe's type did not divide the rows
};

// A contiguous range of a plan's tensors that lies in one file.
struct PlannedShard {
  size_t first = 0;
  size_t last = 0;  // exclusive
  Layout layout;
};

struct Plan {
  std::string type_name;  // "Q5_K_M", as `{type}` in file names
  std::vector<PlannedTensor> tensors;
  std::vector<PlannedShard> shards;    // at least one
  std::vector<std::string> warnings;   // one sentence each
  Effort effort = Effort::kReference;  // that its encoders were chosen for
  std::string importance_path;         // of the data that some tensor uses; empty: none does
  // F32 beyond 65504 becomes infinity with a warning (conversion) instead of an error.
  bool allow_f16_overflow = false;

  uint64_t source_bytes() const;  // of tensor data
  uint64_t tensor_bytes() const;
  uint64_t file_bytes() const;  // of all shards, metadata included
  uint64_t num_values() const;
  double bits_per_weight() const;  // 8 * tensor_bytes / num_values; 0 without tensors
  size_t num_fallbacks() const;
  bool is_quantizing() const;  // some tensor is encoded into blocks: effort matters

  // Where the shards go: `path` itself for one shard, else ShardName of `path` without ".gguf".
  std::vector<std::string> OutputPaths(absl::string_view path) const;
};

// Divides the tensors into shards and lays each out. `shard_of` (one number per tensor, ascending,
// for --keep-split) takes precedence over `split` when it is not empty.
absl::Status LayOut(const Metadata& metadata, const SplitOptions& split,
                    absl::Span<const uint32_t> shard_of, Plan* plan);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_PLAN_H_
