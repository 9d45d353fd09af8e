// IQ2_XXS: 256 values in 8 groups with 4-bit scales; runs of 8 from a grid, signs in 7 bits. 66
// bytes.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_IQ2_XXS_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_IQ2_XXS_H_

#include <cstdint>

#include "formats/codec/codebooks/iq2xxs.h"
#include "formats/codec/codebooks/ksigns.h"
#include "formats/codec/runs.h"
#include "formats/codec/signed_grid.h"
#include "gguf/base/float16.h"

namespace gguf {

#pragma pack(push, 1)
struct BlockIQ2_XXS {
  static constexpr int kValues = 256;

  struct Group {
    uint8_t index[4];          // in the grid, of run l: values 8l..8l + 7 of the group
    uint32_t signs_and_scale;  // bits 7l..7l + 6: index in Ksigns of run l; bits 28..31: scale
  };

  uint16_t d;  // binary16
  Group qs[8];
};
#pragma pack(pop)
static_assert(sizeof(BlockIQ2_XXS) == 66, "BlockIQ2_XXS is packed");

// x = d * (0.5 + scale) / 4 * grid value, negated where its sign bit is set
GGUF_HOST_DEVICE inline void DecodeRun(const BlockIQ2_XXS& block, int run, float* out) {
  const int l = run % 4;
  const uint32_t word = block.qs[run / 4].signs_and_scale;
  const float scale = F16ToF32(block.d) * (0.5f + static_cast<float>(word >> 28)) * 0.25f;
  const int signs = Ksigns((word >> (7 * l)) & 127);
  DecodeSigned<8>(Iq2xxs(block.qs[run / 4].index[l]), signs, scale, out);
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_IQ2_XXS_H_
