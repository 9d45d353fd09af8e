#include "importance/write.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "gguf/base/status_macros.h"
#include "gguf/io/file.h"
#include "gguf/keys.h"
#include "gguf/layout.h"
#include "gguf/writer.h"

namespace gguf {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are written as they are stored");

absl::Span<const uint8_t> BytesOf(const void* data, size_t size) {
  return absl::MakeConstSpan(static_cast<const uint8_t*>(data), size);
}

absl::Status NothingMeasured(absl::string_view path) {
  return absl::InvalidArgumentError(absl::StrCat(
      path,
      " would hold no entry, expected at least one tensor with activations; a text of whole "
      "chunks is needed"));
}

// ---- GGUF

// Dimensions of size 1 outside are not stored, as in the files of the field.
Shape ShapeOf(uint64_t matrices, uint64_t columns) {
  return matrices == 1 ? Shape{columns} : Shape{matrices, columns};
}

Metadata Keys(const ImportanceData& data) {
  Metadata metadata;
  metadata.Set(keys::kGeneralType, std::string("imatrix"));
  metadata.Set(keys::kImatrixDatasets, data.datasets);
  metadata.Set(keys::kImatrixChunkCount, data.chunk_count);
  metadata.Set(keys::kImatrixChunkSize, data.chunk_size);
  return metadata;
}

absl::Status WriteGguf(const ImportanceData& data, absl::string_view path, bool replace) {
  std::vector<TensorSpec> specs;
  for (const auto& [name, entry] : data.entries) {
    const uint64_t matrices = entry.counts.size();
    specs.push_back({absl::StrCat(name, ".in_sum2"), TensorType::kF32,
                     ShapeOf(matrices, entry.sums.size() / matrices)});
    specs.push_back({absl::StrCat(name, ".counts"), TensorType::kF32, ShapeOf(matrices, 1)});
  }
  if (specs.empty()) return NothingMeasured(path);
  GGUF_ASSIGN_OR_RETURN(const Layout layout, ComputeLayout(Keys(data), specs));
  OutputFile::Options create;
  create.replace = replace;
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<OutputFile> file,
                        OutputFile::Create(path, layout.file_size, create));
  GGUF_ASSIGN_OR_RETURN(const GgufWriter writer, GgufWriter::Create(&layout, file.get()));
  size_t index = 0;
  for (const auto& [name, entry] : data.entries) {
    GGUF_RETURN_IF_ERROR(writer.WriteTensorBytes(
        index++, 0, BytesOf(entry.sums.data(), entry.sums.size() * sizeof(float))));
    const std::vector<float> counts(entry.counts.begin(), entry.counts.end());
    GGUF_RETURN_IF_ERROR(
        writer.WriteTensorBytes(index++, 0, BytesOf(counts.data(), counts.size() * sizeof(float))));
  }
  return file->Commit();
}

// ---- Legacy

constexpr uint64_t kMaxInt = std::numeric_limits<int32_t>::max();

void AppendInt(uint64_t number, std::string* out) {
  const auto value = static_cast<int32_t>(number);
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void AppendName(const std::string& name, std::string* out) {
  AppendInt(name.size(), out);
  out->append(name);
}

// Means times calls, the latter being the chunks that the greatest count begins.
void AppendEntry(const std::string& name, const ImportanceEntry& entry, uint64_t calls,
                 std::string* out) {
  AppendName(name, out);
  AppendInt(calls, out);
  AppendInt(entry.sums.size(), out);
  const size_t columns = entry.sums.size() / entry.counts.size();
  for (size_t i = 0; i < entry.sums.size(); ++i) {
    const auto count = static_cast<float>(entry.counts[i / columns]);
    const float value = (count == 0 ? 1.0f : entry.sums[i] / count) * static_cast<float>(calls);
    out->append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
}

absl::StatusOr<std::string> LegacyBytes(const ImportanceData& data, absl::string_view path) {
  std::string entries;
  uint64_t num_entries = 0;
  for (const auto& [name, entry] : data.entries) {
    const uint64_t greatest = *std::max_element(entry.counts.begin(), entry.counts.end());
    if (greatest == 0) continue;
    const uint64_t calls = (greatest + data.chunk_size - 1) / data.chunk_size;
    if (calls > kMaxInt || entry.sums.size() > kMaxInt || name.size() > kMaxInt) {
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": entry '", absl::CHexEscape(name.substr(0, 80)), "' has ", calls, " chunks and ",
          entry.sums.size(), " values, more than the legacy format can count; write GGUF"));
    }
    AppendEntry(name, entry, calls, &entries);
    ++num_entries;
  }
  if (num_entries == 0) return NothingMeasured(path);
  std::string bytes;
  AppendInt(num_entries, &bytes);
  bytes += entries;
  AppendInt(data.chunk_count, &bytes);
  AppendName(data.datasets.empty() ? std::string() : data.datasets.back(), &bytes);
  return bytes;
}

absl::Status WriteLegacy(const ImportanceData& data, absl::string_view path, bool replace) {
  GGUF_ASSIGN_OR_RETURN(const std::string bytes, LegacyBytes(data, path));
  OutputFile::Options create;
  create.replace = replace;
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<OutputFile> file,
                        OutputFile::Create(path, bytes.size(), create));
  GGUF_RETURN_IF_ERROR(file->Write(0, BytesOf(bytes.data(), bytes.size())));
  return file->Commit();
}

}  // namespace

absl::Status WriteImportance(const ImportanceData& data, absl::string_view path,
                             const WriteImportanceOptions& options) {
  return options.format == ImportanceFormat::kGguf ? WriteGguf(data, path, options.replace)
                                                   : WriteLegacy(data, path, options.replace);
}

}  // namespace gguf
