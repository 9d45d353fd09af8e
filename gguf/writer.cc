#include "gguf/writer.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"

namespace gguf {
namespace {

absl::Status WriteZeros(uint64_t first, uint64_t last, WritableFile* file) {
  const std::vector<uint8_t> zeros(std::min<uint64_t>(last - first, 4096), 0);
  while (first < last) {
    const uint64_t step = std::min<uint64_t>(last - first, zeros.size());
    GGUF_RETURN_IF_ERROR(file->Write(first, absl::MakeConstSpan(zeros.data(), step)));
    first += step;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<GgufWriter> GgufWriter::Create(const Layout* layout, WritableFile* file) {
  GGUF_RETURN_IF_ERROR(
      file->Write(0, absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(layout->head.data()),
                                         layout->head.size())));
  for (size_t i = 0; i < layout->offsets.size(); ++i) {
    const bool is_last = i + 1 == layout->offsets.size();
    GGUF_RETURN_IF_ERROR(WriteZeros(layout->offsets[i] + layout->sizes[i],
                                    is_last ? layout->file_size : layout->offsets[i + 1], file));
  }
  return GgufWriter(layout, file);
}

absl::Status GgufWriter::WriteTensorBytes(size_t index, uint64_t offset,
                                          absl::Span<const uint8_t> bytes) const {
  if (index >= layout_->sizes.size() || offset > layout_->sizes[index] ||
      bytes.size() > layout_->sizes[index] - offset) {
    return absl::OutOfRangeError(
        absl::StrCat("'", file_->name(), "': cannot write ", bytes.size(), " bytes at byte ",
                     offset, " of tensor number ", index, ", which has ",
                     index < layout_->sizes.size() ? layout_->sizes[index] : 0, " bytes"));
  }
  return file_->Write(layout_->offsets[index] + offset, bytes);
}

}  // namespace gguf
