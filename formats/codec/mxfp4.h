// MXFP4 (OCP Microscaling Formats 1.0): 32 E2M1 values under an E8M0 scale. 17 bytes.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_MXFP4_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_MXFP4_H_

#include <cstddef>
#include <cstdint>

#include "formats/codec/codebooks/fp4_e2m1_x2.h"
#include "formats/codec/runs.h"
#include "gguf/base/float16.h"

namespace gguf {

#pragma pack(push, 1)
struct BlockMXFP4 {
  static constexpr int kValues = 32;

  uint8_t e;       // E8M0: 2^(e - 127); 255 is NaN and may not be written
  uint8_t qs[16];  // low nibble: value j, high nibble: value j + 16
};
#pragma pack(pop)
static_assert(sizeof(BlockMXFP4) == 17, "BlockMXFP4 is packed");

// 2^(e - 128): half the scale, as the code table is doubled. The first two are subnormal.
GGUF_HOST_DEVICE inline float E8M0Half(uint8_t e) {
  return FloatOf(e < 2 ? 0x00200000u << e : static_cast<uint32_t>(e - 1) << 23);
}

// x = doubled E2M1 value * half the scale; infinite for the largest codes where e >= 253
GGUF_HOST_DEVICE inline void DecodeRun(const BlockMXFP4& block, int run, float* out) {
  const float half_scale = E8M0Half(block.e);
  const int shift = run / 2 * 4;
  uint8_t qs[8];
  LoadBytes<BlockMXFP4, offsetof(BlockMXFP4, qs), 8>(block, run % 2, qs);
  for (int j = 0; j < 8; ++j) {
    out[j] = static_cast<float>(Fp4E2m1X2((qs[j] >> shift) & 15)) * half_scale;
  }
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_MXFP4_H_
