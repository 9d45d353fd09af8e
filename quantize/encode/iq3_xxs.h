// IQ3_XXS. Runs of 4 from 256 points, a scale per 32 values.
//
// The contract is EncodeRows in encoder.h; both functions give the same bytes.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ3_XXS_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ3_XXS_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

void EncodeIQ3_XXS(const float* rows, size_t num_rows, size_t columns, const float* weights,
                   uint8_t* out);
void EncodeIQ3_XXSReference(const float* rows, size_t num_rows, size_t columns,
                            const float* weights, uint8_t* out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ3_XXS_H_
