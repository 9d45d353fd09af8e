// Metadata set by hand (--override-kv).

#ifndef GGUF_TOOLCHAIN_QUANTIZE_OVERRIDE_H_
#define GGUF_TOOLCHAIN_QUANTIZE_OVERRIDE_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gguf/metadata.h"

namespace gguf {

// Reads "KEY=TYPE:VALUE", as llama-quantize stores it:
//
//   llama.context_length=int:8192          uint32 of the absolute value, which must fit
//   llama.rope.freq_base=float:1e6         float32, finite
//   tokenizer.ggml.add_bos_token=bool:true true or false
//   general.name=str:any text: even this   string of at most 127 bytes
//
// Keys have 1 to 127 bytes and end at the first '='. InvalidArgument quotes the argument and says
// what was expected.
absl::StatusOr<std::pair<std::string, Value>> ParseOverride(absl::string_view text);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_OVERRIDE_H_
