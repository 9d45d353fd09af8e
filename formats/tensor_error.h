// How far apart the values of two tensors are.

#ifndef GGUF_TOOLCHAIN_FORMATS_TENSOR_ERROR_H_
#define GGUF_TOOLCHAIN_FORMATS_TENSOR_ERROR_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "formats/tensor_source.h"

namespace gguf {

// Half of 32 blocks of 32 values: any run of 32 blocks has a stretch within.
inline constexpr uint64_t kStretchValues = 512;
// Root mean square below which blocks with scales in half precision lose what they hold.
inline constexpr double kLeastRms = 1e-5;

// Sums in double over values x of the first tensor and y of the second.
struct TensorError {
  uint64_t num_values = 0;
  double sum_squared_error = 0;  // sum (x - y)^2
  double sum_squares = 0;        // sum x^2
  double max_abs_error = 0;      // max |x - y|; infinite when either is NaN
  // The greatest relative RMSE of any kStretchValues values, counted from the start of a row (a
  // row's rest may be shorter): 1 where y forgot its values, 1.4 where it has others. Stretches
  // smaller than kLeastRms are measured against that.
  double worst_stretch = 0;
  uint64_t worst_row = 0;     // where: of the tensor, outer dimensions counted as rows
  uint64_t worst_column = 0;  // its first

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
