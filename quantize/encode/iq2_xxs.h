// IQ2_XXS. Runs of 8 from 256 points, a scale per 32 values that starts from FitPositive. Needs
// importance.
//
// The contract is EncodeRows in encoder.h; both functions give the same bytes.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ2_XXS_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ2_XXS_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

// `weights` must not be null.
void EncodeIQ2_XXS(const float* rows, size_t num_rows, size_t columns, const float* weights,
                   uint8_t* out);
void EncodeIQ2_XXSReference(const float* rows, size_t num_rows, size_t columns,
                            const float* weights, uint8_t* out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ2_XXS_H_
