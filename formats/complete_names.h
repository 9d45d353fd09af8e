// Whether a model has all tensors that its metadata call for, and no others, by name.

#ifndef GGUF_TOOLCHAIN_FORMATS_COMPLETE_NAMES_H_
#define GGUF_TOOLCHAIN_FORMATS_COMPLETE_NAMES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "formats/tensor_source.h"

namespace gguf {

struct NameFaults {
  std::vector<std::string> missing;  // at most kMaxMissingNames
  std::vector<std::string> unknown;
};
inline constexpr size_t kMaxMissingNames = 1000;

// By general.architecture and block_count, from the tables that conversion uses (formats/arch,
// formats/vision). A file with a vision tower under Ollama's names must have all of that too.
// Unimplemented: an architecture that this version does not convert. InvalidArgument: keys that are
// missing or contradict each other.
absl::StatusOr<NameFaults> FindNameFaults(const TensorSource& source);

// InvalidArgument, naming the source and the tensors, when there are any.
absl::Status CheckCompleteNames(const TensorSource& source);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_COMPLETE_NAMES_H_
