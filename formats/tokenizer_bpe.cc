#include "formats/tokenizer_bpe.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "formats/folder.h"
#include "formats/tokenizer_json.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"

namespace gguf {
namespace {

constexpr absl::string_view kVisibleSpace = "\xC4\xA0";  // U+0120

std::string MergeText(const Merge& merge) {
  const auto visible = [](const std::string& part) {
    return absl::StrReplaceAll(part, {{" ", kVisibleSpace}});
  };
  return absl::StrCat(visible(merge.first), " ", visible(merge.second));
}

// A line each; the first may be a comment.
absl::StatusOr<std::vector<std::string>> ParseMergesTxt(const std::string& path,
                                                        absl::string_view text) {
  std::vector<std::string> merges;
  bool is_first = true;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::EndsWith(line, "\r")) line.remove_suffix(1);
    const bool is_comment = is_first && absl::StartsWith(line, "#");
    is_first = false;
    if (is_comment || line.empty()) continue;
    const size_t space = line.find(' ');
    if (space == absl::string_view::npos || space == 0 || space + 1 == line.size() ||
        line.find(' ', space + 1) != absl::string_view::npos) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": holds the line \"", EscapeText(line, 80),
                       "\", expected two texts with a space between; download the file again."));
    }
    merges.emplace_back(line);
  }
  return merges;
}

}  // namespace

absl::StatusOr<BpeVocabulary> ReadByteLevelBpe(const TokenizerFiles& files, uint64_t vocab_size) {
  const std::string path = JoinPath(files.folder, "tokenizer.json");
  BpeVocabulary vocabulary;
  GGUF_ASSIGN_OR_RETURN(vocabulary.list, ReadVocabulary(path, files.tokenizer, vocab_size));
  const Json* model = files.tokenizer.Find("model");
  if (model->Find("merges") == nullptr && files.merges.has_value()) {
    GGUF_ASSIGN_OR_RETURN(vocabulary.merges,
                          ParseMergesTxt(JoinPath(files.folder, "merges.txt"), *files.merges));
    return vocabulary;
  }
  GGUF_ASSIGN_OR_RETURN(const std::vector<Merge> merges, ReadMerges(path, files.tokenizer));
  vocabulary.merges.reserve(merges.size());
  for (const Merge& merge : merges) vocabulary.merges.push_back(MergeText(merge));
  return vocabulary;
}

}  // namespace gguf
