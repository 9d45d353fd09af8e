// IQ1_S and IQ1_M of lower error than the reference's: grid points from all 2048, chosen for the
// scale that is stored, together with the scale codes and shifts; the block's scale by least
// squares, from several starts.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_IQ1_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_IQ1_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

// As EncodeRows (encoder.h); IQ1_S requires weights. No block is worse than the reference's under
// the weights of error_weights.h. The Scalar ones define the bytes.
void EncodeIQ1_SStandard(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out);
void EncodeIQ1_SStandardScalar(const float* rows, size_t num_rows, size_t columns,
                               const float* weights, uint8_t* out);
void EncodeIQ1_SMax(const float* rows, size_t num_rows, size_t columns, const float* weights,
                    uint8_t* out);
void EncodeIQ1_SMaxScalar(const float* rows, size_t num_rows, size_t columns, const float* weights,
                          uint8_t* out);
void EncodeIQ1_MStandard(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out);
void EncodeIQ1_MStandardScalar(const float* rows, size_t num_rows, size_t columns,
                               const float* weights, uint8_t* out);
void EncodeIQ1_MMax(const float* rows, size_t num_rows, size_t columns, const float* weights,
                    uint8_t* out);
void EncodeIQ1_MMaxScalar(const float* rows, size_t num_rows, size_t columns, const float* weights,
                          uint8_t* out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_IQ1_H_
