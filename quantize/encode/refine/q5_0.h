// Q5_0 of lower error than the reference's, under the weights of error_weights.h.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_Q5_0_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_Q5_0_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

// As EncodeRows (encoder.h); no block is worse than the reference's. The scalar ones define the
// bytes.
void EncodeQ5_0Standard(const float* rows, size_t num_rows, size_t columns, const float* weights,
                        uint8_t* out);
void EncodeQ5_0StandardScalar(const float* rows, size_t num_rows, size_t columns,
                              const float* weights, uint8_t* out);
void EncodeQ5_0Max(const float* rows, size_t num_rows, size_t columns, const float* weights,
                   uint8_t* out);
void EncodeQ5_0MaxScalar(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_Q5_0_H_
