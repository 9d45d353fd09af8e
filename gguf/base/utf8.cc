#include "gguf/base/utf8.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace gguf {
namespace {

struct Range {
  uint32_t first, last;
};

// Beyond ASCII: C1 controls, invisible and direction-changing characters, line separators, tags.
constexpr Range kUnsafe[] = {{0x00, 0x1F},     {0x7F, 0x9F},      {0xAD, 0xAD},
                             {0x061C, 0x061C}, {0x180E, 0x180E},  {0x200B, 0x200F},
                             {0x2028, 0x202E}, {0x2060, 0x206F},  {0xFEFF, 0xFEFF},
                             {0xFFF9, 0xFFFB}, {0xE0000, 0xE007F}};

bool IsUnsafe(uint32_t code_point) {
  for (const Range& range : kUnsafe) {
    if (code_point >= range.first && code_point <= range.last) return true;
  }
  return false;
}

void AppendEscaped(uint32_t code_point, std::string* out) {
  switch (code_point) {
    case '\n':
      out->append("\\n");
      return;
    case '\r':
      out->append("\\r");
      return;
    case '\t':
      out->append("\\t");
      return;
  }
  if (code_point < 0x80) {
    absl::StrAppendFormat(out, "\\x%02x", code_point);
  } else {
    absl::StrAppendFormat(out, "\\u{%x}", code_point);
  }
}

}  // namespace

size_t DecodeUtf8(absl::string_view text, uint32_t* code_point) {
  if (text.empty()) return 0;
  const uint8_t lead = static_cast<uint8_t>(text[0]);
  if (lead < 0x80) {
    *code_point = lead;
    return 1;
  }
  const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  uint32_t value = lead & (0xFFu >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    const uint8_t byte = static_cast<uint8_t>(text[i]);
    if ((byte & 0xC0) != 0x80) return 0;
    value = value << 6 | (byte & 0x3F);
  }
  constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kSmallest[length] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
    return 0;
  }
  *code_point = value;
  return length;
}

bool IsUtf8(absl::string_view text) {
  uint32_t code_point;
  while (!text.empty()) {
    const size_t length = DecodeUtf8(text, &code_point);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string ToUtf8(absl::string_view text) {
  std::string out;
  uint32_t code_point;
  while (!text.empty()) {
    const size_t length = DecodeUtf8(text, &code_point);
    absl::StrAppend(&out, length == 0 ? "\xEF\xBF\xBD" : text.substr(0, length));
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

std::string EscapeText(absl::string_view text, size_t max_bytes) {
  std::string out;
  size_t used = 0;
  while (used < text.size()) {
    const absl::string_view rest = text.substr(used);
    uint32_t code_point = 0;
    const size_t length = DecodeUtf8(rest.substr(0, 4), &code_point);
    const size_t step = length == 0 ? 1 : length;
    if (used + step > max_bytes) {
      out.append("...");
      break;
    }
    if (length == 0) {
      absl::StrAppendFormat(&out, "\\x%02x", static_cast<uint8_t>(rest[0]));
    } else if (IsUnsafe(code_point)) {
      AppendEscaped(code_point, &out);
    } else {
      if (code_point == '"' || code_point == '\\') out.push_back('\\');
      absl::StrAppend(&out, rest.substr(0, length));
    }
    used += step;
  }
  return out;
}

}  // namespace gguf
