// A run of grid values under a scale and a sign mask, shared by the IQ2 and IQ3 types.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_SIGNED_GRID_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_SIGNED_GRID_H_

#include <cstdint>

#include "gguf/base/float16.h"

namespace gguf {

// out[j] = scale * grid[j], negated where bit j of `signs` is set.
template <int kLength>
GGUF_HOST_DEVICE inline void DecodeSigned(const uint8_t* grid, int signs, float scale, float* out) {
  for (int j = 0; j < kLength; ++j) {
    const float magnitude = scale * static_cast<float>(grid[j]);
    out[j] = (signs >> j) & 1 ? -magnitude : magnitude;
  }
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_SIGNED_GRID_H_
