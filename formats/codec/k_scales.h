// The twelve bytes of Q4_K and Q5_K with eight 6-bit scales and eight 6-bit minimums.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_K_SCALES_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_K_SCALES_H_

#include <cstdint>

#include "gguf/base/float16.h"

namespace gguf {

// Sub-block b (0 to 7). Bytes 0 to 3 and 4 to 7 hold scale and minimum of the lower four sub-blocks
// in their low six bits; bytes 8 to 11 the low nibbles of the upper four, whose high bits are in
// the free bits of the other bytes.
GGUF_HOST_DEVICE inline int KScale(const uint8_t* scales, int b) {
  return b < 4 ? scales[b] & 63 : (scales[b + 4] & 15) | (scales[b - 4] >> 6) << 4;
}

GGUF_HOST_DEVICE inline int KMinimum(const uint8_t* scales, int b) {
  return b < 4 ? scales[b + 4] & 63 : (scales[b + 4] >> 4) | (scales[b] >> 6) << 4;
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_K_SCALES_H_
