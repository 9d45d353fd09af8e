// IQ4_XS. A scale per 32 values by SearchLevels; the eight scales become 6-bit codes of one block
// scale and the values are rounded against their products.
//
// The contract is EncodeRows in encoder.h; both functions give the same bytes.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ4_XS_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ4_XS_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

void EncodeIQ4_XS(const float* rows, size_t num_rows, size_t columns, const float* weights,
                  uint8_t* out);
void EncodeIQ4_XSReference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                           uint8_t* out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ4_XS_H_
