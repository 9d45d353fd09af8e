// Which pre-tokenizer a tokenizer.json with byte-level BPE defines: the value of
// tokenizer.ggml.pre.

#ifndef GGUF_TOOLCHAIN_FORMATS_PRE_TOKENIZER_H_
#define GGUF_TOOLCHAIN_FORMATS_PRE_TOKENIZER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "formats/json.h"

namespace gguf {

// Recognises the definition itself (the expressions of its Split steps by digest, and which other
// steps there are), so that new and fine-tuned vocabularies are recognised too. Unimplemented, with
// the definition and the way out, when it is none of the known. Warns of what a GGUF cannot say: a
// space before the text, a normalizer other than NFC, ignore_merges other than the name implies.
absl::StatusOr<std::string> RecognizePreTokenizer(absl::string_view file_name,
                                                  const Json& tokenizer_json,
                                                  std::vector<std::string>* warnings);

// InvalidArgument, listing the known names, unless `name` is one (aliases included).
absl::Status CheckPreTokenizerName(absl::string_view name);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_PRE_TOKENIZER_H_
