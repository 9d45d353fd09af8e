// Q5_1: 32 values, scale and minimum, 5-bit codes. 24 bytes.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_Q5_1_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_Q5_1_H_

#include <cstdint>

#include "gguf/base/float16.h"

namespace gguf {

#pragma pack(push, 1)
struct BlockQ5_1 {
  static constexpr int kValues = 32;

  uint16_t d;      // binary16
  uint16_t m;      // binary16
  uint32_t qh;     // bit j: fifth bit of value j
  uint8_t qs[16];  // low nibble: value j, high nibble: value j + 16
};
#pragma pack(pop)
static_assert(sizeof(BlockQ5_1) == 24, "BlockQ5_1 is packed");

// x = code * d + m
GGUF_HOST_DEVICE inline void DecodeBlock(const BlockQ5_1& block, float* out) {
  const float d = F16ToF32(block.d);
  const float m = F16ToF32(block.m);
  const uint32_t qh = block.qh;
  for (int j = 0; j < 16; ++j) {
    const int low = (block.qs[j] & 15) | static_cast<int>((qh >> j) & 1) << 4;
    const int high = (block.qs[j] >> 4) | static_cast<int>((qh >> (j + 16)) & 1) << 4;
    out[j] = static_cast<float>(low) * d + m;
    out[j + 16] = static_cast<float>(high) * d + m;
  }
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_Q5_1_H_
