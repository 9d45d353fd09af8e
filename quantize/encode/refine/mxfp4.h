// MXFP4 with the scale of least error.
//
// The reference scales a block's largest magnitude into [4, 8) although the largest level is 6.
// Here twice and half that scale are tried as well, and the one with the least sum of squared
// errors is kept, the reference's of equal ones. No other power of two can be better: with a larger
// one only levels remain that twice the scale has too; a smaller one loses at least 6.25 squared
// scales on the largest magnitude, and wins less on all others.
//
// Blocks whose largest magnitude is 0, below 2^-120 or at least 2^127 are the reference's.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_MXFP4_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_MXFP4_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

void EncodeMXFP4Standard(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out);
void EncodeMXFP4StandardScalar(const float* rows, size_t num_rows, size_t columns,
                               const float* weights, uint8_t* out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_MXFP4_H_
