// NVFP4: 64 E2M1 values in four groups of 16, each under a UE4M3 scale. 36 bytes.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_NVFP4_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_NVFP4_H_

#include <cstddef>
#include <cstdint>

#include "formats/codec/codebooks/fp4_e2m1_x2.h"
#include "formats/codec/runs.h"
#include "gguf/base/float16.h"

namespace gguf {

#pragma pack(push, 1)
struct BlockNVFP4 {
  static constexpr int kValues = 64;

  uint8_t d[4];    // UE4M3, of values 16s..16s + 15
  uint8_t qs[32];  // byte 8s + j: value 16s + j in the low nibble, 16s + 8 + j in the high
};
#pragma pack(pop)
static_assert(sizeof(BlockNVFP4) == 36, "BlockNVFP4 is packed");

// Half the value of an unsigned E4M3 byte: bit 7 is ignored, 0x7F (NaN in signed E4M3) is 0 and
// 0xFF is 240.
GGUF_HOST_DEVICE inline float UE4M3Half(uint8_t bits) {
  if (bits == 0x7F) return 0.0f;
  const uint32_t exponent = (bits >> 3) & 15u;
  const uint32_t mantissa = bits & 7u;
  if (exponent == 0) return static_cast<float>(mantissa) * 0.0009765625f;  // 2^-10
  return FloatOf((exponent + 119) << 23 | mantissa << 20);
}

// x = doubled E2M1 value * half the scale
GGUF_HOST_DEVICE inline void DecodeRun(const BlockNVFP4& block, int run, float* out) {
  const int s = run / 2;
  const float half_scale = UE4M3Half(block.d[s]);
  const int shift = run % 2 * 4;
  uint8_t qs[8];
  LoadBytes<BlockNVFP4, offsetof(BlockNVFP4, qs), 8>(block, s, qs);
  for (int j = 0; j < 8; ++j) {
    out[j] = static_cast<float>(Fp4E2m1X2((qs[j] >> shift) & 15)) * half_scale;
  }
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_NVFP4_H_
