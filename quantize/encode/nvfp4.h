// NVFP4. The scale of 16 values is a sixth of their largest magnitude, rounded to UE4M3 half up;
// the codes are the nearest ones under that scale.
//
// The contract is EncodeRows in encoder.h; both functions give the same bytes, `weights` are
// ignored.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_NVFP4_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_NVFP4_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

void EncodeNVFP4(const float* rows, size_t num_rows, size_t columns, const float* weights,
                 uint8_t* out);
void EncodeNVFP4Reference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                          uint8_t* out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_NVFP4_H_
