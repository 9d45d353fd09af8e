#include "runtime/tokenizer/sentencepiece_encoder.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gguf/base/utf8.h"
#include "gguf/keys.h"
#include "runtime/tokenizer/symbol_merger.h"
#include "runtime/tokenizer/word_cache.h"

namespace gguf {
namespace {

constexpr absl::string_view kSpaceMark = "\xE2\x96\x81";  // U+2581

bool BeginsWithMark(absl::string_view text) { return absl::StartsWith(text, kSpaceMark); }

// True when a space mark follows something that is none.
bool HasInnerMark(absl::string_view text) {
  while (BeginsWithMark(text)) text.remove_prefix(kSpaceMark.size());
  return absl::StrContains(text, kSpaceMark);
}

std::string EscapeSpaces(absl::string_view text, bool add_prefix) {
  std::string escaped;
  escaped.reserve(text.size() + 3 + 2 * std::count(text.begin(), text.end(), ' '));
  if (add_prefix) absl::StrAppend(&escaped, kSpaceMark);
  for (const char c : text) {
    if (c == ' ') {
      escaped.append(kSpaceMark.data(), kSpaceMark.size());
    } else {
      escaped.push_back(c);
    }
  }
  return escaped;
}

// Bytes up to the next place where a space mark follows something else.
size_t WordLength(absl::string_view text) {
  size_t at = 0;
  while (BeginsWithMark(text.substr(at))) at += kSpaceMark.size();
  return std::min(text.find(kSpaceMark, at), text.size());
}

}  // namespace

// Encodes one text.
class SentencePieceEncoder::Run {
 public:
  Run(const SentencePieceEncoder& encoder, absl::string_view text, std::vector<int32_t>* ids)
      : encoder_(encoder), text_(text), ids_(ids), cache_(ids) {}

  absl::Status EncodeAll() {
    if (!encoder_.words_are_independent_) return EncodeRange(0, text_.size());
    for (size_t begin = 0; begin < text_.size();) {
      const size_t end = begin + WordLength(text_.substr(begin));
      const absl::string_view word = text_.substr(begin, end - begin);
      if (!cache_.AppendKnown(word)) {
        const size_t first = ids_->size();
        absl::Status status = EncodeRange(begin, end);
        if (!status.ok()) return status;
        cache_.Store(word, first);
      }
      begin = end;
    }
    return absl::OkStatus();
  }

 private:
  absl::string_view Text(uint32_t begin, uint32_t end) const {
    return text_.substr(begin, end - begin);
  }

  absl::Status EncodeRange(size_t begin, size_t end) {
    merger_.Clear();
    for (size_t at = begin; at < end;) {
      uint32_t code_point;
      const size_t length =
          std::max<size_t>(1, DecodeUtf8(text_.substr(at, end - at), &code_point));
      merger_.Append(at, at + length, encoder_.FindPiece(text_.substr(at, length)));
      at += length;
    }
    merger_.Run([this](const Symbol& left, const Symbol& right, PairMerge<float>* merge) {
      if (right.end - left.begin > encoder_.longest_piece_) return false;
      const absl::string_view text = Text(left.begin, right.end);
      const int32_t id = encoder_.FindPiece(text);
      if (id == kNoToken) return false;
      if (IsUnused(id)) made_from_[text] = {left, right};
      *merge = {encoder_.vocabulary_->score(id), id};
      return true;
    });
    absl::Status status;
    merger_.ForEach([&](const Symbol& symbol) { status.Update(Emit(symbol)); });
    return status;
  }

  bool IsUnused(int32_t id) const {
    return id != kNoToken && encoder_.vocabulary_->type(id) == TokenType::kUnused;
  }

  // A token that the model does not use is only a step towards longer ones: what it was made from
  // stands in its place.
  absl::Status Emit(const Symbol& symbol) {
    std::vector<Symbol> stack = {symbol};
    while (!stack.empty()) {
      const Symbol top = stack.back();
      stack.pop_back();
      const auto parts =
          IsUnused(top.id) ? made_from_.find(Text(top.begin, top.end)) : made_from_.end();
      if (parts != made_from_.end()) {
        // The parts may lie elsewhere in the text, where the same text was seen last.
        stack.push_back(parts->second.second);
        stack.push_back(parts->second.first);
      } else if (top.id != kNoToken && !IsUnused(top.id)) {
        ids_->push_back(top.id);
      } else {
        absl::Status status = EmitBytes(Text(top.begin, top.end));
        if (!status.ok()) return status;
      }
    }
    return absl::OkStatus();
  }

  absl::Status EmitBytes(absl::string_view text) {
    const auto& byte_ids = encoder_.byte_ids_;
    const bool has_bytes = std::all_of(text.begin(), text.end(), [&](char c) {
      return byte_ids[static_cast<uint8_t>(c)] != kNoToken;
    });
    if (has_bytes) {
      for (const char c : text) ids_->push_back(byte_ids[static_cast<uint8_t>(c)]);
      return absl::OkStatus();
    }
    const int32_t unknown = encoder_.vocabulary_->special().unknown;
    if (unknown == kNoToken) {
      return absl::InvalidArgumentError(absl::StrCat(
          keys::kTokenizerTokens, ": no token can express \"", EscapeText(text), "\", and ",
          keys::kTokenizerUnknownTokenId, " names none for unknown text."));
    }
    ids_->push_back(unknown);
    return absl::OkStatus();
  }

  const SentencePieceEncoder& encoder_;
  const absl::string_view text_;
  std::vector<int32_t>* ids_;
  WordCache cache_;
  SymbolMerger<float> merger_;
  absl::flat_hash_map<absl::string_view, std::pair<Symbol, Symbol>> made_from_;
};

SentencePieceEncoder::SentencePieceEncoder(const Vocabulary* vocabulary) : vocabulary_(vocabulary) {
  pieces_.reserve(vocabulary->size());
  for (int32_t id = 0; id < vocabulary->size(); ++id) {
    const absl::string_view text = vocabulary->text(id);
    if (text.empty() || vocabulary->IsMarker(id) || vocabulary->type(id) == TokenType::kByte) {
      continue;
    }
    pieces_.emplace(text, id);
    longest_piece_ = std::max(longest_piece_, text.size());
    words_are_independent_ = words_are_independent_ && !HasInnerMark(text);
  }
  for (int byte = 0; byte < 256; ++byte) {
    byte_ids_[byte] = vocabulary->Find(absl::StrFormat("<0x%02X>", byte));
  }
}

int32_t SentencePieceEncoder::FindPiece(absl::string_view text) const {
  const auto found = pieces_.find(text);
  return found == pieces_.end() ? kNoToken : found->second;
}

absl::Status SentencePieceEncoder::Encode(absl::string_view text, std::vector<int32_t>* ids) const {
  if (text.empty()) return absl::OkStatus();
  const std::string escaped = EscapeSpaces(text, vocabulary_->add_space_prefix());
  return Run(*this, escaped, ids).EncodeAll();
}

}  // namespace gguf
