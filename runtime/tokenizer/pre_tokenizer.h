// Cuts a text into the pieces that byte-level BPE works on.

#ifndef GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_PRE_TOKENIZER_H_
#define GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_PRE_TOKENIZER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace gguf {

// A list of regular expressions. Each one cuts every piece that the one before it left into its
// matches and the stretches between them; an expression sees one piece as if nothing surrounded it.
// Perl's semantics and Unicode's properties (version 14, as PCRE2 10.42 has them), except that `\s`
// is exactly White_Space, without U+180E. Thread-safe.
class PreTokenizer {
 public:
  // InvalidArgument when an expression does not compile.
  static absl::StatusOr<PreTokenizer> Create(absl::Span<const absl::string_view> expressions);

  PreTokenizer(PreTokenizer&&);
  PreTokenizer& operator=(PreTokenizer&&);
  ~PreTokenizer();

  // Views of `text`, none empty, that make it up from left to right. A byte that is no UTF-8 counts
  // as U+FFFD. ResourceExhausted when an expression takes more steps than is sane.
  absl::StatusOr<std::vector<absl::string_view>> Split(absl::string_view text) const;

 private:
  class Expression;
  explicit PreTokenizer(std::vector<Expression> expressions);

  std::vector<Expression> expressions_;
};

// `expression` with \s and \S written out, for an engine whose \s is larger.
std::string SpellOutWhiteSpace(absl::string_view expression);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_PRE_TOKENIZER_H_
