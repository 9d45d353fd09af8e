// Lists in messages: the first few by name, the rest as a number.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_NAME_SOME_H_
#define GGUF_TOOLCHAIN_QUANTIZE_NAME_SOME_H_

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"

namespace gguf {

inline constexpr size_t kMaxNamed = 6;

// "a, b, c, d, e, f and 3 others": `others` is what follows "other" ("s", " tensors").
template <typename T>
std::string NameSome(const std::vector<T>& all, absl::string_view others) {
  const size_t named = std::min(all.size(), kMaxNamed);
  return absl::StrCat(
      absl::StrJoin(all.begin(), all.begin() + named, ", "),
      named < all.size() ? absl::StrCat(" and ", all.size() - named, " other", others) : "");
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_NAME_SOME_H_
