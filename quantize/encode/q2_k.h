// Q2_K. Scale and minimum per 16 values are searched, then become 4-bit codes of the block's two
// scales, and the values are rounded again against those.
//
// The contract is EncodeRows in encoder.h; both functions give the same bytes.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_Q2_K_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_Q2_K_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

void EncodeQ2_K(const float* rows, size_t num_rows, size_t columns, const float* weights,
                uint8_t* out);
void EncodeQ2_KReference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_Q2_K_H_
