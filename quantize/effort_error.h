// The error of encoders of the higher efforts as a ratio to the reference's, on three kinds of
// matrices. For docs/quality.md and tests.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_EFFORT_ERROR_H_
#define GGUF_TOOLCHAIN_QUANTIZE_EFFORT_ERROR_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "gguf/tensor_type.h"
#include "quantize/encode/encoder.h"

namespace gguf {

// Columns are a multiple of every type's block.
struct EffortMatrix {
  std::string name;
  size_t num_rows = 0;
  size_t columns = 0;
  std::vector<float> values;
  std::vector<float> importance;  // of the columns
};

// A few matrices of one kind.
using EffortMatrices = std::vector<EffortMatrix>;

// 256 rows of 2048 values of Student's t distribution with 4 degrees of freedom (heavy-tailed, as
// weights are); importances from the exponential of a normal distribution.
EffortMatrices HeavyTailedMatrices();

// The rows of testdata/quantize.
absl::StatusOr<EffortMatrices> GoldenMatrices();

// The matrices of the trained model in testdata/kjv-llama that have importance data and rows of
// whole blocks; of each, every `row_step`-th row.
absl::StatusOr<EffortMatrices> ModelMatrices(size_t row_step);

struct ErrorRatio {
  double total = 1.0;  // of the sums over all matrices
  double worst = 1.0;  // of one matrix
  std::string worst_matrix;
};

// Whether an encoder can be measured with importance (`weighted`) or without.
bool CanMeasure(const Encoder& encoder, bool weighted);

// Of every effort of `type` above kReference that has an encoder of its own, in their order: sum of
// weights * (value - decoded value)^2 over the same of the reference, under the weights of
// encode/error_weights.h. On all threads that there are. Empty when CanMeasure is false.
struct EffortError {
  Effort effort;
  ErrorRatio ratio;
};
std::vector<EffortError> MeasureEfforts(TensorType type, const EffortMatrices& matrices,
                                        bool weighted);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_EFFORT_ERROR_H_
