#include "gguf/head_cursor.h"

#include <cstring>

namespace gguf {

absl::Status HeadCursor::PastTheEnd() { return absl::OutOfRangeError("the file ends"); }

absl::Status HeadCursor::Refill() {
  buffer_.resize(std::min<uint64_t>(remaining(), kBufferBytes));
  buffer_start_ = position_;
  const absl::Status status = file_->Read(position_, absl::MakeSpan(buffer_));
  if (!status.ok()) buffer_.clear();
  return status;
}

absl::Status HeadCursor::ReadBytes(absl::Span<uint8_t> out) {
  if (out.size() > remaining()) return PastTheEnd();
  while (!out.empty()) {
    const uint64_t used = position_ - buffer_start_;
    if (used >= buffer_.size()) {
      GGUF_RETURN_IF_ERROR(Refill());
      continue;
    }
    const size_t step = std::min<uint64_t>(out.size(), buffer_.size() - used);
    std::memcpy(out.data(), buffer_.data() + used, step);
    out.remove_prefix(step);
    position_ += step;
  }
  return absl::OkStatus();
}

absl::Status HeadCursor::ReadText(uint64_t length, std::string* text) {
  if (length > remaining()) return PastTheEnd();
  text->clear();
  while (text->size() < length) {
    const size_t have = text->size();
    text->resize(std::min<uint64_t>(length, have + kStepBytes));
    GGUF_RETURN_IF_ERROR(
        ReadBytes(absl::MakeSpan(reinterpret_cast<uint8_t*>(&(*text)[have]), text->size() - have)));
  }
  return absl::OkStatus();
}

}  // namespace gguf
