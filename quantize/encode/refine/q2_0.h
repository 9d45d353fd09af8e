// Q2_0 with the scale of least error, of either sign.
//
// The reference takes the largest magnitude of a block as its scale, so that code 3, twice the
// scale, is never used. Codes of least error change only where the scale crosses twice a magnitude
// (0 to 1) or two thirds of one (1 to 2, for the sign that has this level). Here all these scales
// are passed in descending order, for positive and for negative scales; between two of them the
// codes are fixed and the best binary16 scale (at most 65504) is known. No other scale gives less.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_Q2_0_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_Q2_0_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

void EncodeQ2_0Standard(const float* rows, size_t num_rows, size_t columns, const float* weights,
                        uint8_t* out);
void EncodeQ2_0StandardScalar(const float* rows, size_t num_rows, size_t columns,
                              const float* weights, uint8_t* out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_Q2_0_H_
