#include "importance/merge.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"

namespace gguf {
namespace {

constexpr int64_t kMaxCount = int64_t{1} << 53;  // exact as a double, and as readers allow

absl::Status Error(const ImportanceData& more, absl::string_view name, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat(more.path, ": entry '", absl::CHexEscape(name), "' ", what));
}

absl::Status CheckCounts(const ImportanceData& more, const std::string& name,
                         const ImportanceEntry& entry, const ImportanceEntry& total) {
  if (entry.counts.size() == total.counts.size() || total.counts.size() == 1) {
    return absl::OkStatus();
  }
  return Error(more, name,
               absl::StrCat("has ", entry.counts.size(), " counts, expected ", total.counts.size(),
                            " as before, one per expert; name files of the legacy format first"));
}

// `total` may be null.
absl::Status CheckNumbers(const ImportanceData& more, const std::string& name,
                          const ImportanceEntry& entry, const ImportanceEntry* total) {
  for (size_t i = 0; i < entry.sums.size(); ++i) {
    const float before = total == nullptr ? 0.0f : total->sums[i];
    if (std::isfinite(entry.sums[i] + before)) continue;
    return Error(more, name,
                 absl::StrCat("makes the sum of value ", i,
                              " infinite, expected sums within "
                              "float32; compute one matrix over all texts"));
  }
  for (size_t i = 0; i < entry.counts.size(); ++i) {
    const int64_t before = total == nullptr ? 0 : total->counts[total->counts.size() == 1 ? 0 : i];
    if (entry.counts[i] <= kMaxCount - before) continue;
    return Error(more, name,
                 "makes more than 2^53 rows, expected fewer; compute one matrix over "
                 "all texts");
  }
  return absl::OkStatus();
}

void AddEntry(const ImportanceEntry& more, ImportanceEntry* total) {
  total->counts.resize(more.counts.size(), total->counts[0]);
  for (size_t i = 0; i < more.sums.size(); ++i) total->sums[i] += more.sums[i];
  for (size_t i = 0; i < more.counts.size(); ++i) total->counts[i] += more.counts[i];
}

}  // namespace

absl::Status CheckSameModel(const ImportanceData& data, const ImportanceData& expected) {
  for (const auto& [name, entry] : data.entries) {
    const auto known = expected.entries.find(name);
    if (known == expected.entries.end() || entry.sums.size() == known->second.sums.size()) continue;
    return Error(
        data, name,
        absl::StrCat("has ", entry.sums.size(), " values, expected ", known->second.sums.size(),
                     " as in ", expected.path, "; merge files of the same model only"));
  }
  return absl::OkStatus();
}

void CountTokens(uint32_t chunk_size, ImportanceData* data) {
  if (data->chunk_size != 0) return;
  for (auto& [name, entry] : data->entries) {
    for (float& sum : entry.sums) sum *= static_cast<float>(chunk_size);
    for (int64_t& count : entry.counts) {
      count = count > kMaxCount / std::max<int64_t>(1, chunk_size) ? kMaxCount : count * chunk_size;
    }
  }
  data->chunk_size = chunk_size;
}

uint32_t CountChunks(const ImportanceData& data) {
  int64_t greatest = 0;
  for (const auto& [name, entry] : data.entries) {
    for (const int64_t count : entry.counts) greatest = std::max(greatest, count);
  }
  const int64_t chunks = data.chunk_size == 0 ? 0 : greatest / data.chunk_size;
  return static_cast<uint32_t>(
      std::min<int64_t>(chunks, std::numeric_limits<int32_t>::max()));  // legacy: int32
}

absl::Status MergeImportance(const ImportanceData& more, ImportanceData* total) {
  GGUF_RETURN_IF_ERROR(CheckSameModel(more, *total));
  for (const auto& [name, entry] : more.entries) {
    const auto known = total->entries.find(name);
    const ImportanceEntry* before = known == total->entries.end() ? nullptr : &known->second;
    if (before != nullptr) GGUF_RETURN_IF_ERROR(CheckCounts(more, name, entry, *before));
    GGUF_RETURN_IF_ERROR(CheckNumbers(more, name, entry, before));
  }
  for (const auto& [name, entry] : more.entries) {
    const auto [known, is_new] = total->entries.emplace(name, entry);
    if (!is_new) AddEntry(entry, &known->second);
  }
  total->datasets.insert(total->datasets.end(), more.datasets.begin(), more.datasets.end());
  if (total->chunk_size == 0) total->chunk_size = more.chunk_size;
  total->chunk_count = CountChunks(*total);
  return absl::OkStatus();
}

}  // namespace gguf
