// Q1_0. The scale is the mean magnitude of 128 values, a code the sign: x >= 0, so that -0 counts
// as positive. The sum goes in element order.
//
// The contract is EncodeRows in encoder.h; both functions give the same bytes, `weights` are
// ignored.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_Q1_0_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_Q1_0_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

void EncodeQ1_0(const float* rows, size_t num_rows, size_t columns, const float* weights,
                uint8_t* out);
void EncodeQ1_0Reference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_Q1_0_H_
