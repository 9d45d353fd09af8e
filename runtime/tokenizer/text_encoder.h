// What the three algorithms have in common: ordinary text in, ids out.

#ifndef GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_TEXT_ENCODER_H_
#define GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_TEXT_ENCODER_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace gguf {

// Largest text that is encoded at once; keeps every offset, also after spaces became three bytes
// long, within 32 bits.
inline constexpr size_t kMaxTextBytes = size_t{1} << 28;

// Thread-safe.
class TextEncoder {
 public:
  virtual ~TextEncoder() = default;

  // Appends the tokens of a text of at most kMaxTextBytes without special tokens. Bytes that are no
  // UTF-8 are kept as far as the vocabulary can express bytes. InvalidArgument when it has neither
  // a token for something in the text nor one for unknown text.
  virtual absl::Status Encode(absl::string_view text, std::vector<int32_t>* ids) const = 0;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_TEXT_ENCODER_H_
