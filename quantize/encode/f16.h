// F32, F16 and BF16: plain conversions, rounding to nearest even. Weights are ignored.
//
// The contract is EncodeRows in encoder.h; each pair of functions gives the same bytes.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_F16_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_F16_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

// A copy.
void EncodeF32(const float* rows, size_t num_rows, size_t columns, const float* weights,
               uint8_t* out);

// Magnitudes of 65520 and above become infinity; a NaN becomes sign | 0x7E00.
void EncodeF16(const float* rows, size_t num_rows, size_t columns, const float* weights,
               uint8_t* out);
void EncodeF16Reference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                        uint8_t* out);

void EncodeBF16(const float* rows, size_t num_rows, size_t columns, const float* weights,
                uint8_t* out);
void EncodeBF16Reference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_F16_H_
