// The weights under which a type's error is minimized and measured.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_ERROR_WEIGHTS_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_ERROR_WEIGHTS_H_

#include <cstddef>

#include "gguf/tensor_type.h"

namespace gguf {

// How the weight of a value x with importance w is computed; s is the mean of x*x over a block or a
// row, given in the table of error_weights.cc.
enum class WeightRule {
  kOne,                    // 1
  kImportance,             // w
  kSquare,                 // x*x
  kMagnitude,              // |x|
  kMeanPlusMagnitude,      // sqrt(s) + |x|
  kQuarterMeanPlusSquare,  // s / 4 + x*x
  kImportanceTimesRoot,    // w * sqrt(s + x*x)
};

struct ErrorWeightRule {
  WeightRule rule;
  size_t mean_values;  // over which s is taken; 0: the whole row
  float mean_factor;   // s is the mean of x*x times this
};

// What the reference quantizer of `type` minimizes (spec: ggml, August 2026), with importance or
// without. (Q2_K without importance minimizes sum |x| * |error|; here its weights count squared
// errors, as everywhere.)
ErrorWeightRule ErrorWeightRuleOf(TensorType type, bool has_importance);

// Writes the weights of one row of `columns` (a multiple of the type's block) values.
// `importance`: `columns` floats, or null. binary32 arithmetic in element order, as in the
// reference.
void ErrorWeights(TensorType type, const float* row, size_t columns, const float* importance,
                  float* weights);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_ERROR_WEIGHTS_H_
