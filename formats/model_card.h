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
// Empty without front matter. Takes memory in proportion to `card`.
std::vector<std::pair<std::string, std::vector<std::string>>> ParseFrontMatter(
    absl::string_view card);

// Sets, when the card has them:
//   license, license_name, license_link   general.license, .license.name, .license.link
//   language, languages                   general.languages
//   tags, pipeline_tag                    general.tags
//   base_model                            general.base_model.count, and of each name, organization
//                                         and repo_url, as far as "organization/name" or a URL says
//   datasets                              general.dataset.*, likewise
// A card that is not UTF-8 sets nothing.
void SetModelCard(absl::string_view card, Metadata* metadata);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_MODEL_CARD_H_
