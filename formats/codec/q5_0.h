// Q5_0: 32 values, one scale, 5-bit codes around 16. 22 bytes.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_Q5_0_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_Q5_0_H_

#include <cstdint>

#include "gguf/base/float16.h"

namespace gguf {

#pragma pack(push, 1)
struct BlockQ5_0 {
  static constexpr int kValues = 32;

  uint16_t d;      // binary16
  uint32_t qh;     // bit j: fifth bit of value j
  uint8_t qs[16];  // low nibble: value j, high nibble: value j + 16
};
#pragma pack(pop)
static_assert(sizeof(BlockQ5_0) == 22, "BlockQ5_0 is packed");

// x = (code - 16) * d
GGUF_HOST_DEVICE inline void DecodeBlock(const BlockQ5_0& block, float* out) {
  const float d = F16ToF32(block.d);
  const uint32_t qh = block.qh;
  for (int j = 0; j < 16; ++j) {
    const int low = (block.qs[j] & 15) | static_cast<int>((qh >> j) & 1) << 4;
    const int high = (block.qs[j] >> 4) | static_cast<int>((qh >> (j + 16)) & 1) << 4;
    out[j] = static_cast<float>(low - 16) * d;
    out[j + 16] = static_cast<float>(high - 16) * d;
  }
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_Q5_0_H_
