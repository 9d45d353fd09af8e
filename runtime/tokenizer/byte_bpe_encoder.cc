#include "runtime/tokenizer/byte_bpe_encoder.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/keys.h"
#include "runtime/tokenizer/byte_alphabet.h"
#include "runtime/tokenizer/pre_tokenizers.h"
#include "runtime/tokenizer/word_cache.h"

namespace gguf {
namespace {

constexpr size_t kMaxMerges = size_t{1} << 23;  // published ones stay below 2^20

uint64_t PairKey(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

// Numbers texts: tokens that text may become by their ids, everything else from vocabulary.size().
class SymbolNumbers {
 public:
  explicit SymbolNumbers(const Vocabulary& vocabulary)
      : vocabulary_(vocabulary), next_(vocabulary.size()) {}

  int32_t NumberOf(absl::string_view text) {
    const int32_t id = vocabulary_.Find(text);
    if (id != kNoToken && !vocabulary_.IsMarker(id)) return id;
    const auto [found, is_new] = others_.try_emplace(std::string(text), next_);
    if (is_new) ++next_;
    return found->second;
  }

 private:
  const Vocabulary& vocabulary_;
  int32_t next_;
  absl::flat_hash_map<std::string, int32_t> others_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ByteBpeEncoder>> ByteBpeEncoder::Create(
    const Metadata& metadata, const Vocabulary* vocabulary) {
  const PreTokenizerInfo* info = FindPreTokenizer(vocabulary->pre());
  if (info == nullptr) {
    return absl::UnimplementedError(absl::StrCat(keys::kTokenizerPre, ": is \"",
                                                 EscapeText(vocabulary->pre(), 80),
                                                 "\", which is not known here."));
  }
  GGUF_ASSIGN_OR_RETURN(PreTokenizer pre_tokenizer, PreTokenizer::Create(info->expressions));
  if (!metadata.Has(keys::kTokenizerMerges)) {
    return absl::NotFoundError(absl::StrCat(
        keys::kTokenizerMerges,
        ": is absent, and a tokenizer of kind gpt2 needs it; convert the model again."));
  }
  GGUF_ASSIGN_OR_RETURN(const std::vector<std::string>* merges,
                        metadata.GetStrings(keys::kTokenizerMerges));
  std::unique_ptr<ByteBpeEncoder> encoder(
      new ByteBpeEncoder(vocabulary, std::move(pre_tokenizer), info->ignore_merges));
  GGUF_RETURN_IF_ERROR(encoder->LoadMerges(*merges));
  return encoder;
}

absl::Status ByteBpeEncoder::LoadMerges(const std::vector<std::string>& merges) {
  if (merges.size() > kMaxMerges) {
    return absl::InvalidArgumentError(absl::StrCat(keys::kTokenizerMerges, ": has ", merges.size(),
                                                   " elements, expected at most ", kMaxMerges,
                                                   "; convert the model again."));
  }
  SymbolNumbers numbers(*vocabulary_);
  for (int byte = 0; byte < 256; ++byte) byte_symbols_[byte] = numbers.NumberOf(LetterOfByte(byte));
  merges_.reserve(merges.size());
  std::string joined;
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const absl::string_view merge = merges[rank];
    const size_t space = merge.find(' ', 1);
    if (space == absl::string_view::npos || space + 1 == merge.size()) {
      return absl::InvalidArgumentError(absl::StrCat(
          keys::kTokenizerMerges, ": element ", rank, " is \"", EscapeText(merge, 80),
          "\", expected two texts with a space between them; convert the model again."));
    }
    const absl::string_view left = merge.substr(0, space), right = merge.substr(space + 1);
    joined = absl::StrCat(left, right);
    // Of a pair that occurs twice, the first rank counts. A higher priority is a lower rank.
    merges_.try_emplace(PairKey(numbers.NumberOf(left), numbers.NumberOf(right)),
                        PairMerge<int32_t>{-static_cast<int32_t>(rank), numbers.NumberOf(joined)});
  }
  return absl::OkStatus();
}

int32_t ByteBpeEncoder::FindWhole(absl::string_view piece) const {
  std::string letters;
  for (const char c : piece) absl::StrAppend(&letters, LetterOfByte(static_cast<uint8_t>(c)));
  const int32_t id = vocabulary_->Find(letters);
  return id != kNoToken && !vocabulary_->IsMarker(id) ? id : kNoToken;
}

absl::Status ByteBpeEncoder::EmitBytes(absl::string_view bytes, std::vector<int32_t>* ids) const {
  for (const char c : bytes) {
    int32_t id = byte_symbols_[static_cast<uint8_t>(c)];
    if (!vocabulary_->Has(id)) id = vocabulary_->special().unknown;
    if (id == kNoToken) {
      return absl::InvalidArgumentError(
          absl::StrCat(keys::kTokenizerTokens, ": there is no token for the byte ",
                       absl::StrFormat("0x%02x", static_cast<uint8_t>(c)), ", and ",
                       keys::kTokenizerUnknownTokenId, " names none for unknown text."));
    }
    ids->push_back(id);
  }
  return absl::OkStatus();
}

absl::Status ByteBpeEncoder::EncodePiece(absl::string_view piece, SymbolMerger<int32_t>* merger,
                                         std::vector<int32_t>* ids) const {
  if (ignore_merges_) {
    const int32_t whole = FindWhole(piece);
    if (whole != kNoToken) {
      ids->push_back(whole);
      return absl::OkStatus();
    }
  }
  merger->Clear();
  for (size_t i = 0; i < piece.size(); ++i) {
    merger->Append(i, i + 1, byte_symbols_[static_cast<uint8_t>(piece[i])]);
  }
  merger->Run([this](const Symbol& left, const Symbol& right, PairMerge<int32_t>* merge) {
    const auto found = merges_.find(PairKey(left.id, right.id));
    if (found == merges_.end()) return false;
    *merge = found->second;
    return true;
  });
  absl::Status status;
  merger->ForEach([&](const Symbol& symbol) {
    if (vocabulary_->Has(symbol.id)) {
      ids->push_back(symbol.id);
    } else {
      status.Update(EmitBytes(piece.substr(symbol.begin, symbol.end - symbol.begin), ids));
    }
  });
  return status;
}

absl::Status ByteBpeEncoder::Encode(absl::string_view text, std::vector<int32_t>* ids) const {
  GGUF_ASSIGN_OR_RETURN(const std::vector<absl::string_view> pieces, pre_tokenizer_.Split(text));
  WordCache cache(ids);
  SymbolMerger<int32_t> merger;
  for (const absl::string_view piece : pieces) {
    if (cache.AppendKnown(piece)) continue;
    const size_t first = ids->size();
    GGUF_RETURN_IF_ERROR(EncodePiece(piece, &merger, ids));
    cache.Store(piece, first);
  }
  return absl::OkStatus();
}

}  // namespace gguf
