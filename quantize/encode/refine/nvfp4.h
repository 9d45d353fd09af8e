// NVFP4 with the scale of least error for every group of 16 values.
//
// The reference scales the largest magnitude of a group to the largest level, 6. Here every UE4M3
// scale that can be better is tried, and the one with the least sum of squared errors is kept, the
// reference's, then the nearest to it, of equal ones:
// - downwards until clipping the largest magnitude alone costs as much as the best scale so far;
// - upwards while the largest magnitude is above 2.5 scales: beyond, half the scale has all levels
//   in use, where there is one. (From code 16 on it is 8 codes lower; below, odd codes have none.)
//
// Groups with magnitudes beyond 5376, twice the largest value, are the reference's.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_NVFP4_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_NVFP4_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

void EncodeNVFP4Standard(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out);
void EncodeNVFP4StandardScalar(const float* rows, size_t num_rows, size_t columns,
                               const float* weights, uint8_t* out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_NVFP4_H_
