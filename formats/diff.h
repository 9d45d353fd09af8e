// What differs between two models: metadata, tensors, shapes, types, values.

#ifndef GGUF_TOOLCHAIN_FORMATS_DIFF_H_
#define GGUF_TOOLCHAIN_FORMATS_DIFF_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "formats/tensor_error.h"
#include "formats/tensor_source.h"
#include "gguf/metadata.h"

namespace gguf {

// Null: absent on that side. Point into the sources' metadata.
struct KeyDifference {
  std::string key;
  const Value* a;
  const Value* b;
};

enum class TensorDifferenceKind {
  kOnlyInA,
  kOnlyInB,
  kShape,   // values are not compared
  kType,    // values are compared after decoding
  kValues,  // same shape and type, other bytes
};

struct TensorDifference {
  std::string name;
  TensorDifferenceKind kind;
  std::string detail;  // "[2, 3] and [3, 2]", "F16 and Q8_0"; empty for the others
  // Of kType and kValues: decoded rows of b against those of a. All zero when other bytes decode to
  // the same values.
  TensorError error;
};

struct ModelDifference {
  std::vector<KeyDifference> metadata;    // in the order of a, then what only b has
  std::vector<TensorDifference> tensors;  // likewise
  TensorError error;                      // over all tensors that differ in type or values

  bool is_equal() const { return metadata.empty() && tensors.empty(); }
};

struct DiffOptions {
  int threads = 1;
  const std::atomic<bool>* cancelled = nullptr;  // looked at between tensors; may be null
  // Told of each tensor of `a` when it is done; may be empty.
  std::function<void(uint64_t bytes, absl::string_view tensor)> progress;
};

// The order of keys and tensors does not count, nor do the split.* keys: a split model equals its
// merge. Rows are streamed; the result does not depend on `threads`. Errors of reading; Cancelled.
absl::StatusOr<ModelDifference> DiffModels(const TensorSource& a, const TensorSource& b,
                                           const DiffOptions& options);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_DIFF_H_
