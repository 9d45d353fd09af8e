#include "runtime/tokenizer/pre_tokenizer.h"

#include <algorithm>
#include <string>
#include <utility>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"

namespace gguf {
namespace {

constexpr absl::string_view kWhiteSpace =
    R"(\t-\r \x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";
constexpr absl::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

std::string ErrorText(int code) {
  PCRE2_UCHAR buffer[256];
  if (pcre2_get_error_message(code, buffer, sizeof(buffer)) < 0)
    return absl::StrCat("error ", code);
  return reinterpret_cast<const char*>(buffer);
}

struct FreeCode {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
struct FreeMatchData {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};
using MatchData = std::unique_ptr<pcre2_match_data, FreeMatchData>;

// A text with U+FFFD for every byte that is no UTF-8, and the way back.
class CleanText {
 public:
  explicit CleanText(absl::string_view text) : original_(text), clean_(text) {
    if (IsUtf8(text)) return;
    while (!text.empty()) {
      uint32_t code_point;
      const size_t length = DecodeUtf8(text, &code_point);
      if (length > 0) {
        storage_.append(text.data(), length);
      } else {
        storage_.append(kReplacement.data(), kReplacement.size());
        replaced_.push_back(storage_.size());
      }
      text.remove_prefix(std::max<size_t>(1, length));
    }
    clean_ = storage_;
  }

  absl::string_view clean() const { return clean_; }

  // What pieces of clean(), which make it up from left to right, are in the original.
  std::vector<absl::string_view> ToOriginal(std::vector<absl::string_view> pieces) const {
    if (replaced_.empty()) return pieces;
    size_t clean_end = 0, begin = 0, num_replaced = 0;
    for (absl::string_view& piece : pieces) {
      clean_end += piece.size();
      while (num_replaced < replaced_.size() && replaced_[num_replaced] <= clean_end) {
        ++num_replaced;
      }
      const size_t end = clean_end - num_replaced * (kReplacement.size() - 1);
      piece = original_.substr(begin, end - begin);
      begin = end;
    }
    return pieces;
  }

 private:
  absl::string_view original_, clean_;
  std::string storage_;
  std::vector<size_t> replaced_;  // where replacements end in storage_
};

}  // namespace

class PreTokenizer::Expression {
 public:
  static absl::StatusOr<Expression> Compile(absl::string_view expression) {
    const std::string text = SpellOutWhiteSpace(expression);
    int error = 0;
    size_t offset = 0;
    pcre2_code* code =
        pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(),
                      PCRE2_UTF | PCRE2_UCP | PCRE2_DOLLAR_ENDONLY, &error, &offset, nullptr);
    if (code == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("regular expression ", text, ": byte ", offset,
                                                     ": ", ErrorText(error), "."));
    }
    // Where there is no just-in-time compiler, matching is slower and otherwise the same.
    pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
    return Expression(code);
  }

  // Appends the matches in `piece` and the stretches between them.
  absl::Status Split(absl::string_view piece, pcre2_match_data* match,
                     std::vector<absl::string_view>* out) const {
    const size_t* ends = pcre2_get_ovector_pointer(match);
    size_t done = 0;
    for (size_t at = 0; at < piece.size();) {
      const int count = Match(piece, at, match);
      if (count == PCRE2_ERROR_NOMATCH) break;
      if (count < 0) {
        return absl::ResourceExhaustedError(absl::StrCat(
            "a piece of ", piece.size(), " bytes of the text cannot be cut into words: ",
            ErrorText(count), "; break the text into lines."));
      }
      if (ends[0] > done) out->push_back(piece.substr(done, ends[0] - done));
      if (ends[1] > ends[0]) out->push_back(piece.substr(ends[0], ends[1] - ends[0]));
      done = ends[1];
      at = std::max(ends[1], at + 1);  // no expression matches nothing, but a hang would be worse
    }
    if (done < piece.size()) out->push_back(piece.substr(done));
    return absl::OkStatus();
  }

 private:
  explicit Expression(pcre2_code* code) : code_(code) {}

  int Match(absl::string_view piece, size_t at, pcre2_match_data* match) const {
    const auto run = [&](uint32_t options) {
      return pcre2_match(code_.get(), reinterpret_cast<PCRE2_SPTR>(piece.data()), piece.size(), at,
                         PCRE2_NO_UTF_CHECK | options, match, nullptr);
    };
    const int count = run(0);
    // The compiled code has a small stack; the interpreter takes its memory from the heap.
    return count == PCRE2_ERROR_JIT_STACKLIMIT ? run(PCRE2_NO_JIT) : count;
  }

  std::unique_ptr<pcre2_code, FreeCode> code_;
};

PreTokenizer::PreTokenizer(std::vector<Expression> expressions)
    : expressions_(std::move(expressions)) {}
PreTokenizer::PreTokenizer(PreTokenizer&&) = default;
PreTokenizer& PreTokenizer::operator=(PreTokenizer&&) = default;
PreTokenizer::~PreTokenizer() = default;

absl::StatusOr<PreTokenizer> PreTokenizer::Create(absl::Span<const absl::string_view> expressions) {
  std::vector<Expression> compiled;
  for (const absl::string_view expression : expressions) {
    GGUF_ASSIGN_OR_RETURN(Expression code, Expression::Compile(expression));
    compiled.push_back(std::move(code));
  }
  return PreTokenizer(std::move(compiled));
}

absl::StatusOr<std::vector<absl::string_view>> PreTokenizer::Split(absl::string_view text) const {
  std::vector<absl::string_view> pieces;
  if (text.empty()) return pieces;
  const CleanText clean(text);
  const MatchData match(pcre2_match_data_create(1, nullptr));
  if (match == nullptr) return absl::ResourceExhaustedError("out of memory.");
  pieces.push_back(clean.clean());
  std::vector<absl::string_view> next;
  for (const Expression& expression : expressions_) {
    next.clear();
    for (const absl::string_view piece : pieces) {
      GGUF_RETURN_IF_ERROR(expression.Split(piece, match.get(), &next));
    }
    pieces.swap(next);
  }
  return clean.ToOriginal(std::move(pieces));
}

std::string SpellOutWhiteSpace(absl::string_view expression) {
  std::string out;
  bool in_class = false;
  for (size_t i = 0; i < expression.size(); ++i) {
    const char c = expression[i];
    const char next = i + 1 < expression.size() ? expression[i + 1] : '\0';
    if (c == '\\' && next == 's') {
      absl::StrAppend(&out, in_class ? "" : "[", kWhiteSpace, in_class ? "" : "]");
      ++i;
    } else if (c == '\\' && next == 'S' && !in_class) {
      absl::StrAppend(&out, "[^", kWhiteSpace, "]");
      ++i;
    } else if (c == '\\') {
      absl::StrAppend(&out, expression.substr(i, 2));
      ++i;
    } else {
      if (c == '[') in_class = true;
      if (c == ']') in_class = false;
      out.push_back(c);
    }
  }
  return out;
}

}  // namespace gguf
