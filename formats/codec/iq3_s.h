// IQ3_S: 256 values in 8 groups with 4-bit scales; runs of 4 from a grid, all signs stored. 110
// bytes.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_IQ3_S_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_IQ3_S_H_

#include <cstdint>

#include "formats/codec/codebooks/iq3s.h"
#include "formats/codec/runs.h"
#include "formats/codec/signed_grid.h"
#include "gguf/base/float16.h"

namespace gguf {

#pragma pack(push, 1)
struct BlockIQ3_S {
  static constexpr int kValues = 256;

  uint16_t d;         // binary16
  uint8_t qs[64];     // low bits of the grid index of values 4k..4k + 3
  uint8_t qh[8];      // bit k % 8 of byte k / 8: ninth bit of grid index k
  uint8_t signs[32];  // bit i % 8 of byte i / 8: value i is negated
  uint8_t scales[4];  // nibble g % 2 of byte g / 2: values 32g..32g + 31
};
#pragma pack(pop)
static_assert(sizeof(BlockIQ3_S) == 110, "BlockIQ3_S is packed");

// x = d * (1 + 2 * scale) * grid value, negated where its sign bit is set
GGUF_HOST_DEVICE inline void DecodeRun(const BlockIQ3_S& block, int run, float* out) {
  const int nibble = (block.scales[run / 8] >> (run / 4 % 2 * 4)) & 15;
  const float scale = F16ToF32(block.d) * static_cast<float>(1 + 2 * nibble);
  const int high = block.qh[run / 4] >> (run % 4 * 2);
  const int signs = block.signs[run];
  DecodeSigned<4>(Iq3s(block.qs[2 * run] | (high & 1) << 8), signs, scale, out);
  DecodeSigned<4>(Iq3s(block.qs[2 * run + 1] | (high >> 1 & 1) << 8), signs >> 4, scale, out + 4);
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_IQ3_S_H_
