#include "formats/model_card.h"

#include <algorithm>
#include <array>

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
constexpr absl::string_view kPlainHub = "http://huggingface.co/";
constexpr absl::string_view kUrlSchemes[] = {"http://", "https://", "ssh://"};

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

// Whether `value`, of which nothing could be made, is no YAML either: a quotation or a bracket that
// never ends, or a plain text with a key in it. Errs on the side of a card that is only elaborate.
bool IsBroken(absl::string_view value) {
  value = absl::StripAsciiWhitespace(value);
  if (value.empty()) return false;
  const char first = value.front();
  if (first == '"' || first == '\'') {
    size_t quotes = 0;
    for (size_t i = 0; i < value.size(); ++i) {
      if (first == '"' && value[i] == '\\') {
        ++i;
      } else if (value[i] == first) {
        ++quotes;
      }
    }
    return quotes % 2 != 0;
  }
  if (first == '[') return !absl::StrContains(value, ']');
  if (first == '{') return !absl::StrContains(value, '}');
  if (!absl::ascii_isalnum(first)) return false;
  const absl::string_view line = value.substr(0, std::min(value.find('\n'), value.find(" #")));
  return absl::StrContains(line, ": ");
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
      value_ = std::string(rest);
      BeginValue(rest);
      return;
    }
    absl::StrAppend(&value_, "\n", line);
    AddItem(line);
    // At the start of a line there is a key, an item, or the end of something that is open.
    if (absl::ascii_isalnum(line.front()) && !absl::StrContains(line, ':') && !IsOpen()) {
      AddFault(absl::StrCat("the line \"", EscapeText(line, 80), "\" has no colon"));
    }
  }

  // `fault` becomes what is wrong with the first broken entry, if there is one.
  Entries Finish(std::string* fault) {
    Close();
    *fault = fault_;
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

  bool IsOpen() const {
    const absl::string_view value = absl::StripLeadingAsciiWhitespace(value_);
    return !value.empty() && absl::StrContains("\"'[{", value.front());
  }

  void AddFault(std::string fault) {
    if (fault_.empty()) fault_ = std::move(fault);
  }

  void Close() {
    if (!is_simple_ && IsBroken(value_)) {
      AddFault(absl::StrCat("the value of \"", key_, "\" is no YAML"));
    }
    value_.clear();
    if (is_simple_ && !texts_.empty()) entries_.emplace_back(key_, std::move(texts_));
    texts_.clear();
    is_simple_ = takes_items_ = false;
  }

  Entries entries_;
  std::string key_;
  std::string value_;  // all of it, as it stands
  std::string fault_;
  std::vector<std::string> texts_;
  bool is_simple_ = false;  // a text or a list of texts so far
  bool takes_items_ = false;
  size_t item_indent_ = 0;
};

// Keys with one text: the first that a card has counts.
constexpr struct {
  absl::string_view card_key;
  absl::string_view key;
} kNames[] = {
    {"name", keys::kGeneralName},
    {"model_name", keys::kGeneralName},
    {"author", keys::kGeneralAuthor},
    {"model_author", keys::kGeneralAuthor},
    {"model_creator", keys::kGeneralAuthor},
    {"version", keys::kGeneralVersion},
    {"model_version", keys::kGeneralVersion},
    {"organization", keys::kGeneralOrganization},
    {"model_organization", keys::kGeneralOrganization},
    {"description", keys::kGeneralDescription},
    {"model_description", keys::kGeneralDescription},
    {"finetune", keys::kGeneralFinetune},
    {"model_finetune", keys::kGeneralFinetune},
    {"basename", keys::kGeneralBasename},
    {"model_basename", keys::kGeneralBasename},
    {"model_type", keys::kGeneralBasename},
    {"size_label", keys::kGeneralSizeLabel},
    {"model_size_label", keys::kGeneralSizeLabel},
    {"url", keys::kGeneralSourceUrl},
    {"model_url", keys::kGeneralSourceUrl},
    {"doi", keys::kGeneralSourceDoi},
    {"model_doi", keys::kGeneralSourceDoi},
    {"uuid", keys::kGeneralSourceUuid},
    {"model_uuid", keys::kGeneralSourceUuid},
    {"repo_url", keys::kGeneralSourceRepoUrl},
    {"model_repo_url", keys::kGeneralSourceRepoUrl},
};

// Where the texts of other keys go: joined by commas into one, or appended to a list.
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

