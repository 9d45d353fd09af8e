#include "runtime/tokenizer/prefix_index.h"

#include <algorithm>

namespace gguf {

void PrefixIndex::Finish() {
  std::sort(entries_.begin(), entries_.end());
  starts_.fill(0);
  for (const auto& [text, id] : entries_) ++starts_[Byte(text[0]) + 1];
  for (size_t byte = 0; byte < 256; ++byte) starts_[byte + 1] += starts_[byte];
}

PrefixIndex::Match PrefixIndex::Longest(absl::string_view text, size_t max_length) const {
  Match match;
  if (text.empty()) return match;
  auto first = entries_.begin() + starts_[Byte(text[0])];
  auto last = entries_.begin() + starts_[Byte(text[0]) + 1];
  const size_t end = std::min(text.size(), max_length);
  for (size_t depth = 1; first != last && depth <= end; ++depth) {
    // All candidates share `depth` bytes with the text; the one that ends here sorts first.
    if (first->first.size() == depth) {
      match = {first->second, depth};
      ++first;
    }
    if (depth == end) break;
    const size_t next = Byte(text[depth]);
    if (first == last) break;
    if (Byte(first->first[depth]) == next && Byte((last - 1)->first[depth]) == next) continue;
    const auto below = [depth](const auto& entry, size_t byte) {
      return Byte(entry.first[depth]) < byte;
    };
    first = std::lower_bound(first, last, next, below);
    last = std::lower_bound(first, last, next + 1, below);
  }
  return match;
}

}  // namespace gguf
