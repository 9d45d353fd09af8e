#include "formats/model_card.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "formats/front_matter.h"
#include "formats/general_metadata.h"
#include "formats/model_id.h"
#include "gguf/base/utf8.h"
#include "gguf/keys.h"

namespace gguf {
namespace {

using Entries = std::vector<FrontMatterEntry>;
using Items = std::vector<FrontMatterItem>;

constexpr absl::string_view kHub = "https://huggingface.co/";
constexpr absl::string_view kPlainHub = "http://huggingface.co/";
constexpr absl::string_view kUrlSchemes[] = {"http://", "https://", "ssh://"};

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

const Items* Find(const Entries& entries, absl::string_view key) {
  for (const FrontMatterEntry& entry : entries) {
    if (entry.key == key) return &entry.items;
  }
  return nullptr;
}

// The texts of a key; empty without it, and when there is an object among them.
std::vector<std::string> TextsOf(const Entries& entries, absl::string_view key) {
  const Items* items = Find(entries, key);
  std::vector<std::string> texts;
  for (const FrontMatterItem& item : items == nullptr ? Items() : *items) {
    if (item.is_object) return {};
    texts.push_back(item.text);
  }
  return texts;
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
  if (!absl::StrContains(id, ' ')) set("version", VersionInName(name));
  if (!has_slash || slash == 0 || id[0] == '.') return;
  set("organization", TitleOf(id.substr(0, slash)));
  if (!is_url && !name.empty()) set("repo_url", absl::StrCat(kHub, id));
}

// Fields of a reference written as an object, which say it all themselves.
constexpr absl::string_view kReferenceFields[] = {
    "name", "author", "version", "organization", "description", "url", "doi", "uuid", "repo_url"};

void SetReferences(const Entries& entries, Metadata* metadata) {
  for (const auto& target : kReferences) {
    for (const absl::string_view card_key : target.card_keys) {
      const Items* items = Find(entries, card_key);
      if (items == nullptr) continue;
      metadata->Set(target.count_key, static_cast<uint32_t>(items->size()));
      for (size_t i = 0; i < items->size(); ++i) {
        const std::string prefix = absl::StrCat(target.prefix, i, ".");
        if (!(*items)[i].is_object) SetReference((*items)[i].text, prefix, metadata);
        for (const auto& [field, text] : (*items)[i].fields) {
          const bool is_known = std::find(std::begin(kReferenceFields), std::end(kReferenceFields),
                                          field) != std::end(kReferenceFields);
          if (is_known) metadata->Set(absl::StrCat(prefix, field), text);
        }
      }
      break;
    }
  }
}

void SetNames(const Entries& entries, Metadata* metadata) {
  absl::string_view previous;
  for (const auto& target : kNames) {
    const std::vector<std::string> texts = TextsOf(entries, target.card_key);
    if (texts.size() != 1 || target.key == previous) continue;
    metadata->Set(target.key, texts.front());
    previous = target.key;
  }
}

}  // namespace

std::string SetModelCard(absl::string_view card, Metadata* metadata) {
  if (!IsUtf8(card)) return "is not UTF-8";
  std::string fault;
  const Entries entries = ParseFrontMatter(card, &fault);
  SetNames(entries, metadata);
  for (const auto& target : kTextKeys) {
    const std::vector<std::string> texts = TextsOf(entries, target.card_key);
    if (texts.empty()) continue;
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
  SetReferences(entries, metadata);
  return fault;
}

}  // namespace gguf
