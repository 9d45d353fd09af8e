// Finds the longest token that a text begins with.

#ifndef GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_PREFIX_INDEX_H_
#define GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_PREFIX_INDEX_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace gguf {

// Texts in sorted order; a lookup narrows the range of candidates byte by byte. Immutable after
// Finish, and then thread-safe. Holds views: the texts must outlive it.
class PrefixIndex {
 public:
  struct Match {
    int32_t id = -1;  // -1: none
    size_t length = 0;
  };

  // `text` is not empty.
  void Add(absl::string_view text, int32_t id) { entries_.emplace_back(text, id); }
  void Finish();

  bool empty() const { return entries_.empty(); }
  bool MayBegin(char first) const { return starts_[Byte(first)] < starts_[Byte(first) + 1]; }

  // The longest text of at most `max_length` bytes that `text` begins with.
  // O(length of the longest common beginning * log(texts)).
  Match Longest(absl::string_view text, size_t max_length = ~size_t{0}) const;

 private:
  static size_t Byte(char c) { return static_cast<uint8_t>(c); }

  std::vector<std::pair<absl::string_view, int32_t>> entries_;
  std::array<size_t, 257> starts_ = {};  // by first byte, where its texts begin
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_PREFIX_INDEX_H_
