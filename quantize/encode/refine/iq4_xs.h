// IQ4_XS of lower error: wider searches for the scales of the groups (level_fit.h), several block
// scales with neighbouring codes for the groups (block_scale.h), least squares block scales for the
// codes found. Never worse than the reference's block, which is the start.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_IQ4_XS_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_IQ4_XS_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

void EncodeIQ4_XSStandard(const float* rows, size_t num_rows, size_t columns, const float* weights,
                          uint8_t* out);
void EncodeIQ4_XSStandardScalar(const float* rows, size_t num_rows, size_t columns,
                                const float* weights, uint8_t* out);

// Every code of each group is tried with the best block scale.
void EncodeIQ4_XSMax(const float* rows, size_t num_rows, size_t columns, const float* weights,
                     uint8_t* out);
void EncodeIQ4_XSMaxScalar(const float* rows, size_t num_rows, size_t columns, const float* weights,
                           uint8_t* out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_IQ4_XS_H_
