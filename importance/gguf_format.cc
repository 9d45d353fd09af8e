#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "gguf/base/status_macros.h"
#include "importance/formats.h"

namespace gguf {
namespace {

constexpr absl::string_view kSumsSuffix = ".in_sum2";
constexpr absl::string_view kCountsSuffix = ".counts";
constexpr char kRemedy[] = ", so compute the importance matrix again";
constexpr float kMaxCount = 9007199254740992.0f;  // 2^53

struct TensorPair {
  const TensorInfo* sums = nullptr;
  const TensorInfo* counts = nullptr;
};

absl::Status Error(const GgufFile& file, absl::string_view entry, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat(file.name(), ": entry '", absl::CHexEscape(entry), "': ", what));
}

// By entry; tensors of other names are ignored.
std::map<std::string, TensorPair> CollectPairs(const GgufFile& file) {
  std::map<std::string, TensorPair> pairs;
  for (const TensorInfo& tensor : file.tensors()) {
    absl::string_view name = tensor.name;
    if (absl::ConsumeSuffix(&name, kSumsSuffix)) {
      pairs[std::string(name)].sums = &tensor;
    } else if (absl::ConsumeSuffix(&name, kCountsSuffix)) {
      pairs[std::string(name)].counts = &tensor;
    }
  }
  return pairs;
}

absl::Status CheckPair(const GgufFile& file, absl::string_view entry, const TensorPair& pair) {
  if (pair.sums == nullptr || pair.counts == nullptr) {
    const auto [present, absent] = pair.sums == nullptr ? std::pair(kCountsSuffix, kSumsSuffix)
                                                        : std::pair(kSumsSuffix, kCountsSuffix);
    return Error(
        file, entry,
        absl::StrCat("has ", present, " but no ", absent, "; the file is incomplete", kRemedy));
  }
  for (const TensorInfo* tensor : {pair.sums, pair.counts}) {
    if (tensor->type == TensorType::kF32) continue;
    return Error(file, entry,
                 absl::StrCat("tensor '", absl::CHexEscape(tensor->name), "' is ",
                              NameOf(tensor->type), "; expected F32", kRemedy));
  }
  const Shape& sums = pair.sums->shape;
  const Shape& counts = pair.counts->shape;
  if (sums.num_values() > 0 && sums.rows() == counts.num_values()) return absl::OkStatus();
  return Error(
      file, entry,
      absl::StrCat("sums of shape ", sums.ToString(), " and counts of shape ", counts.ToString(),
                   " do not agree; expected one count per row", kRemedy));
}

absl::StatusOr<std::vector<float>> ReadFloats(const GgufFile& file, const TensorInfo& tensor) {
  std::vector<float> values(tensor.num_bytes / sizeof(float));
  auto* bytes = reinterpret_cast<uint8_t*>(values.data());
  GGUF_RETURN_IF_ERROR(file.ReadTensorBytes(tensor, 0, absl::MakeSpan(bytes, tensor.num_bytes)));
  return values;
}

absl::StatusOr<ImportanceEntry> ReadEntry(const GgufFile& file, absl::string_view name,
                                          const TensorPair& pair) {
  GGUF_RETURN_IF_ERROR(CheckPair(file, name, pair));
  ImportanceEntry entry;
  GGUF_ASSIGN_OR_RETURN(entry.sums, ReadFloats(file, *pair.sums));
  GGUF_RETURN_IF_ERROR(CheckSums(file.name(), name, entry.sums));
  GGUF_ASSIGN_OR_RETURN(const std::vector<float> counts, ReadFloats(file, *pair.counts));
  entry.counts.reserve(counts.size());
  for (size_t i = 0; i < counts.size(); ++i) {
    if (!(counts[i] >= 0 && counts[i] <= kMaxCount)) {  // also when it is no number
      return Error(file, name,
                   absl::StrCat("count ", i, " is ", counts[i],
                                "; expected a number from 0 to 2^53", kRemedy));
    }
    entry.counts.push_back(std::llround(counts[i]));
  }
  return entry;
}

// Keys whose absence shows that the file is no importance matrix, or a damaged one.
absl::Status ReadKeys(const GgufFile& file, ImportanceData* data) {
  const auto read = [&]() -> absl::Status {
    const Metadata& metadata = file.metadata();
    constexpr uint64_t kMax = std::numeric_limits<uint32_t>::max();
    GGUF_ASSIGN_OR_RETURN(const std::vector<std::string>* const datasets,
                          metadata.GetStrings("imatrix.datasets"));
    GGUF_ASSIGN_OR_RETURN(data->chunk_count, metadata.GetUint("imatrix.chunk_count", kMax));
    GGUF_ASSIGN_OR_RETURN(data->chunk_size, metadata.GetUint("imatrix.chunk_size", kMax));
    data->datasets = *datasets;
    return absl::OkStatus();
  };
  const absl::Status status = read();
  if (status.ok()) return status;
  return absl::InvalidArgumentError(
      absl::StrCat(file.name(), " is not an importance matrix: ", status.message()));
}

}  // namespace

absl::StatusOr<ImportanceData> ReadGgufImportance(const GgufFile& file) {
  ImportanceData data;
  data.path = file.name();
  GGUF_RETURN_IF_ERROR(ReadKeys(file, &data));
  for (const auto& [name, pair] : CollectPairs(file)) {
    GGUF_ASSIGN_OR_RETURN(data.entries[name], ReadEntry(file, name, pair));
  }
  if (!data.entries.empty()) return data;
  return absl::InvalidArgumentError(absl::StrCat(file.name(), " holds no pair of tensors NAME",
                                                 kSumsSuffix, " and NAME", kCountsSuffix, kRemedy));
}

}  // namespace gguf
