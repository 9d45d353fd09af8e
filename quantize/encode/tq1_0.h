// TQ1_0. The scale is the largest magnitude of 256 values, the digits x / scale rounded to -1, 0 or
// 1, halves away from zero. Where the inverse of a subnormal scale is infinite, all are 0.
//
// The contract is EncodeRows in encoder.h; both functions give the same bytes, `weights` are
// ignored.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_TQ1_0_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_TQ1_0_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

void EncodeTQ1_0(const float* rows, size_t num_rows, size_t columns, const float* weights,
                 uint8_t* out);
void EncodeTQ1_0Reference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                          uint8_t* out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_TQ1_0_H_
