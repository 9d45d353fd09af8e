// Tensors of a file by name: found, checked for their shape, small ones decoded, and counted, so
// that one which nobody asked for is noticed.

#ifndef GGUF_TOOLCHAIN_RUNTIME_TENSOR_FINDER_H_
#define GGUF_TOOLCHAIN_RUNTIME_TENSOR_FINDER_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gguf/shape.h"
#include "runtime/tensor_file.h"
#include "runtime/weights.h"

namespace gguf {

// Not thread-safe. `file` must outlive the finder and all that it finds. Errors are one sentence
// with file, tensor, found and expected.
class TensorFinder {
 public:
  explicit TensorFinder(const TensorFile& file) : file_(file) {}

  // Null when absent; an error when the shape is not `shape` (outer dimensions of 1 do not count)
  // or the type none of weights.
  absl::StatusOr<const TensorView*> Find(const std::string& name, const Shape& shape);

  // That a tensor is missing.
  absl::Status Missing(const std::string& name, const Shape& shape) const;

  // A small tensor's values; empty when absent.
  absl::StatusOr<std::vector<float>> Values(const std::string& name, const Shape& shape);
  absl::StatusOr<std::vector<float>> RequiredValues(const std::string& name, const Shape& shape);

  // `name`.weight and `name`.bias of `size` values.
  absl::StatusOr<Norm> OptionalNorm(const std::string& name, size_t size);
  absl::StatusOr<Norm> RequiredNorm(const std::string& name, size_t size, bool has_bias);

  // `name`.weight [rows, columns], or [experts, rows, columns] unless `experts` is 0, and
  // `name`.bias when there is one.
  absl::StatusOr<Linear> OptionalLinear(const std::string& name, size_t rows, size_t columns,
                                        size_t experts = 0);
  absl::StatusOr<Linear> RequiredLinear(const std::string& name, size_t rows, size_t columns,
                                        size_t experts = 0);

  // Unimplemented, naming the first tensor that was neither found nor is `ignored`: it has no part
  // in `what` ("a llama model").
  absl::Status CheckAllUsed(absl::string_view what,
                            absl::FunctionRef<bool(absl::string_view name)> ignored) const;

 private:
  const TensorFile& file_;
  absl::flat_hash_set<std::string> used_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_TENSOR_FINDER_H_
