// Q8_0 of lower error than the reference's.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_Q8_0_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_Q8_0_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

// As EncodeRows (encoder.h); `weights` is ignored. No block is worse than the reference's. The
// scalar ones define the bytes.
//
// Scales from the largest value over 127.5 upwards are tried as they can be stored: the error of
// larger ones grows slowly, and varies between neighbours by more than that. Codes are within
// -127 .. 127 and scales positive, as in the reference: programs that read Q8_0 rely on it.
void EncodeQ8_0Standard(const float* rows, size_t num_rows, size_t columns, const float* weights,
                        uint8_t* out);
void EncodeQ8_0StandardScalar(const float* rows, size_t num_rows, size_t columns,
                              const float* weights, uint8_t* out);
void EncodeQ8_0Max(const float* rows, size_t num_rows, size_t columns, const float* weights,
                   uint8_t* out);
void EncodeQ8_0MaxScalar(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_Q8_0_H_
