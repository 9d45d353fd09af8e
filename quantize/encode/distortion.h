// The error that an encoder makes.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_DISTORTION_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_DISTORTION_H_

#include <cstddef>

#include "quantize/encode/encoder.h"

namespace gguf {

// Encodes rows (shapes as in EncodeRows), decodes them and returns the sum of weight * (x - y)^2 in
// double, with the weights of ErrorWeights.
double WeightedDistortion(TensorType type, EncodeRows encode, const float* rows, size_t num_rows,
                          size_t columns, const float* importance);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_DISTORTION_H_
