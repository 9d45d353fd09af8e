#include "quantize/name_pattern.h"

#include <string>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace gguf {
namespace {

std::string MessageOf(int code) {
  PCRE2_UCHAR buffer[256];
  if (pcre2_get_error_message(code, buffer, sizeof(buffer)) < 0)
    return absl::StrCat("error ", code);
  return reinterpret_cast<const char*>(buffer);
}

PCRE2_SPTR Units(absl::string_view text) { return reinterpret_cast<PCRE2_SPTR>(text.data()); }

}  // namespace

void NamePattern::Free::operator()(void* code) const {
  pcre2_code_free(static_cast<pcre2_code*>(code));
}

absl::StatusOr<NamePattern> NamePattern::Create(absl::string_view text) {
  constexpr uint32_t kEcmaScript =
      PCRE2_ALT_BSUX | PCRE2_ALLOW_EMPTY_CLASS | PCRE2_DOLLAR_ENDONLY | PCRE2_MATCH_UNSET_BACKREF;
  int error = 0;
  PCRE2_SIZE position = 0;
  pcre2_code* code =
      pcre2_compile(Units(text), text.size(), kEcmaScript, &error, &position, nullptr);
  if (code != nullptr) return NamePattern(code);
  return absl::InvalidArgumentError(absl::StrCat(MessageOf(error), " at character ", position + 1));
}

absl::StatusOr<bool> NamePattern::IsIn(absl::string_view name) const {
  const auto* code = static_cast<const pcre2_code*>(code_.get());
  const std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)> match(
      pcre2_match_data_create(1, nullptr), &pcre2_match_data_free);
  if (match == nullptr) return absl::ResourceExhaustedError("no memory for a search");
  const int result = pcre2_match(code, Units(name), name.size(), 0, 0, match.get(), nullptr);
  if (result == PCRE2_ERROR_NOMATCH) return false;
  if (result >= 0) return true;
  return absl::ResourceExhaustedError(MessageOf(result));
}

}  // namespace gguf
