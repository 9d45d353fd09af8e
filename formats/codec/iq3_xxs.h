// IQ3_XXS: 256 values in 8 groups with 4-bit scales; runs of 4 from a grid, signs in 7 bits per 8.
// 98 bytes.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_IQ3_XXS_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_IQ3_XXS_H_

#include <cstdint>

#include "formats/codec/codebooks/iq3xxs.h"
#include "formats/codec/codebooks/ksigns.h"
#include "formats/codec/runs.h"
#include "formats/codec/signed_grid.h"
#include "gguf/base/float16.h"

namespace gguf {

#pragma pack(push, 1)
struct BlockIQ3_XXS {
  static constexpr int kValues = 256;

  uint16_t d;                   // binary16
  uint8_t qs[64];               // grid index of values 4k..4k + 3
  uint32_t signs_and_scale[8];  // group g: bits 7l..7l + 6 index in Ksigns of its values 8l..8l +
                                // 7; bits 28..31: scale
};
#pragma pack(pop)
static_assert(sizeof(BlockIQ3_XXS) == 98, "BlockIQ3_XXS is packed");

// x = d * (0.5 + scale) / 2 * grid value, negated where its sign bit is set
GGUF_HOST_DEVICE inline void DecodeRun(const BlockIQ3_XXS& block, int run, float* out) {
  const uint32_t word = block.signs_and_scale[run / 4];
  const float scale = F16ToF32(block.d) * (0.5f + static_cast<float>(word >> 28)) * 0.5f;
  const int signs = Ksigns((word >> (7 * (run % 4))) & 127);
  DecodeSigned<4>(Iq3xxs(block.qs[2 * run]), signs, scale, out);
  DecodeSigned<4>(Iq3xxs(block.qs[2 * run + 1]), signs >> 4, scale, out + 4);
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_IQ3_XXS_H_
