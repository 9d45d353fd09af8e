#include "formats/tokenizer_special.h"

#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "formats/folder.h"
#include "gguf/keys.h"

namespace gguf {
namespace {

// Searched in this order; the order of the keys in the file.
struct SpecialType {
  absl::string_view name;  // "<name>_token" and "<name>_token_id" in the files
  absl::string_view key;   // empty: not stored
};
constexpr SpecialType kSpecialTypes[] = {
    {"bos", keys::kTokenizerBosTokenId},
    {"eos", keys::kTokenizerEosTokenId},
    {"unk", keys::kTokenizerUnknownTokenId},
    {"sep", keys::kTokenizerSeparatorTokenId},  // the field's spelling
    {"pad", keys::kTokenizerPaddingTokenId},
    {"cls", ""},
    {"mask", keys::kTokenizerMaskTokenId},
    {"eot", keys::kTokenizerEotTokenId},
};

struct Flag {
  absl::string_view name;  // "add_<name>_token" in tokenizer_config.json
  absl::string_view key;
};
constexpr Flag kFlags[] = {
    {"bos", keys::kTokenizerAddBosToken},
    {"sep", keys::kTokenizerAddSepToken},
    {"eos", keys::kTokenizerAddEosToken},
};

// Texts of special tokens and flags by type name; absent when nothing is said.
struct Special {
  std::map<absl::string_view, std::string> texts;
  std::map<absl::string_view, bool> added;

