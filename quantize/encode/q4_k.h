// Q4_K. Scale and minimum per 32 values are searched, then become 6-bit codes of the block's two
// scales, and the values are rounded again against those.
//
// The contract is EncodeRows in encoder.h; both functions give the same bytes.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_Q4_K_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_Q4_K_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

void EncodeQ4_K(const float* rows, size_t num_rows, size_t columns, const float* weights,
                uint8_t* out);
void EncodeQ4_KReference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_Q4_K_H_
