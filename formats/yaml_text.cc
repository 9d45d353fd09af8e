#include "formats/yaml_text.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace gguf {
namespace {

// Escapes of double quotation marks; others stay as they are.
constexpr absl::string_view kEscaped = "\"\\/nt";
constexpr absl::string_view kMeant = "\"\\/\n\t";

// Takes a quotation off the front of `rest`. nullopt when it does not end.
absl::optional<std::string> TakeQuoted(absl::string_view* rest) {
  const char quote = rest->front();
  std::string text;
  for (size_t i = 1; i < rest->size(); ++i) {
    const char c = (*rest)[i];
    const bool has_next = i + 1 < rest->size();
    if (quote == '"' && c == '\\' && has_next) {
      const size_t escape = kEscaped.find((*rest)[++i]);
      if (escape == absl::string_view::npos) text.push_back('\\');
      text.push_back(escape == absl::string_view::npos ? (*rest)[i] : kMeant[escape]);
    } else if (c != quote) {
      text.push_back(c);
    } else if (quote == '\'' && has_next && (*rest)[i + 1] == '\'') {
      text.push_back((*rest)[++i]);
    } else {
      rest->remove_prefix(i + 1);
      return text;
    }
  }
  return absl::nullopt;
}

// Takes one text off the front of `rest`: quoted, or plain up to a comment or one of `ends`.
absl::optional<std::string> TakeText(absl::string_view ends, absl::string_view* rest) {
  *rest = absl::StripLeadingAsciiWhitespace(*rest);
  if (rest->empty()) return absl::nullopt;
  if (rest->front() == '"' || rest->front() == '\'') return TakeQuoted(rest);
  if (absl::StrContains("[]{}|>&*!%@`,", rest->front())) return absl::nullopt;
  if (absl::StartsWith(*rest, "- ")) return absl::nullopt;  // a list
  const size_t end = std::min(rest->find(" #"), rest->find_first_of(ends));
  const std::string text(absl::StripTrailingAsciiWhitespace(rest->substr(0, end)));
  rest->remove_prefix(std::min(end, rest->size()));
  if (absl::StrContains(text, ": ") || absl::EndsWith(text, ":")) return absl::nullopt;
  if (text.empty() || text == "null" || text == "~") return absl::nullopt;
  return text;
}

// The value's lines as one: a line break is a space, a blank line a line break.
std::string Folded(const YamlValue& value) {
  std::string text(absl::StripAsciiWhitespace(value.first));
  size_t num_blank = 0;
  for (const absl::string_view line : value.rest) {
    const absl::string_view trimmed = absl::StripLeadingAsciiWhitespace(line);
    if (trimmed.empty()) {
      ++num_blank;
      continue;
    }
    absl::StrAppend(&text, num_blank == 0 ? " " : std::string(num_blank, '\n'), trimmed);
    num_blank = 0;
  }
  return text;
}

// Without lines that are comments.
std::vector<absl::string_view> Content(absl::Span<const absl::string_view> lines) {
  std::vector<absl::string_view> content;
  for (const absl::string_view line : lines) {
    if (line.empty() || !IsYamlEnd(line)) content.push_back(line);
  }
  while (!content.empty() && content.back().empty()) content.pop_back();
  return content;
}

// But for blank lines and comments.
bool AllFurtherIn(absl::Span<const absl::string_view> lines, size_t indent) {
  return std::all_of(lines.begin(), lines.end(), [indent](absl::string_view line) {
    return IsYamlEnd(line) || YamlIndent(line) > indent;
  });
}

// Whether a line below a key in `column` belongs to its value; items of a list may be no further
// in.
bool IsBelow(absl::string_view line, size_t column) {
  if (IsYamlEnd(line) || YamlIndent(line) > column) return true;
  return YamlIndent(line) == column && absl::StartsWith(line.substr(column), "- ");
}

// What stands after "|" or ">": "+" or "-" for line breaks at the end, a digit for the indent.
struct BlockHeader {
  bool is_folded = false;
  char chomp = ' ';
  size_t indent = 0;  // 0: that of the first line
};

absl::optional<BlockHeader> ParseBlockHeader(absl::string_view first) {
  first = absl::StripLeadingAsciiWhitespace(first);
  BlockHeader header;
  header.is_folded = first.front() == '>';
  for (size_t i = 1; i < first.size(); ++i) {
    if (first[i] == '+' || first[i] == '-') {
      header.chomp = first[i];
    } else if (first[i] >= '1' && first[i] <= '9') {
      header.indent = first[i] - '0';
    } else {
      return IsYamlEnd(first.substr(i)) ? absl::make_optional(header) : absl::nullopt;
    }
  }
  return header;
}

// A block's lines without their indent; one that is a comment less far in ends it.
absl::optional<std::vector<absl::string_view>> BlockLines(const YamlValue& value,
                                                          size_t own_indent) {
  size_t indent = own_indent == 0 ? 0 : value.indent + own_indent;
  std::vector<absl::string_view> lines;
  for (const absl::string_view line : value.rest) {
    if (line.empty()) {
      lines.push_back(line);
      continue;
    }
    if (indent == 0) indent = std::max(YamlIndent(line), value.indent + 1);
    if (YamlIndent(line) < indent) {
      if (IsYamlEnd(line)) break;
      return absl::nullopt;
    }
    lines.push_back(line.substr(indent));
  }
  return lines;
}

std::string JoinBlock(absl::Span<const absl::string_view> lines, bool is_folded) {
  std::string text;
  size_t num_blank = 0;
  bool was_flush = false;  // a line before, and it begins with no white space
  for (const absl::string_view line : lines) {
    if (line.empty()) {
      ++num_blank;
      continue;
    }
    const bool is_flush = !absl::ascii_isspace(line.front());
    const bool is_first = text.empty();
    size_t num_breaks = num_blank + (is_first ? 0 : 1);
    if (is_folded && is_flush && was_flush) --num_breaks;
    absl::StrAppend(&text, num_breaks == 0 && !is_first ? " " : std::string(num_breaks, '\n'),
                    line);
    was_flush = is_flush;
    num_blank = 0;
  }
  return text;
}

absl::optional<std::string> BlockText(const YamlValue& value) {
  const absl::optional<BlockHeader> header = ParseBlockHeader(value.first);
  if (!header.has_value()) return absl::nullopt;
  auto lines = BlockLines(value, header->indent);
  if (!lines.has_value()) return absl::nullopt;
  size_t num_blank = 0;
  while (!lines->empty() && lines->back().empty()) {
    lines->pop_back();
    ++num_blank;
  }
  if (lines->empty()) return absl::nullopt;
  const size_t num_breaks = header->chomp == '-' ? 0 : header->chomp == '+' ? num_blank + 1 : 1;
  return absl::StrCat(JoinBlock(*lines, header->is_folded), std::string(num_breaks, '\n'));
}

absl::optional<YamlFields> FieldsInBraces(absl::string_view rest) {
  YamlFields fields;
  rest.remove_prefix(1);
  while (true) {
    rest = absl::StripLeadingAsciiWhitespace(rest);
    if (absl::ConsumePrefix(&rest, "}")) break;
    const absl::optional<std::string> key = TakeYamlKey(&rest);
    if (!key.has_value()) return absl::nullopt;
    absl::optional<std::string> text = TakeText(",}", &rest);
    if (!text.has_value()) return absl::nullopt;
    fields.emplace_back(*key, *std::move(text));
    rest = absl::StripLeadingAsciiWhitespace(rest);
    if (!absl::ConsumePrefix(&rest, ",") && !absl::StartsWith(rest, "}")) return absl::nullopt;
  }
  return IsYamlEnd(rest) ? absl::make_optional(fields) : absl::nullopt;
}

}  // namespace

