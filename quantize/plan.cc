#include "quantize/plan.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "gguf/base/status_macros.h"
#include "gguf/keys.h"

namespace gguf {
namespace {

constexpr uint64_t kDefaultAlignment = 32;

// [first, last) ranges of equal values in an ascending list; shards without a tensor are empty.
std::vector<std::pair<size_t, size_t>> RangesOf(absl::Span<const uint32_t> shard_of) {
  std::vector<std::pair<size_t, size_t>> ranges(shard_of.empty() ? 1 : shard_of.back() + 1);
  size_t i = 0;
  for (uint32_t shard = 0; shard < ranges.size(); ++shard) {
    ranges[shard].first = i;
    while (i < shard_of.size() && shard_of[i] == shard) ++i;
    ranges[shard].second = i;
  }
  return ranges;
}

}  // namespace

uint64_t Plan::source_bytes() const {
  uint64_t bytes = 0;
  for (const PlannedTensor& tensor : tensors) {
    bytes += TensorBytes(tensor.source_type, tensor.shape).value_or(0);
  }
  return bytes;
}

uint64_t Plan::tensor_bytes() const {
  uint64_t bytes = 0;
  for (const PlannedShard& shard : shards) {
    for (const uint64_t size : shard.layout.sizes) bytes += size;
  }
  return bytes;
}

uint64_t Plan::file_bytes() const {
  uint64_t bytes = 0;
  for (const PlannedShard& shard : shards) bytes += shard.layout.file_size;
  return bytes;
}

uint64_t Plan::num_values() const {
  uint64_t values = 0;
  for (const PlannedTensor& tensor : tensors) values += tensor.shape.num_values();
  return values;
}

double Plan::bits_per_weight() const {
  const uint64_t values = num_values();
  return values == 0 ? 0.0 : 8.0 * static_cast<double>(tensor_bytes()) / values;
}

size_t Plan::num_fallbacks() const {
  return std::count_if(tensors.begin(), tensors.end(),
                       [](const PlannedTensor& tensor) { return tensor.is_fallback; });
}

bool Plan::is_quantizing() const {
  return std::any_of(tensors.begin(), tensors.end(), [](const PlannedTensor& tensor) {
    return tensor.encoder != nullptr && InfoOf(tensor.type).is_quantized;
  });
}

std::vector<std::string> Plan::OutputPaths(absl::string_view path) const {
  if (shards.size() == 1) return {std::string(path)};
  std::vector<std::string> paths;
  const absl::string_view prefix = absl::StripSuffix(path, ".gguf");
  for (uint32_t shard = 0; shard < shards.size(); ++shard) {
    paths.push_back(ShardName(prefix, shard, static_cast<uint32_t>(shards.size())));
  }
  return paths;
}

absl::Status LayOut(const Metadata& metadata, const SplitOptions& split,
                    absl::Span<const uint32_t> shard_of, Plan* plan) {
  std::vector<TensorSpec> specs;
  specs.reserve(plan->tensors.size());
  for (const PlannedTensor& tensor : plan->tensors) {
    specs.push_back({tensor.name, tensor.type, tensor.shape});
  }
  std::vector<std::pair<size_t, size_t>> ranges;
  if (!shard_of.empty()) {
    ranges = RangesOf(shard_of);
  } else {
    GGUF_ASSIGN_OR_RETURN(const uint64_t alignment,
                          metadata.GetUintOr(keys::kGeneralAlignment, kDefaultAlignment));
    GGUF_ASSIGN_OR_RETURN(ranges, SplitTensors(specs, alignment, split));
  }
  plan->shards.clear();
  for (uint32_t i = 0; i < ranges.size(); ++i) {
    const auto [first, last] = ranges[i];
    GGUF_ASSIGN_OR_RETURN(
        Layout layout,
        ComputeLayout(
            ShardMetadata(metadata, i, static_cast<uint32_t>(ranges.size()), specs.size()),
            absl::MakeConstSpan(specs).subspan(first, last - first)));
    plan->shards.push_back({first, last, std::move(layout)});
  }
  return absl::OkStatus();
}

}  // namespace gguf
