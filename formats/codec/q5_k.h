// Q5_K: 256 values in 8 sub-blocks with 6-bit scales and minimums, 5-bit codes. 176 bytes.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_Q5_K_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_Q5_K_H_

#include <cstdint>

#include "formats/codec/k_scales.h"
#include "gguf/base/float16.h"

namespace gguf {

#pragma pack(push, 1)
struct BlockQ5_K {
  static constexpr int kValues = 256;

  uint16_t d;          // binary16, of the scales
  uint16_t dmin;       // binary16, of the minimums
  uint8_t scales[12];  // see k_scales.h
  uint8_t qh[32];      // bit i / 32 of byte i % 32: fifth bit of value i
  uint8_t qs[128];     // byte 32g + l: value 64g + l in the low nibble, 64g + 32 + l in the high
};
#pragma pack(pop)
static_assert(sizeof(BlockQ5_K) == 176, "BlockQ5_K is packed");

// x = d * scale * code - dmin * minimum
GGUF_HOST_DEVICE inline void DecodeBlock(const BlockQ5_K& block, float* out) {
  const float d = F16ToF32(block.d);
  const float dmin = F16ToF32(block.dmin);
  for (int b = 0; b < 8; ++b) {
    const float scale = d * static_cast<float>(KScale(block.scales, b));
    const float minimum = dmin * static_cast<float>(KMinimum(block.scales, b));
    const uint8_t* qs = block.qs + b / 2 * 32;
    const int shift = b % 2 * 4;
    for (int j = 0; j < 32; ++j) {
      const int code = ((qs[j] >> shift) & 15) | ((block.qh[j] >> b) & 1) << 4;
      out[32 * b + j] = scale * static_cast<float>(code) - minimum;
    }
  }
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_Q5_K_H_
