// Q3_K. A scale per 16 values by coordinate descent, with weights by SearchSigned; then the scales
// become 6-bit codes of one block scale and the values are rounded again against those.
//
// The contract is EncodeRows in encoder.h; both functions give the same bytes.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_Q3_K_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_Q3_K_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

void EncodeQ3_K(const float* rows, size_t num_rows, size_t columns, const float* weights,
                uint8_t* out);
void EncodeQ3_KReference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_Q3_K_H_
