// What a GGUF says of its model in words: general.name, the model card's keys, the user's own.

#ifndef GGUF_TOOLCHAIN_FORMATS_DESCRIBE_H_
#define GGUF_TOOLCHAIN_FORMATS_DESCRIBE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "formats/folder.h"
#include "gguf/metadata.h"

namespace gguf {

// general.name (`model_name`, else what the card says, else made from the folder's name) and what
// README.md in `folder` says, if there is one (model_card.h). Files read are added to `paths`, and
// a card that is not as it should be to `warnings`.
absl::Status DescribeModel(const Folder& folder, absl::string_view model_name, Metadata* metadata,
                           std::vector<std::string>* paths, std::vector<std::string>* warnings);

// Sets the keys of the JSON file `metadata_file` (general_metadata.h: SetOverrides); nothing when
// that is empty.
absl::Status ApplyOverrides(absl::string_view metadata_file, Metadata* metadata,
                            std::vector<std::string>* paths);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_DESCRIBE_H_