bool IsYamlEnd(absl::string_view rest) {
  rest = absl::StripLeadingAsciiWhitespace(rest);
  return rest.empty() || rest.front() == '#';
}

size_t YamlIndent(absl::string_view line) {
  return line.size() - absl::StripLeadingAsciiWhitespace(line).size();
}

absl::optional<std::string> TakeYamlKey(absl::string_view* line) {
  size_t length = 0;
  while (length < line->size() &&
         (absl::ascii_isalnum((*line)[length]) || absl::StrContains("_-", (*line)[length]))) {
    ++length;
  }
  const absl::string_view after = line->substr(length);
  if (length == 0 || !absl::StartsWith(after, ":")) return absl::nullopt;
  if (after.size() > 1 && !absl::ascii_isspace(after[1])) return absl::nullopt;
  std::string key(line->substr(0, length));
  line->remove_prefix(length + 1);
  return key;
}

absl::optional<std::string> YamlText(const YamlValue& value) {
  const absl::string_view first = absl::StripLeadingAsciiWhitespace(value.first);
  if (first.empty()) return absl::nullopt;
  if (first.front() == '|' || first.front() == '>') return BlockText(value);
  if (!AllFurtherIn(value.rest, value.indent)) return absl::nullopt;
  const bool is_quoted = first.front() == '"' || first.front() == '\'';
  const std::vector<absl::string_view> content = Content(value.rest);
  if (!is_quoted && !content.empty() && absl::StrContains(first, " #")) return absl::nullopt;
  const std::string text = Folded({first, is_quoted ? value.rest : content, value.indent});
  absl::string_view left = text;
  absl::optional<std::string> taken = TakeText("", &left);
  return IsYamlEnd(left) ? taken : absl::nullopt;
}

std::vector<std::string> YamlTextsInBrackets(const YamlValue& value) {
  const std::string folded = Folded({value.first, Content(value.rest), value.indent});
  absl::string_view rest = folded;
  if (!absl::ConsumePrefix(&rest, "[")) return {};
  std::vector<std::string> texts;
  while (true) {
    rest = absl::StripLeadingAsciiWhitespace(rest);
    if (absl::ConsumePrefix(&rest, "]"))
      return IsYamlEnd(rest) ? texts : std::vector<std::string>();
    absl::optional<std::string> text = TakeText(",]", &rest);
    if (!text.has_value()) return {};
    texts.push_back(*std::move(text));
    rest = absl::StripLeadingAsciiWhitespace(rest);
    if (!absl::ConsumePrefix(&rest, ",") && !absl::StartsWith(rest, "]")) return {};
  }
}

absl::optional<YamlFields> YamlObject(const YamlValue& value, size_t column) {
  absl::string_view line = absl::StripLeadingAsciiWhitespace(value.first);
  if (absl::StartsWith(line, "{")) {
    return FieldsInBraces(Folded({line, Content(value.rest), value.indent}));
  }
  YamlFields fields;
  size_t next = 0;  // of value.rest
  while (true) {
    const absl::optional<std::string> key = TakeYamlKey(&line);
    if (!key.has_value()) return absl::nullopt;
    const size_t begin = next;
    while (next < value.rest.size() && IsBelow(value.rest[next], column)) ++next;
    absl::optional<std::string> text =
        YamlText({line, value.rest.subspan(begin, next - begin), column});
    if (text.has_value()) fields.emplace_back(*key, *std::move(text));
    if (next == value.rest.size()) return fields;
    line = value.rest[next++];
    if (YamlIndent(line) != column) return absl::nullopt;
    line.remove_prefix(column);
  }
}

}  // namespace gguf
