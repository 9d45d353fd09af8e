// Reads the head of a GGUF file front to back, through a small buffer, in either byte order.

#ifndef GGUF_TOOLCHAIN_GGUF_HEAD_CURSOR_H_
#define GGUF_TOOLCHAIN_GGUF_HEAD_CURSOR_H_

#include <algorithm>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "gguf/base/status_macros.h"
#include "gguf/byte_order.h"
#include "gguf/io/file.h"

namespace gguf {

// Not thread-safe. `file` must outlive it. Methods that need more bytes than the file has left
// return OutOfRange and move nothing; other errors are the file's own.
class HeadCursor {
 public:
  static constexpr size_t kBufferBytes = 64 * 1024;
  // Memory for long strings and arrays grows by steps of this size as their bytes arrive.
  static constexpr size_t kStepBytes = 1024 * 1024;

  explicit HeadCursor(const RandomAccessFile* file) : file_(file) {}

  uint64_t position() const { return position_; }
  uint64_t remaining() const { return file_->size() - position_; }
  bool swaps() const { return swaps_; }
  void set_swaps(bool swaps) { swaps_ = swaps; }

  absl::Status ReadBytes(absl::Span<uint8_t> out);

  template <typename T>
  absl::Status ReadNumber(T* value) {
    static_assert(std::is_arithmetic_v<T>);
    const absl::Span<uint8_t> bytes(reinterpret_cast<uint8_t*>(value), sizeof(T));
    GGUF_RETURN_IF_ERROR(ReadBytes(bytes));
    if (swaps_) SwapWords(sizeof(T), bytes);
    return absl::OkStatus();
  }

  // `count` numbers back to back. The caller has checked `count` against the format's limit.
  template <typename T>
  absl::Status ReadNumbers(uint64_t count, std::vector<T>* values) {
    if (count > remaining() / sizeof(T)) return PastTheEnd();
    values->clear();
    while (values->size() < count) {
      const size_t have = values->size();
      values->resize(std::min<uint64_t>(count, have + kStepBytes / sizeof(T)));
      const absl::Span<uint8_t> bytes(reinterpret_cast<uint8_t*>(values->data() + have),
                                      (values->size() - have) * sizeof(T));
      GGUF_RETURN_IF_ERROR(ReadBytes(bytes));
      if (swaps_) SwapWords(sizeof(T), bytes);
    }
    return absl::OkStatus();
  }

  // `length` bytes of text. The caller has checked `length` against the format's limit.
  absl::Status ReadText(uint64_t length, std::string* text);

 private:
  static absl::Status PastTheEnd();
  absl::Status Refill();

  const RandomAccessFile* file_;
  uint64_t position_ = 0;
  bool swaps_ = false;
  std::vector<uint8_t> buffer_;
  uint64_t buffer_start_ = 0;  // position in the file of buffer_[0]
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_GGUF_HEAD_CURSOR_H_