  bool Has(absl::string_view type) const { return texts.count(type) > 0; }
  bool Is(absl::string_view type, absl::string_view text) const {
    const auto found = texts.find(type);
    return found != texts.end() && found->second == text;
  }
};

using Template = std::vector<const Json*>;

Template ItemsOf(const Json& processor, absl::string_view key) {
  Template items;
  if (const Json::Array* array = processor.FindArray(key)) {
    for (const Json& item : *array) items.push_back(&item);
  }
  return items;
}

// {"SpecialToken": {"id": "<s>"}} gives "<s>", {"Sequence": {"id": "A"}} gives "A"; else null.
const std::string* IdOf(const Json* item, absl::string_view kind) {
  const Json* inner = item->Find(kind);
  return inner == nullptr ? nullptr : inner->FindString("id");
}

// The texts tokenizer_config.json gives: a text, or an object with its content.
void ReadTexts(const Json& config, Special* special) {
  for (const SpecialType& type : kSpecialTypes) {
    const Json* token = config.Find(absl::StrCat(type.name, "_token"));
    if (token == nullptr) continue;
    const std::string* text = token->string();
    if (text == nullptr) text = token->FindString("content");
    if (text != nullptr) special->texts[type.name] = *text;
  }
}

// What a template says of a single text: `<bos> A <eos>`. Returns its leading and trailing special.
void ReadSingle(const Template& single, Special* special, const std::string** first,
                const std::string** last) {
  if (single.size() < 2) return;
  if ((*first = IdOf(single.front(), "SpecialToken")) != nullptr) {
    if (!special->Has("bos") && !special->Has("cls")) special->texts["bos"] = **first;
    special->added["bos"] = special->Is("bos", **first) || special->Is("cls", **first);
  }
  if ((*last = IdOf(single.back(), "SpecialToken")) != nullptr) {
    if (!special->Is("eos", **last)) {
      if (special->Has("eos")) special->texts["eot"] = special->texts["eos"];
      special->texts["eos"] = **last;
    }
    special->added["eos"] = true;
  }
}

// BERT calls its first and last token CLS and SEP.
void UseBertNames(Special* special) {
  if (special->Has("cls") && !special->Has("bos")) special->texts["bos"] = special->texts["cls"];
  if (special->Has("sep") && !special->Has("eos")) special->texts["eos"] = special->texts["sep"];
}

// What a template says of two texts: `<bos> A <sep> B <eos>`.
void ReadPair(Template pair, const std::string* first, const std::string* last, Special* special) {
  const auto is_special = [](const Json* item, const std::string* text) {
    const std::string* id = IdOf(item, "SpecialToken");
    return id != nullptr && text != nullptr && *id == *text;
  };
  if (!pair.empty() && is_special(pair.front(), first)) pair.erase(pair.begin());
  if (!pair.empty() && is_special(pair.back(), last)) pair.pop_back();
  if (pair.size() < 3) return;
  const std::string* a = IdOf(pair.front(), "Sequence");
  const std::string* b = IdOf(pair.back(), "Sequence");
  if (a == nullptr || b == nullptr || *a != "A" || *b != "B") return;
  const std::string* between = IdOf(pair[1], "SpecialToken");
  special->added["sep"] = between != nullptr && last == nullptr &&
                          (special->Is("sep", *between) || special->Is("eos", *between));
}

void ReadPostProcessor(const Json* processor, Special* special) {
  const std::string* type = processor == nullptr ? nullptr : processor->FindString("type");
  if (type == nullptr) return;
  if (*type == "Sequence") {
    if (const Json::Array* steps = processor->FindArray("processors")) {
      for (const Json& step : *steps) ReadPostProcessor(&step, special);
    }
  } else if (*type == "TemplateProcessing") {
    const std::string* first = nullptr;
    const std::string* last = nullptr;
    ReadSingle(ItemsOf(*processor, "single"), special, &first, &last);
    UseBertNames(special);
    ReadPair(ItemsOf(*processor, "pair"), first, last, special);
  } else if (*type == "RobertaProcessing") {
    for (const Flag& flag : kFlags) special->added[flag.name] = true;
  }
}

absl::optional<uint64_t> IdOfAddedToken(const Json& tokenizer, absl::string_view text) {
  const Json::Array* added = tokenizer.FindArray("added_tokens");
  if (added == nullptr) return absl::nullopt;
  for (const Json& token : *added) {
    const std::string* content = token.FindString("content");
    const Json* id = token.Find("id");
    if (content != nullptr && *content == text && id != nullptr && id->whole_number()) {
      return id->whole_number();
    }
  }
  return absl::nullopt;
}

// Template names become part of a key.
std::string KeyPart(absl::string_view name) {
  std::string part(name);
  for (char& c : part) {
    if (!absl::ascii_isalnum(c)) c = '_';
  }
  return part;
}

absl::Status WrongTemplate(const TokenizerFiles& files, const Json& found) {
  return absl::InvalidArgumentError(absl::StrCat(
      JoinPath(files.folder, "tokenizer_config.json"), ": chat_template is ", found.Describe(),
      ", expected a text or a list of objects with name and template; correct it in the file."));
}

absl::Status SetTemplateList(const TokenizerFiles& files, const Json& list, Metadata* metadata) {
  if (list.array() == nullptr) return WrongTemplate(files, list);
  std::vector<std::string> names;
  for (const Json& entry : *list.array()) {
    const std::string* name = entry.FindString("name");
    const std::string* text = entry.FindString("template");
    if (name == nullptr || text == nullptr) return WrongTemplate(files, entry);
    if (*name == "default") {
      metadata->Set(keys::kTokenizerChatTemplate, *text);
    } else {
      names.push_back(KeyPart(*name));
      metadata->Set(absl::StrCat("tokenizer.chat_template.", names.back()), *text);
    }
  }
  if (!names.empty()) metadata->Set(keys::kTokenizerChatTemplates, std::move(names));
  return absl::OkStatus();
}

}  // namespace

void SetSpecialTokens(const TokenizerFiles& files, const HfConfig& config, uint64_t vocab_size,
                      Metadata* metadata, std::vector<std::string>* warnings) {
  Special special;
  ReadTexts(files.config, &special);
  ReadPostProcessor(files.tokenizer.Find("post_processor"), &special);
  for (const Flag& flag : kFlags) {
    const Json* value = files.config.Find(absl::StrCat("add_", flag.name, "_token"));
    if (value != nullptr && value->boolean()) special.added[flag.name] = *value->boolean();
  }

  for (const SpecialType& type : kSpecialTypes) {
    if (type.key.empty()) continue;
    absl::optional<uint64_t> id;
    const auto text = special.texts.find(type.name);
    if (text != special.texts.end()) id = IdOfAddedToken(files.tokenizer, text->second);
    if (!id.has_value()) id = config.TokenId(absl::StrCat(type.name, "_token_id"));
    if (!id.has_value()) continue;
    if (*id < vocab_size) {
      metadata->Set(type.key, static_cast<uint32_t>(*id));
    } else {
      warnings->push_back(absl::StrCat(files.folder, ": the ", type.name, " token has the id ", *id,
                                       ", at or above the model's vocab_size ", vocab_size,
                                       ", and is left out."));
    }
  }
  for (const Flag& flag : kFlags) {
    const auto added = special.added.find(flag.name);
    if (added != special.added.end()) metadata->Set(flag.key, added->second);
  }
}

absl::Status SetChatTemplates(const TokenizerFiles& files, Metadata* metadata) {
  const auto given = [](const Json& file) -> const Json* {
    const Json* found = file.Find("chat_template");
    return found == nullptr || found->is_null() ? nullptr : found;
  };
  const Json* found = given(files.config);
  if (found == nullptr && files.template_jinja.has_value()) {
    metadata->Set(keys::kTokenizerChatTemplate, *files.template_jinja);
    return absl::OkStatus();
  }
  if (found == nullptr) found = given(files.template_json);
  if (found == nullptr) return absl::OkStatus();
  if (found->string() == nullptr) return SetTemplateList(files, *found, metadata);
  metadata->Set(keys::kTokenizerChatTemplate, *found->string());
  return absl::OkStatus();
}

}  // namespace gguf
