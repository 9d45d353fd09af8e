#include "runtime/tokenizer/word_splitter.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"

namespace gguf {
namespace {

struct Range {
  UChar32 first, last;
};
// The blocks BERT takes for Chinese; unified ideographs and compatibility forms.
constexpr Range kChinese[] = {
    {0x4E00, 0x9FFF},   {0x3400, 0x4DBF},   {0x20000, 0x2A6DF}, {0x2A700, 0x2B73F},
    {0x2B740, 0x2B81F}, {0x2B920, 0x2CEAF}, {0xF900, 0xFAFF},   {0x2F800, 0x2FA1F},
};

bool IsChinese(UChar32 c) {
  return c >= 0x3400 && std::any_of(std::begin(kChinese), std::end(kChinese), [c](Range range) {
           return c >= range.first && c <= range.last;
         });
}

bool IsSpace(UChar32 c) { return u_hasBinaryProperty(c, UCHAR_WHITE_SPACE); }

bool IsDropped(UChar32 c) {
  if (c == '\t' || c == '\n' || c == '\r') return false;
  constexpr uint32_t kDropped = U_GC_CC_MASK | U_GC_CF_MASK | U_GC_CO_MASK;
  return c == 0xFFFD || (U_GET_GC_MASK(c) & kDropped) != 0;
}

bool IsPunctuation(UChar32 c) {
  if (c < 0x80) return absl::ascii_ispunct(static_cast<unsigned char>(c));
  return (U_GET_GC_MASK(c) & U_GC_P_MASK) != 0;
}

// The words of one stretch without white space and Chinese characters.
class Stretch {
 public:
  Stretch(const WordOptions& options, absl::FunctionRef<absl::Status(absl::string_view)> visit)
      : options_(options), visit_(visit) {}

  void Append(absl::string_view character, UChar32 c) {
    text_.append(character.data(), character.size());
    is_ascii_ = is_ascii_ && c < 0x80;
  }

  // Visits the words of what was appended, and forgets it.
  absl::Status Flush() {
    if (text_.empty()) return absl::OkStatus();
    const absl::Status status = is_ascii_ ? VisitAscii() : VisitUnicode();
    text_.clear();
    is_ascii_ = true;
    return status;
  }

 private:
  absl::Status VisitAscii() {
    if (options_.lowercase) absl::AsciiStrToLower(&text_);
    size_t begin = 0;
    for (size_t at = 0; at < text_.size(); ++at) {
      if (!absl::ascii_ispunct(text_[at])) continue;
      GGUF_RETURN_IF_ERROR(VisitRange(begin, at));
      GGUF_RETURN_IF_ERROR(VisitRange(at, at + 1));
      begin = at + 1;
    }
    return VisitRange(begin, text_.size());
  }

  absl::Status VisitRange(size_t begin, size_t end) {
    return begin < end ? visit_(absl::string_view(text_).substr(begin, end - begin))
                       : absl::OkStatus();
  }

  absl::Status VisitUnicode() {
    GGUF_RETURN_IF_ERROR(Decompose());
    icu::UnicodeString word;
    for (int32_t at = 0; at < unicode_.length(); at = unicode_.moveIndex32(at, 1)) {
      const UChar32 c = unicode_.char32At(at);
      if (options_.strip_accents && u_charType(c) == U_NON_SPACING_MARK) continue;
      if (IsPunctuation(c)) {
        GGUF_RETURN_IF_ERROR(VisitWord(&word));
        word.append(c);
        GGUF_RETURN_IF_ERROR(VisitWord(&word));
      } else {
        word.append(options_.lowercase ? u_tolower(c) : c);
        // The one character whose lower case is two; u_tolower gives the first.
        if (options_.lowercase && c == 0x130) word.append(UChar32{0x307});
      }
    }
    return VisitWord(&word);
  }

  absl::Status Decompose() {
    unicode_ = icu::UnicodeString::fromUTF8(icu::StringPiece(text_.data(), text_.size()));
    if (!options_.strip_accents) return absl::OkStatus();
    UErrorCode error = U_ZERO_ERROR;
    const icu::Normalizer2* nfd = icu::Normalizer2::getNFDInstance(error);
    if (U_SUCCESS(error)) unicode_ = nfd->normalize(unicode_, error);
    if (U_SUCCESS(error)) return absl::OkStatus();
    return absl::InternalError(
        absl::StrCat("Unicode normalization of ", text_.size(), " bytes: ", u_errorName(error)));
  }

  absl::Status VisitWord(icu::UnicodeString* word) {
    if (word->isEmpty()) return absl::OkStatus();
    std::string utf8;
    word->toUTF8String(utf8);
    word->remove();
    return visit_(utf8);
  }

  const WordOptions options_;
  const absl::FunctionRef<absl::Status(absl::string_view)> visit_;
  std::string text_;
  bool is_ascii_ = true;
  icu::UnicodeString unicode_;
};

}  // namespace

absl::Status ForEachWord(absl::string_view text, const WordOptions& options,
                         absl::FunctionRef<absl::Status(absl::string_view)> visit) {
  Stretch stretch(options, visit);
  while (!text.empty()) {
    uint32_t code_point = 0xFFFD;
    const size_t length = std::max<size_t>(1, DecodeUtf8(text, &code_point));
    const UChar32 c = static_cast<UChar32>(code_point);
    const absl::string_view character = text.substr(0, length);
    text.remove_prefix(length);
    if (IsDropped(c)) continue;  // also what is white space besides, such as a form feed
    const bool is_space = IsSpace(c), is_alone = IsChinese(c);
    if (is_alone || is_space) GGUF_RETURN_IF_ERROR(stretch.Flush());
    if (!is_space) stretch.Append(character, c);
    if (is_alone) GGUF_RETURN_IF_ERROR(stretch.Flush());
  }
  return stretch.Flush();
}

}  // namespace gguf
