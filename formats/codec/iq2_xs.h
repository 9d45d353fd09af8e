// IQ2_XS: 256 values in 16 sub-blocks with 4-bit scales; runs of 8 from a grid, signs in 7 bits. 74
// bytes.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_IQ2_XS_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_IQ2_XS_H_

#include <cstdint>

#include "formats/codec/codebooks/iq2xs.h"
#include "formats/codec/codebooks/ksigns.h"
#include "formats/codec/runs.h"
#include "formats/codec/signed_grid.h"
#include "gguf/base/float16.h"

namespace gguf {

#pragma pack(push, 1)
struct BlockIQ2_XS {
  static constexpr int kValues = 256;

  uint16_t d;         // binary16
  uint16_t qs[32];    // of values 8k..8k + 7: bits 0..8 index in the grid, bits 9..15 in Ksigns
  uint8_t scales[8];  // nibble b % 2 of byte b / 2: values 16b..16b + 15
};
#pragma pack(pop)
static_assert(sizeof(BlockIQ2_XS) == 74, "BlockIQ2_XS is packed");

// x = d * (0.5 + scale) / 4 * grid value, negated where its sign bit is set
GGUF_HOST_DEVICE inline void DecodeRun(const BlockIQ2_XS& block, int run, float* out) {
  const int nibble = (block.scales[run / 4] >> (run / 2 % 2 * 4)) & 15;
  const float scale = F16ToF32(block.d) * (0.5f + static_cast<float>(nibble)) * 0.25f;
  const int word = block.qs[run];
  DecodeSigned<8>(Iq2xs(word & 511), Ksigns(word >> 9), scale, out);
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_IQ2_XS_H_
