// Q3_K of lower error than the reference's, under the weights of error_weights.h.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_Q3_K_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_Q3_K_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

// As EncodeRows (encoder.h); no block is worse than the reference's. The scalar ones define the
// bytes.
void EncodeQ3_KStandard(const float* rows, size_t num_rows, size_t columns, const float* weights,
                        uint8_t* out);
void EncodeQ3_KStandardScalar(const float* rows, size_t num_rows, size_t columns,
                              const float* weights, uint8_t* out);
void EncodeQ3_KMax(const float* rows, size_t num_rows, size_t columns, const float* weights,
                   uint8_t* out);
void EncodeQ3_KMaxScalar(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_Q3_K_H_
