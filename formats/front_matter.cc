#include "formats/front_matter.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/types/optional.h"
#include "formats/yaml_text.h"
#include "gguf/base/utf8.h"

namespace gguf {
namespace {

using Items = std::vector<FrontMatterItem>;
using Lines = absl::Span<const absl::string_view>;

constexpr absl::string_view kFence = "---";

// The first line of `lines` that is neither blank nor a comment; lines.size() without one.
size_t FirstContent(Lines lines) {
  return std::find_if(lines.begin(), lines.end(), [](auto line) { return !IsYamlEnd(line); }) -
         lines.begin();
}

// What follows a "-" that is `indent` bytes in: an object or a text, perhaps from the next line on.
absl::optional<FrontMatterItem> ItemOf(absl::string_view first, Lines rest, size_t indent) {
  size_t column = indent + 1 + YamlIndent(first);
  if (IsYamlEnd(first)) {
    const size_t begin = FirstContent(rest);
    if (begin == rest.size()) return absl::nullopt;
    first = rest[begin];
    rest = rest.subspan(begin + 1);
    column = YamlIndent(first);
  }
  absl::string_view line = absl::StripLeadingAsciiWhitespace(first);
  const bool is_object = absl::StartsWith(line, "{") || TakeYamlKey(&line).has_value();
  const YamlValue value = {absl::StripLeadingAsciiWhitespace(first), rest, indent};
  if (is_object) {
    absl::optional<YamlFields> fields = YamlObject(value, column);
    if (!fields.has_value()) return absl::nullopt;
    return FrontMatterItem{"", *std::move(fields), true};
  }
  absl::optional<std::string> text = YamlText(value);
  if (!text.has_value()) return absl::nullopt;
  return FrontMatterItem{*std::move(text)};
}

bool IsItem(absl::string_view trimmed) { return trimmed == "-" || absl::StartsWith(trimmed, "- "); }

// "- item" below a key, every item as far in as the first. Empty when it is anything else.
Items ItemsBelow(Lines lines) {
  Items items;
  size_t next = FirstContent(lines);
  const size_t indent = next == lines.size() ? 0 : YamlIndent(lines[next]);
  while (next < lines.size()) {
    const absl::string_view line = lines[next];
    if (YamlIndent(line) != indent || !IsItem(line.substr(indent))) return {};
    const size_t begin = ++next;
    while (next < lines.size() && (IsYamlEnd(lines[next]) || YamlIndent(lines[next]) > indent)) {
      ++next;
    }
    auto item = ItemOf(line.substr(indent + 1), lines.subspan(begin, next - begin), indent);
    if (!item.has_value()) return {};
    items.push_back(*std::move(item));
  }
  return items;
}

Items TextItems(std::vector<std::string> texts) {
  Items items;
  for (std::string& text : texts) items.push_back({std::move(text)});
  return items;
}

Items ItemsOf(absl::string_view first, Lines rest) {
  if (IsYamlEnd(first)) {
    const size_t begin = FirstContent(rest);
    if (begin == rest.size()) return {};
    if (IsItem(absl::StripLeadingAsciiWhitespace(rest[begin]))) return ItemsBelow(rest);
    if (YamlIndent(rest[begin]) == 0) return {};
    first = rest[begin];
    rest = rest.subspan(begin + 1);
  }
  first = absl::StripLeadingAsciiWhitespace(first);
  if (absl::StartsWith(first, "[")) return TextItems(YamlTextsInBrackets({first, rest, 0}));
  absl::optional<std::string> text = YamlText({first, rest, 0});
  return text.has_value() ? TextItems({*std::move(text)}) : Items();
}

// Whether a value, of which nothing could be made, is no YAML either: a quotation or a bracket that
// never ends, or a plain text with a key in it. Errs on the side of a card that is only elaborate.
bool IsBroken(absl::string_view first, Lines rest) {
  const std::string all = absl::StrCat(first, "\n", absl::StrJoin(rest, "\n"));
  const absl::string_view value = absl::StripAsciiWhitespace(all);
  if (value.empty()) return false;
  const char begin = value.front();
  if (begin == '"' || begin == '\'') {
    size_t quotes = 0;
    for (size_t i = 0; i < value.size(); ++i) {
      if (begin == '"' && value[i] == '\\') {
        ++i;
      } else if (value[i] == begin) {
        ++quotes;
      }
    }
    return quotes % 2 != 0;
  }
  if (begin == '[') return !absl::StrContains(value, ']');
  if (begin == '{') return !absl::StrContains(value, '}');
  if (!absl::ascii_isalnum(begin)) return false;
  const absl::string_view line = value.substr(0, std::min(value.find('\n'), value.find(" #")));
  return absl::StrContains(line, ": ");
}

// Reads the lines of front matter one after the other.
class Reader {
 public:
  void Add(absl::string_view line) {
    absl::string_view rest = line;
    if (const absl::optional<std::string> key = TakeYamlKey(&rest)) {
      Close();
      key_ = *key;
      first_ = rest;
      return;
    }
    lines_.push_back(line);
    // At the start of a line there is a key, an item, or the end of something that is open.
    if (!line.empty() && absl::ascii_isalnum(line.front()) && !absl::StrContains(line, ':') &&
        !IsOpen()) {
      AddFault(absl::StrCat("the line \"", EscapeText(line, 80), "\" has no colon"));
    }
  }

  // `fault` becomes what is wrong with the first broken entry, if there is one.
  std::vector<FrontMatterEntry> Finish(std::string* fault) {
    Close();
    *fault = fault_;
    return std::move(entries_);
  }

 private:
  bool IsOpen() const {
    const absl::string_view value = absl::StripLeadingAsciiWhitespace(first_);
    return !value.empty() && absl::StrContains("\"'[{", value.front());
  }

  void AddFault(std::string fault) {
    if (fault_.empty()) fault_ = std::move(fault);
  }

  void Close() {
    Items items = key_.empty() ? Items() : ItemsOf(first_, lines_);
    if (!items.empty()) {
      entries_.push_back({key_, std::move(items)});
    } else if (IsBroken(first_, lines_)) {
      AddFault(absl::StrCat("the value of \"", key_, "\" is no YAML"));
    }
    lines_.clear();
    first_ = absl::string_view();
  }

  std::vector<FrontMatterEntry> entries_;
  std::string key_;
  absl::string_view first_;               // after the key
  std::vector<absl::string_view> lines_;  // below it
  std::string fault_;
};

}  // namespace

std::vector<FrontMatterEntry> ParseFrontMatter(absl::string_view text, std::string* fault) {
  std::string ignored;
  if (fault == nullptr) fault = &ignored;
  absl::ConsumePrefix(&text, "\xEF\xBB\xBF");
  Reader reader;
  bool is_first = true;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    line = absl::StripTrailingAsciiWhitespace(line);
    if (is_first) {
      if (line != kFence) return {};
      is_first = false;
    } else if (line == kFence) {
      return reader.Finish(fault);
    } else {
      reader.Add(line);
    }
  }
  return {};  // no end: a card that begins with a line drawn across
}

}  // namespace gguf
