// Names and arithmetic of split sets (gguf-split, August 2026).

#ifndef GGUF_TOOLCHAIN_GGUF_SPLIT_H_
#define GGUF_TOOLCHAIN_GGUF_SPLIT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gguf/layout.h"

namespace gguf {

// "<prefix>-00001-of-00003.gguf" for shard 0 of 3.
std::string ShardName(absl::string_view prefix, uint32_t shard, uint32_t count);

// The prefix of a shard's path; InvalidArgument when the path does not end as shard `shard` of
// `count` must.
absl::StatusOr<std::string> ShardPrefix(absl::string_view path, uint32_t shard, uint32_t count);

struct SplitOptions {
  uint64_t max_tensors = 0;  // 0: no limit by number
  uint64_t max_bytes = 0;    // of padded tensor data per shard; 0: no limit by size
  bool no_tensor_first_split = false;  // the first shard holds metadata only
};

// Tensors of each shard as [first, last) ranges over `tensors`; a single range when nothing limits.
// A tensor larger than max_bytes gets a shard for itself. InvalidArgument above 65535 shards.
absl::StatusOr<std::vector<std::pair<size_t, size_t>>> SplitTensors(
    absl::Span<const TensorSpec> tensors, uint64_t alignment, const SplitOptions& options);

// Metadata of shard `shard` of `count`: all of `metadata` in the first shard, only the split keys
// in the others. With count == 1 the split keys are removed instead.
Metadata ShardMetadata(const Metadata& metadata, uint32_t shard, uint32_t count,
                       uint64_t total_tensors);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_GGUF_SPLIT_H_
