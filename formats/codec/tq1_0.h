// TQ1_0: 256 ternary values, five per byte, one scale. 54 bytes.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_TQ1_0_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_TQ1_0_H_

#include <cstdint>

#include "formats/codec/runs.h"
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
GGUF_HOST_DEVICE inline void DecodeRun(const BlockTQ1_0& block, int run, float* out) {
  constexpr int kPowers[5] = {1, 3, 9, 27, 81};
  const float d = F16ToF32(block.d);
  for (int j = 0; j < 8; ++j) {
    int byte, power;
    if (run < 20) {
      byte = block.qs[run % 4 * 8 + j];
      power = kPowers[run / 4];
    } else if (run < 30) {
      byte = block.qs[32 + run % 2 * 8 + j];
      power = kPowers[(run - 20) / 2];
    } else {
      byte = block.qh[j % 4];
      power = kPowers[(run - 30) * 2 + j / 4];
    }
    out[j] = static_cast<float>(TernaryDigit(static_cast<uint8_t>(byte), power) - 1) * d;
  }
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_TQ1_0_H_
