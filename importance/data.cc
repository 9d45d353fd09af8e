#include "importance/data.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "gguf/base/status_macros.h"
#include "gguf/io/file.h"
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

}  // namespace

absl::StatusOr<ImportanceData> ReadImportance(absl::string_view path) {
  GGUF_ASSIGN_OR_RETURN(std::unique_ptr<RandomAccessFile> file, OpenFile(path));
  GGUF_ASSIGN_OR_RETURN(const bool is_gguf, StartsAsGguf(*file));
  if (!is_gguf) return ReadLegacyImportance(*file);
  GGUF_ASSIGN_OR_RETURN(const GgufFile gguf, GgufFile::Open(std::move(file)));
  return ReadGgufImportance(gguf);
}

void FilterImportance(absl::Span<const std::string> include, absl::Span<const std::string> exclude,
                      ImportanceData* data) {
  for (auto it = data->entries.begin(); it != data->entries.end();) {
    const bool included = include.empty() || ContainsAnyOf(it->first, include);
    const bool keep = included && !ContainsAnyOf(it->first, exclude);
    it = keep ? std::next(it) : data->entries.erase(it);
  }
}

std::vector<float> ImportanceWeights(const ImportanceEntry& entry) {
  const size_t matrices = entry.counts.size();
  std::vector<float> weights(entry.sums.size(), 1.0f);
  if (matrices == 0) return weights;
  const size_t columns = entry.sums.size() / matrices;
  for (size_t matrix = 0; matrix < matrices; ++matrix) {
    if (entry.counts[matrix] == 0) continue;
    const float count = static_cast<float>(entry.counts[matrix]);
    for (size_t i = matrix * columns; i < (matrix + 1) * columns; ++i) {
      weights[i] = entry.sums[i] / count;
    }
  }
  return weights;
}

}  // namespace gguf
