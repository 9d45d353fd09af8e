// Small checkpoints made in place, for tests.

#ifndef GGUF_TOOLCHAIN_FORMATS_TESTING_H_
#define GGUF_TOOLCHAIN_FORMATS_TESTING_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace gguf {

// A safetensors file with this header and data: length, header, data.
std::string RawSafetensors(absl::string_view header, absl::string_view data);

// As above, the header made from tensors: name, dtype, shape as JSON ("[2, 3]"), bytes.
struct TestTensor {
  std::string name;
  std::string dtype;
  std::string shape;
  std::string bytes;
};
std::string MakeSafetensors(const std::vector<TestTensor>& tensors);

// A new folder `name` below the test's own, with these files (name, content). Returns its path.
std::string MakeFolder(absl::string_view name,
                       const std::vector<std::pair<std::string, std::string>>& files);

// A new folder whose files are links to those of `folder`, except `replaced`, which has `content`
// (or is left out, when that is empty). Returns its path.
std::string FolderWith(absl::string_view folder, absl::string_view replaced,
                       absl::string_view content);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_TESTING_H_
