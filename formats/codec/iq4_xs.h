// IQ4_XS: 256 values in 8 groups with 6-bit scales, 4-bit indices of uneven levels. 136 bytes.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_IQ4_XS_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_IQ4_XS_H_

#include <cstdint>

#include "formats/codec/codebooks/iq4nl.h"
#include "gguf/base/float16.h"

namespace gguf {

#pragma pack(push, 1)
struct BlockIQ4_XS {
  static constexpr int kValues = 256;

  uint16_t d;           // binary16
  uint16_t scales_h;    // bits 2g, 2g + 1: high bits of scale g
  uint8_t scales_l[4];  // nibble g % 2 of byte g / 2: low bits of scale g
  uint8_t qs[128];      // byte 16g + j: value 32g + j in the low nibble, 32g + 16 + j in the high
};
#pragma pack(pop)
static_assert(sizeof(BlockIQ4_XS) == 136, "BlockIQ4_XS is packed");

// The scale of group g (0 to 7), -32 to 31.
GGUF_HOST_DEVICE inline int IQ4_XSScale(const BlockIQ4_XS& block, int g) {
  const int low = (block.scales_l[g / 2] >> (g % 2 * 4)) & 15;
  const int high = (block.scales_h >> (2 * g)) & 3;
  return (low | high << 4) - 32;
}

// x = d * scale * level
GGUF_HOST_DEVICE inline void DecodeBlock(const BlockIQ4_XS& block, float* out) {
  const float d = F16ToF32(block.d);
  for (int g = 0; g < 8; ++g) {
    const float scale = d * static_cast<float>(IQ4_XSScale(block, g));
    const uint8_t* qs = block.qs + 16 * g;
    for (int j = 0; j < 16; ++j) {
      out[32 * g + j] = scale * static_cast<float>(Iq4nl(qs[j] & 15));
      out[32 * g + 16 + j] = scale * static_cast<float>(Iq4nl(qs[j] >> 4));
    }
  }
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_IQ4_XS_H_
