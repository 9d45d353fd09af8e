// Q4_0: 32 values, one scale, 4-bit codes around 8. 18 bytes.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_Q4_0_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_Q4_0_H_

#include <cstdint>

#include "gguf/base/float16.h"

namespace gguf {

#pragma pack(push, 1)
struct BlockQ4_0 {
  static constexpr int kValues = 32;

  uint16_t d;      // binary16
  uint8_t qs[16];  // low nibble: value j, high nibble: value j + 16
};
#pragma pack(pop)
static_assert(sizeof(BlockQ4_0) == 18, "BlockQ4_0 is packed");

// x = (code - 8) * d
GGUF_HOST_DEVICE inline void DecodeBlock(const BlockQ4_0& block, float* out) {
  const float d = F16ToF32(block.d);
  for (int j = 0; j < 16; ++j) {
    out[j] = static_cast<float>((block.qs[j] & 15) - 8) * d;
    out[j + 16] = static_cast<float>((block.qs[j] >> 4) - 8) * d;
  }
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_Q4_0_H_
