// TQ1_0: 256 ternary values, five per byte, one scale. 54 bytes.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_TQ1_0_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_TQ1_0_H_

#include <cstdint>

#include "gguf/base/float16.h"

namespace gguf {

#pragma pack(push, 1)
struct BlockTQ1_0 {
  static constexpr int kValues = 256;

  // A byte holds digits d0..d4 of base 3 as the fraction ceil(256 / 243 * sum(dn * 3^(4 - n))).
  uint8_t qs[48];  // digit n of byte j < 32: value 32n + j; of byte 32 + j: value 160 + 16n + j
  uint8_t qh[4];   // digit n < 4 of byte j: value 240 + 4n + j
  uint16_t d;      // binary16
};
#pragma pack(pop)
static_assert(sizeof(BlockTQ1_0) == 54, "BlockTQ1_0 is packed");

// Digit n of a byte, 0 to 2; `power` is 3^n.
GGUF_HOST_DEVICE inline int TernaryDigit(uint8_t byte, int power) {
  return (byte * power & 255) * 3 >> 8;
}

// x = (digit - 1) * d
GGUF_HOST_DEVICE inline void DecodeBlock(const BlockTQ1_0& block, float* out) {
  const float d = F16ToF32(block.d);
  int power = 1;
  for (int n = 0; n < 5; ++n) {
    for (int j = 0; j < 32; ++j) {
      out[32 * n + j] = static_cast<float>(TernaryDigit(block.qs[j], power) - 1) * d;
    }
    for (int j = 0; j < 16; ++j) {
      out[160 + 16 * n + j] = static_cast<float>(TernaryDigit(block.qs[32 + j], power) - 1) * d;
    }
    for (int j = 0; n < 4 && j < 4; ++j) {
      out[240 + 4 * n + j] = static_cast<float>(TernaryDigit(block.qh[j], power) - 1) * d;
    }
    power *= 3;
  }
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_TQ1_0_H_