// The first of the card's keys counts.
constexpr struct {
  std::array<absl::string_view, 3> card_keys;
  absl::string_view count_key;
  absl::string_view prefix;
} kReferences[] = {
    {{"base_model", "base_models", "base_model_sources"},
     keys::kGeneralBaseModelCount,
     keys::kGeneralBaseModelPrefix},
    {{"datasets", "dataset", "dataset_sources"},
     keys::kGeneralDatasetCount,
     keys::kGeneralDatasetPrefix},
};

const std::vector<std::string>* Find(const Entries& entries, absl::string_view key) {
  for (const auto& [card_key, texts] : entries) {
    if (card_key == key) return &texts;
  }
  return nullptr;
}

std::string TitleOf(absl::string_view id) { return ModelNameOf(id, "- "); }

// "organization/name", a name, or a URL. Of a URL, only "<hub>/organization/name" says more; and
// what begins with a dot is a path, of which nobody but its author knows where it leads.
void SetReference(absl::string_view text, absl::string_view prefix, Metadata* metadata) {
  const auto set = [&](absl::string_view key, absl::string_view value) {
    if (!value.empty()) metadata->Set(absl::StrCat(prefix, key), value);
  };
  absl::string_view id = text;
  const bool is_url =
      std::any_of(std::begin(kUrlSchemes), std::end(kUrlSchemes),
                  [&](absl::string_view scheme) { return absl::StartsWith(text, scheme); });
  if (is_url) {
    set("repo_url", text);
    if (!absl::ConsumePrefix(&id, kHub) && !absl::ConsumePrefix(&id, kPlainHub)) return;
    const std::vector<absl::string_view> parts = absl::StrSplit(id, '/');
    if (parts.size() != 2 || parts[0].empty() || parts[1].empty()) return;
  }
  const size_t slash = absl::StrContains(id, ' ') ? absl::string_view::npos : id.find('/');
  const bool has_slash = slash != absl::string_view::npos;
  const absl::string_view name = has_slash ? id.substr(slash + 1) : id;
  set("name", TitleOf(name));
  if (!has_slash || slash == 0 || id[0] == '.') return;
  set("organization", TitleOf(id.substr(0, slash)));
  if (!is_url && !name.empty()) set("repo_url", absl::StrCat(kHub, id));
}

void SetReferences(const Entries& entries, Metadata* metadata) {
  for (const auto& target : kReferences) {
    for (const absl::string_view key : target.card_keys) {
      const std::vector<std::string>* texts = Find(entries, key);
      if (texts == nullptr) continue;
      metadata->Set(target.count_key, static_cast<uint32_t>(texts->size()));
      for (size_t i = 0; i < texts->size(); ++i) {
        SetReference((*texts)[i], absl::StrCat(target.prefix, i, "."), metadata);
      }
      break;
    }
  }
}

void SetNames(const Entries& entries, Metadata* metadata) {
  absl::string_view previous;
  for (const auto& target : kNames) {
    const std::vector<std::string>* texts = Find(entries, target.card_key);
    if (texts == nullptr || texts->size() != 1 || target.key == previous) continue;
    metadata->Set(target.key, texts->front());
    previous = target.key;
  }
}

}  // namespace

Entries ParseFrontMatter(absl::string_view card, std::string* fault) {
  std::string ignored;
  if (fault == nullptr) fault = &ignored;
  absl::ConsumePrefix(&card, "\xEF\xBB\xBF");
  FrontMatterReader reader;
  bool is_first = true;
  for (absl::string_view line : absl::StrSplit(card, '\n')) {
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

std::string SetModelCard(absl::string_view card, Metadata* metadata) {
  if (!IsUtf8(card)) return "is not UTF-8";
  std::string fault;
  const Entries entries = ParseFrontMatter(card, &fault);
  SetNames(entries, metadata);
  for (const auto& target : kTextKeys) {
    const std::vector<std::string>* texts = Find(entries, target.card_key);
    if (texts == nullptr) continue;
    if (!target.is_list) {
      metadata->Set(target.key, absl::StrJoin(*texts, ","));
      continue;
    }
    std::vector<std::string> all;
    if (const Value* before = metadata->Find(target.key)) {
      const Array* array = std::get_if<Array>(&before->data);
      if (array != nullptr) all = std::get<std::vector<std::string>>(array->elements);
    }
    all.insert(all.end(), texts->begin(), texts->end());
    metadata->Set(target.key, all);
  }
  SetReferences(entries, metadata);
  return fault;
}

}  // namespace gguf
