// How a sentence-transformers folder makes one vector of a text's.

#ifndef GGUF_TOOLCHAIN_FORMATS_POOLING_H_
#define GGUF_TOOLCHAIN_FORMATS_POOLING_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "formats/folder.h"
#include "gguf/metadata.h"

namespace gguf {

// Sets <architecture>.pooling_type when `folder` has a modules.json that names a Pooling module,
// and adds the files read to `paths`. InvalidArgument for a broken file; Unimplemented, by name, for
// a module (Dense, ...) or a way of pooling, or several at once, that a GGUF cannot express.
absl::Status SetPooling(const Folder& folder, absl::string_view architecture, Metadata* metadata,
                        std::vector<std::string>* paths);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_POOLING_H_
