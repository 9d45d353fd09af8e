#include <bit>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"
#include "importance/formats.h"

namespace gguf {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are read as they are stored");

// Name length, one byte of name, calls, number of values, one value.
constexpr uint64_t kSmallestEntry = 4 + 1 + 4 + 4 + 4;

// Reads one thing after the other; nothing beyond the file's end is asked for or allocated.
class Cursor {
 public:
  explicit Cursor(const RandomAccessFile& file) : file_(file) {}

  uint64_t remaining() const { return file_.size() - offset_; }

  absl::Status Error(absl::string_view what) const {
    return absl::InvalidArgumentError(
        absl::StrCat(file_.name(),
                     " is not an importance matrix (neither GGUF nor the legacy format), or it is ",
                     "damaged: at byte ", offset_, ", ", what, "; compute it again"));
  }

  absl::StatusOr<int32_t> ReadInt(absl::string_view what) {
    int32_t number = 0;
    GGUF_RETURN_IF_ERROR(ReadBytes(what, sizeof(number), &number));
    return number;
  }

  // A length between `least` and what the rest of the file can hold at `unit` bytes each.
  absl::StatusOr<uint64_t> ReadLength(absl::string_view what, int32_t least, uint64_t unit) {
    GGUF_ASSIGN_OR_RETURN(const int32_t length, ReadInt(what));
    if (length >= least && static_cast<uint64_t>(length) <= remaining() / unit) return length;
    return Error(absl::StrCat(what, " is ", length, "; expected at least ", least,
                              " and, in the remaining ", remaining(), " bytes, at most ",
                              remaining() / unit));
  }

  absl::StatusOr<std::string> ReadName(absl::string_view what, int32_t least) {
    GGUF_ASSIGN_OR_RETURN(const uint64_t length,
                          ReadLength(absl::StrCat(what, " length"), least, 1));
    std::string name(length, '\0');
    GGUF_RETURN_IF_ERROR(ReadBytes(what, length, name.data()));
    return name;
  }

  absl::StatusOr<std::vector<float>> ReadValues() {
    GGUF_ASSIGN_OR_RETURN(const uint64_t count, ReadLength("the number of values", 1, 4));
    std::vector<float> values(count);
    GGUF_RETURN_IF_ERROR(ReadBytes("values", count * sizeof(float), values.data()));
    return values;
  }

 private:
  absl::Status ReadBytes(absl::string_view what, uint64_t size, void* out) {
    if (size > remaining()) return Error(absl::StrCat("the file ends within ", what));
    const absl::Span<uint8_t> bytes(static_cast<uint8_t*>(out), size);
    GGUF_RETURN_IF_ERROR(file_.Read(offset_, bytes));
    offset_ += size;
    return absl::OkStatus();
  }

  const RandomAccessFile& file_;
  uint64_t offset_ = 0;
};

absl::Status ReadEntry(absl::string_view file, Cursor* cursor, ImportanceData* data) {
  GGUF_ASSIGN_OR_RETURN(std::string name, cursor->ReadName("an entry's name", 1));
  GGUF_ASSIGN_OR_RETURN(const int32_t calls, cursor->ReadInt("the number of calls"));
  if (calls < 0) {
    return cursor->Error(absl::StrCat("entry '", absl::CHexEscape(name), "' was called ", calls,
                                      " times; expected 0 or more"));
  }
  GGUF_ASSIGN_OR_RETURN(std::vector<float> values, cursor->ReadValues());
  GGUF_RETURN_IF_ERROR(CheckSums(file, name, values));
  ImportanceEntry entry{std::move(values), {calls == 0 ? 1 : calls}};
  const bool is_new = data->entries.emplace(name, std::move(entry)).second;
  if (is_new) return absl::OkStatus();
  return cursor->Error(absl::StrCat("entry '", absl::CHexEscape(name), "' occurs twice"));
}

absl::Status ReadTrailer(Cursor* cursor, ImportanceData* data) {
  if (cursor->remaining() == 0) return absl::OkStatus();
  GGUF_ASSIGN_OR_RETURN(const int32_t chunks, cursor->ReadInt("the number of chunks"));
  if (chunks < 0) {
    return cursor->Error(absl::StrCat("the number of chunks is ", chunks, "; expected 0 or more"));
  }
  data->chunk_count = chunks;
  GGUF_ASSIGN_OR_RETURN(std::string dataset, cursor->ReadName("the dataset's name", 0));
  if (!dataset.empty()) data->datasets.push_back(std::move(dataset));
  if (cursor->remaining() == 0) return absl::OkStatus();
  return cursor->Error(
      absl::StrCat(cursor->remaining(), " bytes follow the dataset's name; expected none"));
}

}  // namespace

absl::Status CheckSums(absl::string_view file, absl::string_view entry,
                       absl::Span<const float> sums) {
  for (size_t i = 0; i < sums.size(); ++i) {
    if (std::isfinite(sums[i]) && sums[i] >= 0) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        file, ": entry '", absl::CHexEscape(entry), "': value ", i, " is ", sums[i],
        "; sums of squares are finite and not negative, so compute the importance matrix again"));
  }
  return absl::OkStatus();
}

absl::StatusOr<ImportanceData> ReadLegacyImportance(const RandomAccessFile& file) {
  Cursor cursor(file);
  GGUF_ASSIGN_OR_RETURN(const uint64_t num_entries,
                        cursor.ReadLength("the number of entries", 1, kSmallestEntry));
  ImportanceData data;
  data.path = file.name();
  for (uint64_t i = 0; i < num_entries; ++i) {
    GGUF_RETURN_IF_ERROR(ReadEntry(file.name(), &cursor, &data));
  }
  GGUF_RETURN_IF_ERROR(ReadTrailer(&cursor, &data));
  return data;
}

}  // namespace gguf
