// IQ4_XS: 256 values in 8 groups with 6-bit scales, 4-bit indices of uneven levels. 136 bytes.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_IQ4_XS_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_IQ4_XS_H_

#include <cstddef>
#include <cstdint>

#include "formats/codec/codebooks/iq4nl.h"
#include "formats/codec/runs.h"
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
GGUF_HOST_DEVICE inline void DecodeRun(const BlockIQ4_XS& block, int run, float* out) {
  const int g = run / 4;
  const float scale = F16ToF32(block.d) * static_cast<float>(IQ4_XSScale(block, g));
  const int shift = run / 2 % 2 * 4;
  uint8_t qs[8];
  LoadBytes<BlockIQ4_XS, offsetof(BlockIQ4_XS, qs), 8>(block, 2 * g + run % 2, qs);
  for (int j = 0; j < 8; ++j) {
    out[j] = scale * static_cast<float>(Iq4nl((qs[j] >> shift) & 15));
  }
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_IQ4_XS_H_
