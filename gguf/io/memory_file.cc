#include "gguf/io/memory_file.h"

#include <cstring>

#include "absl/strings/str_cat.h"

namespace gguf {

absl::Status MemoryFile::Read(uint64_t offset, absl::Span<uint8_t> out) const {
  if (offset > size_ || out.size() > size_ - offset) {
    return absl::OutOfRangeError(absl::StrCat("'", name_, "' has ", size_, " bytes, cannot read ",
                                              out.size(), " at byte ", offset));
  }
  if (out.empty()) return absl::OkStatus();
  if (offset > bytes_.size() || out.size() > bytes_.size() - offset) {
    return absl::DataLossError(absl::StrCat("'", name_, "' had ", size_,
                                            " bytes when it was opened and now ends at byte ",
                                            bytes_.size()));
  }
  std::memcpy(out.data(), bytes_.data() + offset, out.size());
  return absl::OkStatus();
}

absl::Status MemoryOutput::Write(uint64_t offset, absl::Span<const uint8_t> bytes) {
  if (offset > bytes_.size() || bytes.size() > bytes_.size() - offset) {
    return absl::OutOfRangeError(absl::StrCat("'", name_, "' was created with ", bytes_.size(),
                                              " bytes, cannot write ", bytes.size(), " at byte ",
                                              offset));
  }
  for (int64_t left = writes_left_.load(); left >= 0;) {
    if (left == 0) {
      return absl::ResourceExhaustedError(
          absl::StrCat("cannot write '", name_, "': No space left on device"));
    }
    if (writes_left_.compare_exchange_weak(left, left - 1)) break;
  }
  if (!bytes.empty()) std::memcpy(&bytes_[offset], bytes.data(), bytes.size());
  return absl::OkStatus();
}

}  // namespace gguf
