// Q6_K. A scale per 16 values by SearchSigned (weights x * x or the importance itself); then the
// scales become 8-bit codes of one block scale and the values are rounded again against those.
//
// The contract is EncodeRows in encoder.h; both functions give the same bytes.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_Q6_K_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_Q6_K_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

void EncodeQ6_K(const float* rows, size_t num_rows, size_t columns, const float* weights,
                uint8_t* out);
void EncodeQ6_KReference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_Q6_K_H_
