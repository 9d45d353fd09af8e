// The tokenizer files of a checkpoint folder, read once for all that take something from them.

#ifndef GGUF_TOOLCHAIN_FORMATS_TOKENIZER_FILES_H_
#define GGUF_TOOLCHAIN_FORMATS_TOKENIZER_FILES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "formats/folder.h"
#include "formats/json.h"

namespace gguf {

struct TokenizerFiles {
  // InvalidArgument when a file is there but broken; a file that is absent leaves its member null.
  static absl::StatusOr<TokenizerFiles> Load(const Folder& folder);

  std::string folder;
  Json config;                                 // tokenizer_config.json
  Json tokenizer;                              // tokenizer.json
  Json added_tokens;                           // added_tokens.json
  absl::optional<std::string> sentencepiece;   // bytes of tokenizer.model
  absl::optional<std::string> merges;          // merges.txt
  absl::optional<std::string> word_pieces;     // vocab.txt
  absl::optional<std::string> template_jinja;  // chat_template.jinja, byte for byte
  Json template_json;                          // chat_template.json

  std::vector<std::string> paths;  // of the files that are there
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_TOKENIZER_FILES_H_
