// IQ4_NL of lower error: the reference's scale, and one from a wider search (level_fit.h), both
// rounded to binary16 with codes for the rounded scale; the better one is kept.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_IQ4_NL_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_IQ4_NL_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

// 50 trial scales.
void EncodeIQ4_NLStandard(const float* rows, size_t num_rows, size_t columns, const float* weights,
                          uint8_t* out);
void EncodeIQ4_NLStandardScalar(const float* rows, size_t num_rows, size_t columns,
                                const float* weights, uint8_t* out);

// 128 trial scales of a wider range.
void EncodeIQ4_NLMax(const float* rows, size_t num_rows, size_t columns, const float* weights,
                     uint8_t* out);
void EncodeIQ4_NLMaxScalar(const float* rows, size_t num_rows, size_t columns, const float* weights,
                           uint8_t* out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_IQ4_NL_H_
