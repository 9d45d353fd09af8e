#include "gguf/edit/edit.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "gguf/alignment.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"

namespace gguf {
namespace {

constexpr uint64_t kDefaultMaxTensors = 128;  // as gguf-split

// Where links lead, so that replacing a file does not replace the link to it.
std::string ResolveLinks(const std::string& path) {
  std::error_code error;
  const std::filesystem::path target = std::filesystem::canonical(path, error);
  return error ? path : target.string();
}

}  // namespace

absl::StatusOr<ModelPart> PlanSetKeys(const GgufModel& file, absl::string_view output,
                                      absl::Span<const Metadata::Entry> set,
                                      absl::Span<const std::string> remove) {
  const std::string& input = file.shards()[0].name();
  Metadata metadata = file.metadata();
  for (const auto& [key, value] : set) metadata.Set(key, value);
  for (const std::string& key : remove) {
    if (!metadata.Remove(key)) {
      return absl::NotFoundError(
          absl::StrCat("'", input, "' has no key '", EscapeText(key, 100), "', cannot remove it"));
    }
  }
  return ModelPart{output.empty() ? ResolveLinks(input) : std::string(output), std::move(metadata),
                   0, file.tensors().size()};
}

absl::StatusOr<std::vector<ModelPart>> PlanSplit(const GgufModel& model, absl::string_view prefix,
                                                 SplitOptions options) {
  if (options.max_tensors == 0 && options.max_bytes == 0) options.max_tensors = kDefaultMaxTensors;
  std::vector<TensorSpec> tensors;
  for (const TensorInfo& tensor : model.tensors()) {
    tensors.push_back({tensor.name, tensor.type, tensor.shape});
  }
  GGUF_ASSIGN_OR_RETURN(const uint64_t alignment, AlignmentOf(model.metadata()));
  GGUF_ASSIGN_OR_RETURN(const auto ranges, SplitTensors(tensors, alignment, options));
  std::vector<ModelPart> parts;
  const uint32_t count = static_cast<uint32_t>(ranges.size());
  for (uint32_t shard = 0; shard < count; ++shard) {
    parts.push_back({ShardName(prefix, shard, count),
                     ShardMetadata(model.metadata(), shard, count, tensors.size()),
                     ranges[shard].first, ranges[shard].second});
  }
  return parts;
}

ModelPart PlanMerge(const GgufModel& model, absl::string_view output) {
  return {std::string(output), ShardMetadata(model.metadata(), 0, 1, model.tensors().size()), 0,
          model.tensors().size()};
}

}  // namespace gguf
