// Regular expressions that are searched in tensor names.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_NAME_PATTERN_H_
#define GGUF_TOOLCHAIN_QUANTIZE_NAME_PATTERN_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gguf {

// A pattern as scripts write it for llama-quantize, which takes ECMAScript's syntax: lookahead,
// classes, back references. PCRE2 reads it (with the options that make it treat `$`, `[]` and `\u`
// as ECMAScript does) and bounds the work of a search.
class NamePattern {
 public:
  // InvalidArgument with what is wrong and where, without the pattern, when `text` is no regular
  // expression.
  static absl::StatusOr<NamePattern> Create(absl::string_view text);

  // Whether the pattern is found anywhere in `name`. ResourceExhausted when the search takes more
  // than PCRE2's bounds.
  absl::StatusOr<bool> IsIn(absl::string_view name) const;

 private:
  struct Free {
    void operator()(void* code) const;
  };
  explicit NamePattern(void* code) : code_(code) {}

  std::unique_ptr<void, Free> code_;  // pcre2_code, whose header needs a macro before it
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_NAME_PATTERN_H_
