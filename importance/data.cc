#include "importance/data.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"
#include "gguf/io/file.h"
#include "gguf/io/zstd_file.h"
#include "gguf/reader.h"
#include "importance/formats.h"

namespace gguf {
namespace {

constexpr absl::string_view kGgufMagic = "GGUF";

absl::StatusOr<bool> StartsAsGguf(const RandomAccessFile& file) {
  std::string start(kGgufMagic.size(), '\0');
  if (file.size() < start.size()) return false;
  auto* bytes = reinterpret_cast<uint8_t*>(start.data());
  GGUF_RETURN_IF_ERROR(file.Read(0, absl::MakeSpan(bytes, start.size())));
  return start == kGgufMagic;
}

bool ContainsAnyOf(absl::string_view name, absl::Span<const std::string> parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [&](const std::string& part) { return absl::StrContains(name, part); });
}

absl::StatusOr<ImportanceData> ReadEitherFormat(absl::string_view path) {
  GGUF_ASSIGN_OR_RETURN(std::unique_ptr<RandomAccessFile> file, OpenDecompressed(path));
  GGUF_ASSIGN_OR_RETURN(const bool is_gguf, StartsAsGguf(*file));
  if (!is_gguf) return ReadLegacyImportance(*file);
  const absl::StatusOr<GgufFile> gguf = GgufFile::Open(std::move(file));
  if (gguf.ok()) return ReadGgufImportance(*gguf);
  return absl::Status(gguf.status().code(),
                      absl::StrCat("importance matrix ", gguf.status().message()));
}

absl::Status CheckWeights(const ImportanceData& data) {
  for (const auto& [name, entry] : data.entries) {
    const std::vector<float> weights = ImportanceWeights(entry);
    for (size_t i = 0; i < weights.size(); ++i) {
      if (weights[i] <= kGreatestImportance) continue;
      return absl::InvalidArgumentError(
          absl::StrCat(data.path, ": entry '", absl::CHexEscape(name),
                       "': the mean square of value ", i, " is ", weights[i], "; expected at most ",
                       kGreatestImportance, ", so compute the importance matrix again"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ImportanceData> ReadImportance(absl::string_view path) {
  GGUF_ASSIGN_OR_RETURN(ImportanceData data, ReadEitherFormat(path));
  GGUF_RETURN_IF_ERROR(CheckWeights(data));
  return data;
}

void FilterImportance(absl::Span<const std::string> include, absl::Span<const std::string> exclude,
                      ImportanceData* data) {
  for (auto it = data->entries.begin(); it != data->entries.end();) {
    const bool included = include.empty() || ContainsAnyOf(it->first, include);
    const bool keep = included && !ContainsAnyOf(it->first, exclude);
    it = keep ? std::next(it) : data->entries.erase(it);
  }
}

std::vector<size_t> UnmeasuredMatrices(const ImportanceEntry& entry) {
  std::vector<size_t> unmeasured;
  const size_t matrices = entry.counts.size();
  if (matrices == 0) return unmeasured;
  const size_t columns = entry.sums.size() / matrices;
  for (size_t matrix = 0; matrix < matrices; ++matrix) {
    const auto first = entry.sums.begin() + matrix * columns;
    const float greatest = columns == 0 ? 0 : *std::max_element(first, first + columns);
    const float count = static_cast<float>(entry.counts[matrix]);
    if (count == 0 || greatest / count < kLeastImportance) unmeasured.push_back(matrix);
  }
  return unmeasured;
}

std::vector<float> ImportanceWeights(const ImportanceEntry& entry) {
  const size_t matrices = entry.counts.size();
  std::vector<float> weights = entry.sums;
  const size_t columns = matrices == 0 ? 0 : entry.sums.size() / matrices;
  for (size_t i = 0; i < matrices * columns; ++i) {
    weights[i] /= static_cast<float>(entry.counts[i / columns]);
  }
  for (const size_t matrix : UnmeasuredMatrices(entry)) {
    std::fill_n(weights.begin() + matrix * columns, columns, 1.0f);
  }
  return weights;
}

}  // namespace gguf
