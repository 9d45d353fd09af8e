#include "formats/model_card.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/types/optional.h"
#include "formats/general_metadata.h"
#include "gguf/base/utf8.h"
#include "gguf/keys.h"

namespace gguf {
namespace {

using Entries = std::vector<std::pair<std::string, std::vector<std::string>>>;

constexpr absl::string_view kFence = "---";
constexpr absl::string_view kHub = "https://huggingface.co/";

// Takes one text off the front of `rest`: quoted, or plain up to a comment or (in a list in
// brackets) a separator. nullopt for what is no text.
absl::optional<std::string> TakeText(bool is_in_brackets, absl::string_view* rest) {
  *rest = absl::StripLeadingAsciiWhitespace(*rest);
  if (rest->empty()) return absl::nullopt;
  const char quote = rest->front();
  std::string text;
  if (quote == '"' || quote == '\'') {
    for (size_t i = 1; i < rest->size(); ++i) {
      const char c = (*rest)[i];
      if (c != quote && !(quote == '"' && c == '\\')) {
        text.push_back(c);
        continue;
      }
      const bool has_next = i + 1 < rest->size();
      if (c == '\\' && has_next) {  // \" and \\; other escapes stay as they are
        if ((*rest)[i + 1] != '"' && (*rest)[i + 1] != '\\') text.push_back('\\');
        text.push_back((*rest)[++i]);
      } else if (quote == '\'' && has_next && (*rest)[i + 1] == '\'') {
        text.push_back((*rest)[++i]);
      } else {
        rest->remove_prefix(i + 1);
        return text;
      }
    }
    return absl::nullopt;  // the quotation goes on in the next line, or never ends
  }
  if (absl::StrContains("[]{}|>&*!%@`,", quote)) return absl::nullopt;
  size_t end = rest->find(" #");
  if (is_in_brackets) end = std::min(end, rest->find_first_of(",]"));
  text = std::string(absl::StripTrailingAsciiWhitespace(rest->substr(0, end)));
  rest->remove_prefix(std::min(end, rest->size()));
  if (absl::StrContains(text, ": ") || absl::EndsWith(text, ":")) return absl::nullopt;
  if (text.empty() || text == "null" || text == "~") return absl::nullopt;
  return text;
}

// Whether nothing but a comment follows.
bool IsEnd(absl::string_view rest) {
  rest = absl::StripLeadingAsciiWhitespace(rest);
  return rest.empty() || rest.front() == '#';
}

absl::optional<std::string> OnlyText(absl::string_view rest) {
  absl::optional<std::string> text = TakeText(/*is_in_brackets=*/false, &rest);
  return IsEnd(rest) ? text : absl::nullopt;
}

// "[a, 'b']" in one line; empty when it is anything else.
std::vector<std::string> TakeBrackets(absl::string_view rest) {
  std::vector<std::string> texts;
  rest.remove_prefix(1);
  while (true) {
    rest = absl::StripLeadingAsciiWhitespace(rest);
    if (absl::ConsumePrefix(&rest, "]")) return IsEnd(rest) ? texts : std::vector<std::string>();
    absl::optional<std::string> text = TakeText(/*is_in_brackets=*/true, &rest);
    if (!text.has_value()) return {};
    texts.push_back(*std::move(text));
    rest = absl::StripLeadingAsciiWhitespace(rest);
    if (!absl::ConsumePrefix(&rest, ",") && !absl::StartsWith(rest, "]")) return {};
  }
}

// "key" of "key: rest" at the start of a line.
absl::optional<std::string> TakeKey(absl::string_view* line) {
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

// Reads the lines of front matter one after the other.
class FrontMatterReader {
 public:
  void Add(absl::string_view line) {
    if (IsEnd(line)) return;
    absl::string_view rest = line;
    const absl::optional<std::string> key = TakeKey(&rest);
    if (key.has_value()) {
      Close();
      key_ = *key;
      BeginValue(rest);
    } else {
      AddItem(line);
    }
  }

  Entries Finish() {
    Close();
    return std::move(entries_);
  }

 private:
  void BeginValue(absl::string_view rest) {
    is_simple_ = takes_items_ = IsEnd(rest);
    if (takes_items_) return;
    rest = absl::StripLeadingAsciiWhitespace(rest);
    if (absl::StartsWith(rest, "[")) {
      texts_ = TakeBrackets(rest);
      is_simple_ = !texts_.empty();
    } else if (absl::optional<std::string> text = OnlyText(rest)) {
      texts_ = {*std::move(text)};
      is_simple_ = true;
    }
  }

  // "- text" below a key, every item as far in as the first.
  void AddItem(absl::string_view line) {
    const absl::string_view trimmed = absl::StripLeadingAsciiWhitespace(line);
    const size_t indent = line.size() - trimmed.size();
    absl::string_view rest = trimmed;
    absl::optional<std::string> text;
    if (absl::ConsumePrefix(&rest, "- ") && takes_items_ &&
        (texts_.empty() || indent == item_indent_)) {
      text = OnlyText(rest);
    }
    if (text.has_value()) {
      item_indent_ = indent;
      texts_.push_back(*std::move(text));
    } else {
      is_simple_ = false;
    }
  }

  void Close() {
    if (is_simple_ && !texts_.empty()) entries_.emplace_back(key_, std::move(texts_));
    texts_.clear();
    is_simple_ = takes_items_ = false;
  }

  Entries entries_;
  std::string key_;
  std::vector<std::string> texts_;
  bool is_simple_ = false;  // a text or a list of texts so far
  bool takes_items_ = false;
  size_t item_indent_ = 0;
};

// Where the texts of a key go: joined by commas into one, or appended to a list.
constexpr struct {
  absl::string_view card_key;
  absl::string_view key;
  bool is_list;
} kTextKeys[] = {
    {"license", keys::kGeneralLicense, false},
    {"license_name", keys::kGeneralLicenseName, false},
    {"license_link", keys::kGeneralLicenseLink, false},
    {"tags", keys::kGeneralTags, true},
    {"pipeline_tag", keys::kGeneralTags, true},
    {"languages", keys::kGeneralLanguages, true},
    {"language", keys::kGeneralLanguages, true},
};

constexpr struct {
  absl::string_view card_key;
  absl::string_view count_key;
  absl::string_view prefix;
  absl::string_view hub_folder;
} kReferences[] = {
    {"base_model", keys::kGeneralBaseModelCount, keys::kGeneralBaseModelPrefix, ""},
    {"datasets", keys::kGeneralDatasetCount, keys::kGeneralDatasetPrefix, "datasets/"},
};

// "organization/name", a name, or a URL.
void SetReference(absl::string_view text, absl::string_view prefix, absl::string_view hub_folder,
                  Metadata* metadata) {
  absl::string_view id = text;
  std::string url;
  if (absl::StrContains(text, "://")) {
    url = std::string(text);
    if (!absl::ConsumePrefix(&id, absl::StrCat(kHub, hub_folder))) id = {};
  }
  const std::vector<absl::string_view> parts = absl::StrSplit(id, '/', absl::SkipEmpty());
  if (parts.size() == 2 && url.empty()) url = absl::StrCat(kHub, hub_folder, id);
  if (parts.size() == 1 || parts.size() == 2) {
    metadata->Set(absl::StrCat(prefix, "name"), ModelNameOf(parts.back()));
  }
  if (parts.size() == 2) {
    metadata->Set(absl::StrCat(prefix, "organization"), ModelNameOf(parts[0]));
  }
  if (!url.empty()) metadata->Set(absl::StrCat(prefix, "repo_url"), url);
}

}  // namespace

Entries ParseFrontMatter(absl::string_view card) {
  absl::ConsumePrefix(&card, "\xEF\xBB\xBF");
  FrontMatterReader reader;
  bool is_first = true;
  for (absl::string_view line : absl::StrSplit(card, '\n')) {
    line = absl::StripTrailingAsciiWhitespace(line);
    if (is_first) {
      if (line != kFence) return {};
      is_first = false;
    } else if (line == kFence) {
      return reader.Finish();
    } else {
      reader.Add(line);
    }
  }
  return {};  // no end: a card that begins with a line drawn across
}

void SetModelCard(absl::string_view card, Metadata* metadata) {
  if (!IsUtf8(card)) return;
  const Entries entries = ParseFrontMatter(card);
  for (const auto& target : kTextKeys) {
    for (const auto& [card_key, texts] : entries) {
      if (card_key != target.card_key) continue;
      if (!target.is_list) {
        metadata->Set(target.key, absl::StrJoin(texts, ","));
        continue;
      }
      std::vector<std::string> all;
      if (const Value* before = metadata->Find(target.key)) {
        const Array* array = std::get_if<Array>(&before->data);
        if (array != nullptr) all = std::get<std::vector<std::string>>(array->elements);
      }
      all.insert(all.end(), texts.begin(), texts.end());
      metadata->Set(target.key, all);
    }
  }
  for (const auto& target : kReferences) {
    for (const auto& [card_key, texts] : entries) {
      if (card_key != target.card_key) continue;
      metadata->Set(target.count_key, static_cast<uint32_t>(texts.size()));
      for (size_t i = 0; i < texts.size(); ++i) {
        SetReference(texts[i], absl::StrCat(target.prefix, i, "."), target.hub_folder, metadata);
      }
    }
  }
}

}  // namespace gguf
