// IQ3_XXS: 256 values in 8 groups with 4-bit scales; runs of 4 from a grid, signs in 7 bits per 8.
// 98 bytes.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_IQ3_XXS_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_IQ3_XXS_H_

#include <cstdint>

#include "formats/codec/codebooks/iq3xxs.h"
#include "formats/codec/codebooks/ksigns.h"
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
GGUF_HOST_DEVICE inline void DecodeBlock(const BlockIQ3_XXS& block, float* out) {
  const float d = F16ToF32(block.d);
  for (int g = 0; g < 8; ++g) {
    const uint32_t word = block.signs_and_scale[g];
    const float scale = d * (0.5f + static_cast<float>(word >> 28)) * 0.5f;
    for (int l = 0; l < 4; ++l) {
      const int signs = Ksigns((word >> (7 * l)) & 127);
      const uint8_t* index = block.qs + 8 * g + 2 * l;
      DecodeSigned<4>(Iq3xxs(index[0]), signs, scale, out + 32 * g + 8 * l);
      DecodeSigned<4>(Iq3xxs(index[1]), signs >> 4, scale, out + 32 * g + 8 * l + 4);
    }
  }
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_IQ3_XXS_H_
