#include "runtime/tokenizer/word_piece_encoder.h"

#include <algorithm>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gguf/base/utf8.h"
#include "gguf/keys.h"
#include "runtime/tokenizer/word_splitter.h"

namespace gguf {
namespace {

constexpr absl::string_view kWordMark = "\xE2\x96\x81";  // U+2581
constexpr size_t kMaxWordCharacters = 100;

size_t CountCharacters(absl::string_view utf8) {
  return std::count_if(utf8.begin(), utf8.end(), [](char c) { return (c & 0xC0) != 0x80; });
}

}  // namespace

WordPieceEncoder::WordPieceEncoder(const Vocabulary* vocabulary) : vocabulary_(vocabulary) {
  for (int32_t id = 0; id < vocabulary->size(); ++id) {
    if (vocabulary->text(id).empty() || vocabulary->IsMarker(id)) continue;
    pieces_.Add(vocabulary->text(id), id);
  }
  pieces_.Finish();
}

absl::Status WordPieceEncoder::EncodeWord(absl::string_view word, std::vector<int32_t>* ids) const {
  const size_t num_before = ids->size();
  if (CountCharacters(word) <= kMaxWordCharacters) {
    const std::string marked = absl::StrCat(kWordMark, word);
    absl::string_view rest = marked;
    PrefixIndex::Match match = pieces_.Longest(rest);
    if (match.length <= kWordMark.size()) match.length = 0;  // the mark alone begins no word
    while (match.length > 0) {
      ids->push_back(match.id);
      rest.remove_prefix(match.length);
      // A mark in the text itself must not make a token of another word's beginning.
      match = absl::StartsWith(rest, kWordMark) ? PrefixIndex::Match() : pieces_.Longest(rest);
    }
    if (rest.empty()) return absl::OkStatus();
    ids->resize(num_before);
  }
  const int32_t unknown = vocabulary_->special().unknown;
  if (unknown == kNoToken) {
    return absl::InvalidArgumentError(absl::StrCat(
        keys::kTokenizerTokens, ": no tokens make up the word \"", EscapeText(word, 80), "\", and ",
        keys::kTokenizerUnknownTokenId, " names none for unknown words."));
  }
  ids->push_back(unknown);
  return absl::OkStatus();
}

absl::Status WordPieceEncoder::Encode(absl::string_view text, std::vector<int32_t>* ids) const {
  WordOptions options;
  options.lowercase = vocabulary_->lowercase();
  options.strip_accents = vocabulary_->strip_accents();
  return ForEachWord(text, options, [&](absl::string_view word) { return EncodeWord(word, ids); });
}

}  // namespace gguf
