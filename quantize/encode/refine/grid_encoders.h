// The encoders of the IQ2 and IQ3 types at the efforts above the reference's.
//
// The contract is EncodeRows in encoder.h; each function and its Scalar twin give the same bytes.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_GRID_ENCODERS_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_GRID_ENCODERS_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

// `weights` must not be null.
void EncodeIQ2_XXSStandard(const float* rows, size_t num_rows, size_t columns, const float* weights,
                           uint8_t* out);
void EncodeIQ2_XXSStandardScalar(const float* rows, size_t num_rows, size_t columns,
                                 const float* weights, uint8_t* out);
void EncodeIQ2_XXSMax(const float* rows, size_t num_rows, size_t columns, const float* weights,
                      uint8_t* out);
void EncodeIQ2_XXSMaxScalar(const float* rows, size_t num_rows, size_t columns,
                            const float* weights, uint8_t* out);

// `weights` must not be null.
void EncodeIQ2_XSStandard(const float* rows, size_t num_rows, size_t columns, const float* weights,
                          uint8_t* out);
void EncodeIQ2_XSStandardScalar(const float* rows, size_t num_rows, size_t columns,
                                const float* weights, uint8_t* out);
void EncodeIQ2_XSMax(const float* rows, size_t num_rows, size_t columns, const float* weights,
                     uint8_t* out);
void EncodeIQ2_XSMaxScalar(const float* rows, size_t num_rows, size_t columns, const float* weights,
                           uint8_t* out);

void EncodeIQ2_SStandard(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out);
void EncodeIQ2_SStandardScalar(const float* rows, size_t num_rows, size_t columns,
                               const float* weights, uint8_t* out);
void EncodeIQ2_SMax(const float* rows, size_t num_rows, size_t columns, const float* weights,
                    uint8_t* out);
void EncodeIQ2_SMaxScalar(const float* rows, size_t num_rows, size_t columns, const float* weights,
                          uint8_t* out);

void EncodeIQ3_XXSStandard(const float* rows, size_t num_rows, size_t columns, const float* weights,
                           uint8_t* out);
void EncodeIQ3_XXSStandardScalar(const float* rows, size_t num_rows, size_t columns,
                                 const float* weights, uint8_t* out);
void EncodeIQ3_XXSMax(const float* rows, size_t num_rows, size_t columns, const float* weights,
                      uint8_t* out);
void EncodeIQ3_XXSMaxScalar(const float* rows, size_t num_rows, size_t columns,
                            const float* weights, uint8_t* out);

void EncodeIQ3_SStandard(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out);
void EncodeIQ3_SStandardScalar(const float* rows, size_t num_rows, size_t columns,
                               const float* weights, uint8_t* out);
void EncodeIQ3_SMax(const float* rows, size_t num_rows, size_t columns, const float* weights,
                    uint8_t* out);
void EncodeIQ3_SMaxScalar(const float* rows, size_t num_rows, size_t columns, const float* weights,
                          uint8_t* out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_GRID_ENCODERS_H_
