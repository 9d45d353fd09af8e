// Q4_1: 32 values, scale and minimum, 4-bit codes. 20 bytes.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_Q4_1_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_Q4_1_H_

#include <cstdint>

#include "gguf/base/float16.h"

namespace gguf {

#pragma pack(push, 1)
struct BlockQ4_1 {
  static constexpr int kValues = 32;

  uint16_t d;      // binary16
  uint16_t m;      // binary16
  uint8_t qs[16];  // low nibble: value j, high nibble: value j + 16
};
#pragma pack(pop)
static_assert(sizeof(BlockQ4_1) == 20, "BlockQ4_1 is packed");

// x = code * d + m
GGUF_HOST_DEVICE inline void DecodeBlock(const BlockQ4_1& block, float* out) {
  const float d = F16ToF32(block.d);
  const float m = F16ToF32(block.m);
  for (int j = 0; j < 16; ++j) {
    out[j] = static_cast<float>(block.qs[j] & 15) * d + m;
    out[j + 16] = static_cast<float>(block.qs[j] >> 4) * d + m;
  }
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_Q4_1_H_
