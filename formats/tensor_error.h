// How far apart the values of two tensors are.

#ifndef GGUF_TOOLCHAIN_FORMATS_TENSOR_ERROR_H_
#define GGUF_TOOLCHAIN_FORMATS_TENSOR_ERROR_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "formats/tensor_source.h"

namespace gguf {

// Sums in double over values x of the first tensor and y of the second.
struct TensorError {
  uint64_t num_values = 0;
  double sum_squared_error = 0;  // sum (x - y)^2
  double sum_squares = 0;        // sum x^2
  double max_abs_error = 0;      // max |x - y|; infinite when either is NaN

  double rmse() const;           // sqrt(sum_squared_error / num_values)
  double relative_rmse() const;  // sqrt(sum_squared_error / sum_squares); 0 for 0 / 0
  void Add(const TensorError& other);
};

// Whether shapes are equal but for outer dimensions of size 1, which some files leave out.
bool AreComparable(const Shape& x, const Shape& y);

// Decodes both row by row, in bounded memory. The result does not depend on `threads`.
// InvalidArgument when the shapes are not comparable; otherwise errors of reading.
absl::StatusOr<TensorError> CompareTensors(const TensorSource& x_source, size_t x_index,
                                           const TensorSource& y_source, size_t y_index,
                                           int threads);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_TENSOR_ERROR_H_
