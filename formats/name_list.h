// Names in an error message: the first few, and how many more there are.

#ifndef GGUF_TOOLCHAIN_FORMATS_NAME_LIST_H_
#define GGUF_TOOLCHAIN_FORMATS_NAME_LIST_H_

#include <cstddef>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace gguf {

class NameList {
 public:
  void Add(absl::string_view name) {
    if (++count_ <= kMaxShown) absl::StrAppend(&text_, count_ == 1 ? "" : ", ", name);
  }
  size_t count() const { return count_; }

  // "a, b, c, d, e and 12 more".
  std::string ToString() const {
    return count_ <= kMaxShown ? text_ : absl::StrCat(text_, " and ", count_ - kMaxShown, " more");
  }

 private:
  static constexpr size_t kMaxShown = 5;
  std::string text_;
  size_t count_ = 0;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_NAME_LIST_H_
