// IQ4_NL. A scale per 32 values by SearchLevels; codes against the scale before it is rounded to
// binary16.
//
// The contract is EncodeRows in encoder.h; both functions give the same bytes.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ4_NL_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ4_NL_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

void EncodeIQ4_NL(const float* rows, size_t num_rows, size_t columns, const float* weights,
                  uint8_t* out);
void EncodeIQ4_NLReference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                           uint8_t* out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ4_NL_H_
