#include "formats/tokenizer_files.h"

#include "formats/sentencepiece_model.h"
#include "gguf/base/status_macros.h"

namespace gguf {
namespace {

struct JsonFile {
  absl::string_view name;
  Json TokenizerFiles::*member;
  uint64_t max_bytes;
};
constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr JsonFile kJsonFiles[] = {
    {"tokenizer_config.json", &TokenizerFiles::config, 64 * kMiB},
    {"tokenizer.json", &TokenizerFiles::tokenizer, 256 * kMiB},
    {"added_tokens.json", &TokenizerFiles::added_tokens, 64 * kMiB},
    {"chat_template.json", &TokenizerFiles::template_json, kMiB},
};

struct ByteFile {
  absl::string_view name;
  absl::optional<std::string> TokenizerFiles::*member;
  uint64_t max_bytes;
};
constexpr ByteFile kByteFiles[] = {
    {"tokenizer.model", &TokenizerFiles::sentencepiece, kMaxSentencePieceBytes},
    {"merges.txt", &TokenizerFiles::merges, 64 * kMiB},
    {"vocab.txt", &TokenizerFiles::word_pieces, 64 * kMiB},
    {"chat_template.jinja", &TokenizerFiles::template_jinja, kMiB},
};

}  // namespace

absl::StatusOr<TokenizerFiles> TokenizerFiles::Load(const Folder& folder) {
  TokenizerFiles files;
  files.folder = folder.path();
  for (const JsonFile& file : kJsonFiles) {
    if (!HasFile(folder, file.name)) continue;
    files.paths.push_back(JoinPath(folder, file.name));
    GGUF_ASSIGN_OR_RETURN(const std::string text, ReadFileIn(folder, file.name, file.max_bytes));
    GGUF_ASSIGN_OR_RETURN(files.*file.member, ParseJsonObject(files.paths.back(), text));
  }
  for (const ByteFile& file : kByteFiles) {
    if (!HasFile(folder, file.name)) continue;
    files.paths.push_back(JoinPath(folder, file.name));
    GGUF_ASSIGN_OR_RETURN(files.*file.member, ReadFileIn(folder, file.name, file.max_bytes));
  }
  return files;
}

}  // namespace gguf
