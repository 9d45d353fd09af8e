#include "gguf/reader.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/byte_order.h"
#include "gguf/io/zstd_file.h"

namespace gguf {

absl::StatusOr<GgufFile> GgufFile::Open(std::unique_ptr<RandomAccessFile> file) {
  GGUF_ASSIGN_OR_RETURN(GgufHead head, ParseHead(*file));
  return GgufFile(std::move(file), std::move(head));
}

absl::StatusOr<GgufFile> GgufFile::Open(absl::string_view path) {
  GGUF_ASSIGN_OR_RETURN(std::unique_ptr<RandomAccessFile> file, OpenDecompressed(path));
  return Open(std::move(file));
}

absl::Status GgufFile::ReadTensorBytes(const TensorInfo& tensor, uint64_t offset,
                                       absl::Span<uint8_t> out) const {
  if (offset > tensor.num_bytes || out.size() > tensor.num_bytes - offset) {
    return absl::OutOfRangeError(absl::StrCat("'", name(), "': tensor '", EscapeText(tensor.name),
                                              "' has ", tensor.num_bytes, " bytes, cannot read ",
                                              out.size(), " at byte ", offset));
  }
  const uint64_t block_bytes = InfoOf(tensor.type).block_bytes;
  if (is_big_endian() && (offset % block_bytes != 0 || out.size() % block_bytes != 0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", name(), "': tensor '", EscapeText(tensor.name),
                     "' is big-endian, cannot read ", out.size(), " bytes at byte ", offset,
                     ", expected whole blocks of ", block_bytes, " bytes"));
  }
  const absl::Status status = file_->Read(tensor.offset + offset, out);
  if (!status.ok()) {
    return absl::Status(status.code(),
                        absl::StrCat("tensor '", EscapeText(tensor.name), "': ", status.message()));
  }
  if (is_big_endian()) SwapBlockBytes(tensor.type, out);
  return absl::OkStatus();
}

}  // namespace gguf
