// What a model card (README.md of a checkpoint folder) says about a model, as general.* metadata.
//
// A card may begin with front matter (front_matter.h); the rest of it is passed over.

#ifndef GGUF_TOOLCHAIN_FORMATS_MODEL_CARD_H_
#define GGUF_TOOLCHAIN_FORMATS_MODEL_CARD_H_

#include <string>

#include "absl/strings/string_view.h"
#include "gguf/metadata.h"

namespace gguf {

// Sets, when the card has them:
//   name, author, version, organization, description, finetune, basename, size_label, each also
//   with "model_" before it, model_creator (author), model_type (basename)
//                                         general.<the same>
//   url, doi, uuid, repo_url, likewise    general.source.<the same>
//   license, license_name, license_link   general.license, .license.name, .license.link
//   language, languages                   general.languages
//   tags, pipeline_tag                    general.tags
//   base_model (or base_models)           general.base_model.count, and of each name, organization,
//                                         version (VersionInName) and repo_url, as far as
//                                         "organization/name" or a URL says; of an object its name,
//                                         author, version, organization, description, url, doi,
//                                         uuid and repo_url
//   datasets                              general.dataset.*, likewise
// A card that is not UTF-8 sets nothing. Returns what is wrong with the front matter, empty when
// nothing is; the rest of it is taken all the same.
std::string SetModelCard(absl::string_view card, Metadata* metadata);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_MODEL_CARD_H_
