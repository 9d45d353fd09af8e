// MXFP4. The scale is the power of two of the largest magnitude of 32 values, two below (E2M1 ends
// at 6 = 1.5 * 2^2); the codes are the nearest ones under that scale.
//
// The contract is EncodeRows in encoder.h; both functions give the same bytes, `weights` are
// ignored.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_MXFP4_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_MXFP4_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

void EncodeMXFP4(const float* rows, size_t num_rows, size_t columns, const float* weights,
                 uint8_t* out);
void EncodeMXFP4Reference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                          uint8_t* out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_MXFP4_H_
