#include "runtime/tokenizer/tokenizer.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "gguf/base/status_macros.h"
#include "runtime/tokenizer/byte_alphabet.h"
#include "runtime/tokenizer/byte_bpe_encoder.h"
#include "runtime/tokenizer/sentencepiece_encoder.h"
#include "runtime/tokenizer/word_piece_encoder.h"

namespace gguf {
namespace {

constexpr absl::string_view kSpaceMark = "\xE2\x96\x81";  // U+2581

// "<0x0A>" gives the byte 10; anything else its text.
std::string ByteOfToken(absl::string_view text) {
  const std::string hex(text.substr(std::min<size_t>(text.size(), 3), 2));
  if (text.size() != 6 || !absl::StartsWith(text, "<0x")) return std::string(text);
  return std::string(1, static_cast<char>(std::strtol(hex.c_str(), nullptr, 16)));
}

// Words are separated by spaces, but sentences end without one.
std::string WordPieceText(absl::string_view text) {
  if (!absl::ConsumePrefix(&text, kSpaceMark)) return std::string(text);
  const bool is_attached = text == "." || text == "," || text == "?" || text == "!";
  return absl::StrCat(is_attached ? "" : " ", text);
}

// What an ordinary token stands for within a text.
std::string OrdinaryText(const Vocabulary& vocabulary, int32_t id) {
  const std::string& text = vocabulary.text(id);
  const TokenType type = vocabulary.type(id);
  switch (vocabulary.kind()) {
    case VocabularyKind::kSentencePiece:
      if (type == TokenType::kByte) return ByteOfToken(text);
      return absl::StrReplaceAll(text, {{kSpaceMark, " "}});
    case VocabularyKind::kByteLevel:
      return type == TokenType::kUserDefined ? text : BytesOfLetters(text);
    case VocabularyKind::kWordPiece:
      return WordPieceText(text);
  }
  return text;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Tokenizer>> Tokenizer::Load(const Metadata& metadata) {
  GGUF_ASSIGN_OR_RETURN(Vocabulary vocabulary, Vocabulary::Load(metadata));
  std::unique_ptr<Tokenizer> tokenizer(new Tokenizer(std::move(vocabulary)));
  const Vocabulary* kept = &tokenizer->vocabulary_;
  switch (kept->kind()) {
    case VocabularyKind::kSentencePiece:
      tokenizer->encoder_ = std::make_unique<SentencePieceEncoder>(kept);
      break;
    case VocabularyKind::kByteLevel: {
      GGUF_ASSIGN_OR_RETURN(tokenizer->encoder_, ByteBpeEncoder::Create(metadata, kept));
      break;
    }
    case VocabularyKind::kWordPiece:
      tokenizer->encoder_ = std::make_unique<WordPieceEncoder>(kept);
      break;
  }
  return tokenizer;
}

absl::StatusOr<std::vector<int32_t>> Tokenizer::Encode(absl::string_view text,
                                                       const EncodeOptions& options) const {
  if (text.size() > kMaxTextBytes) {
    return absl::InvalidArgumentError(absl::StrCat("the text has ", text.size(),
                                                   " bytes, expected at most ", kMaxTextBytes,
                                                   "; split it into several."));
  }
  std::vector<int32_t> ids;
  if (options.add_special && add_bos()) ids.push_back(bos());
  for (const Fragment& fragment : splitter_.Split(text, options.parse_special)) {
    if (fragment.token != kNoToken) {
      ids.push_back(fragment.token);
    } else {
      GGUF_RETURN_IF_ERROR(encoder_->Encode(fragment.text, &ids));
    }
  }
  if (options.add_special && add_eos()) ids.push_back(eos());
  return ids;
}

void Tokenizer::AppendPiece(int32_t id, const DecodeOptions& options, bool* at_start,
                            std::string* out) const {
  if (!vocabulary_.Has(id)) return;
  const bool is_marker = vocabulary_.IsMarker(id);
  if (is_marker && !options.show_special) return;
  const bool is_word_piece = vocabulary_.kind() == VocabularyKind::kWordPiece;
  std::string piece = !is_marker      ? OrdinaryText(vocabulary_, id)
                      : is_word_piece ? absl::StrCat(" ", vocabulary_.text(id))
                                      : vocabulary_.text(id);
  if (piece.empty()) return;
  const bool drops_space = *at_start && (is_word_piece || vocabulary_.add_space_prefix());
  out->append(piece, drops_space && piece[0] == ' ' ? 1 : 0, std::string::npos);
  *at_start = false;
}

std::string Tokenizer::Decode(absl::Span<const int32_t> ids, const DecodeOptions& options) const {
  std::string text;
  bool at_start = true;
  for (const int32_t id : ids) AppendPiece(id, options, &at_start, &text);
  return text;
}

absl::string_view Tokenizer::TokenText(int32_t id) const {
  return vocabulary_.Has(id) ? absl::string_view(vocabulary_.text(id)) : absl::string_view();
}

std::string Tokenizer::Piece(int32_t id) const {
  DecodeOptions options;
  options.show_special = true;
  std::string piece;
  bool at_start = false;
  AppendPiece(id, options, &at_start, &piece);
  return piece;
}

}  // namespace gguf
