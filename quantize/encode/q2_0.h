// Q2_0. The scale is the largest magnitude of 64 values, the codes x / scale rounded to -1, 0 or 1,
// halves away from zero; the code for 2 is never used. Where the inverse of a subnormal scale is
// infinite, all codes are 0.
//
// The contract is EncodeRows in encoder.h; both functions give the same bytes, `weights` are
// ignored.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_Q2_0_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_Q2_0_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

void EncodeQ2_0(const float* rows, size_t num_rows, size_t columns, const float* weights,
                uint8_t* out);
void EncodeQ2_0Reference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_Q2_0_H_
