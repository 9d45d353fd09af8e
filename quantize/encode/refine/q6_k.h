// Q6_K of lower error than the reference's, under the weights of error_weights.h.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_Q6_K_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_Q6_K_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

// As EncodeRows (encoder.h); no block is worse than the reference's. The scalar ones define the
// bytes.
void EncodeQ6_KStandard(const float* rows, size_t num_rows, size_t columns, const float* weights,
                        uint8_t* out);
void EncodeQ6_KStandardScalar(const float* rows, size_t num_rows, size_t columns,
                              const float* weights, uint8_t* out);
void EncodeQ6_KMax(const float* rows, size_t num_rows, size_t columns, const float* weights,
                   uint8_t* out);
void EncodeQ6_KMaxScalar(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_Q6_K_H_
