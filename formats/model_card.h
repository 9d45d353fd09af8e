// What a model card (README.md of a checkpoint folder) says about a model, as general.* metadata.
//
// A card may begin with front matter: YAML between two lines "---". Of YAML only what cards need is
// understood: keys at the start of a line with a text or a list of texts, plain or quoted. Anything
// else (nested objects, block texts, anchors) is passed over, and so is the rest of the card.

#ifndef GGUF_TOOLCHAIN_FORMATS_MODEL_CARD_H_
#define GGUF_TOOLCHAIN_FORMATS_MODEL_CARD_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "gguf/metadata.h"

namespace gguf {

// The keys of the front matter that have texts, in file order; a single text is a list of one.
// Empty without front matter. Takes memory in proportion to `card`. `fault`, unless null, becomes
// what is no YAML at all ("the value of \"license\" is no YAML"), empty when nothing is.
std::vector<std::pair<std::string, std::vector<std::string>>> ParseFrontMatter(
    absl::string_view card, std::string* fault = nullptr);

// Sets, when the card has them:
//   name, author, version, organization, description, finetune, basename, size_label, each also
//   with "model_" before it, model_creator (author), model_type (basename)
//                                         general.<the same>
//   url, doi, uuid, repo_url, likewise    general.source.<the same>
//   license, license_name, license_link   general.license, .license.name, .license.link
//   language, languages                   general.languages
//   tags, pipeline_tag                    general.tags
//   base_model (or base_models)           general.base_model.count, and of each name, organization
//                                         and repo_url, as far as "organization/name" or a URL says
//   datasets                              general.dataset.*, likewise
// A card that is not UTF-8 sets nothing. Returns what is wrong with the front matter, empty when
// nothing is; the rest of it is taken all the same.
std::string SetModelCard(absl::string_view card, Metadata* metadata);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_MODEL_CARD_H_
