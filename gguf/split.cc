#include "gguf/split.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "gguf/base/sizes.h"
#include "gguf/base/utf8.h"
#include "gguf/io/zstd_frames.h"
#include "gguf/keys.h"
#include "gguf/limits.h"

namespace gguf {

std::string ShardName(absl::string_view prefix, uint32_t shard, uint32_t count) {
  return absl::StrCat(prefix, absl::StrFormat("-%05d-of-%05d.gguf", shard + 1, count));
}

absl::StatusOr<std::string> ShardPrefix(absl::string_view path, uint32_t shard, uint32_t count) {
  const std::string suffix = ShardName("", shard, count);
  absl::string_view prefix = absl::StripSuffix(path, kZstdSuffix);
  if (!absl::ConsumeSuffix(&prefix, suffix)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", path, "' is shard ", shard + 1, " of ", count, " and should end in '",
                     suffix, "'; rename it, so that the other shards can be found"));
  }
  return std::string(prefix);
}

absl::StatusOr<std::vector<std::pair<size_t, size_t>>> SplitTensors(
    absl::Span<const TensorSpec> tensors, uint64_t alignment, const SplitOptions& options) {
  std::vector<std::pair<size_t, size_t>> shards;
  if (options.no_tensor_first_split) shards.emplace_back(0, 0);
  size_t first = 0;
  uint64_t shard_bytes = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const absl::StatusOr<uint64_t> bytes = TensorBytes(tensors[i].type, tensors[i].shape);
    if (!bytes.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor '", EscapeText(tensors[i].name), "': ", bytes.status().message()));
    }
    const uint64_t padded = RoundUp(*bytes, alignment);  // below 2^63 + 2^20
    const bool is_full = options.max_tensors > 0 && i - first >= options.max_tensors;
    const bool is_large = options.max_bytes > 0 &&
                          (padded > options.max_bytes || shard_bytes > options.max_bytes - padded);
    if (i > first && (is_full || is_large)) {
      shards.emplace_back(first, i);
      first = i;
      shard_bytes = 0;
    }
    if (!CheckedAdd(shard_bytes, padded, &shard_bytes)) {
      return absl::InvalidArgumentError("the tensors of a shard exceed 2^64 bytes");
    }
  }
  if (first < tensors.size() || shards.empty()) shards.emplace_back(first, tensors.size());
  if (shards.size() > kMaxShards) {
    return absl::InvalidArgumentError(absl::StrCat("the limits give ", shards.size(),
                                                   " shards, expected at most ", kMaxShards,
                                                   "; choose larger shards"));
  }
  return shards;
}

Metadata ShardMetadata(const Metadata& metadata, uint32_t shard, uint32_t count,
                       uint64_t total_tensors) {
  Metadata result;
  if (shard == 0) result = metadata;
  for (const absl::string_view key :
       {keys::kSplitNo, keys::kSplitTensorsCount, keys::kSplitCount}) {
    result.Remove(key);
  }
  if (count == 1) return result;
  result.Set(keys::kSplitNo, static_cast<uint16_t>(shard));
  result.Set(keys::kSplitTensorsCount, static_cast<int32_t>(total_tensors));
  result.Set(keys::kSplitCount, static_cast<uint16_t>(count));
  return result;
}

}  // namespace gguf
