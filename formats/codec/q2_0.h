// Q2_0: 64 values, one scale, 2-bit codes for -d, 0, d, 2d. 18 bytes.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_Q2_0_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_Q2_0_H_

#include <cstdint>

#include "formats/codec/runs.h"
#include "gguf/base/float16.h"

namespace gguf {

#pragma pack(push, 1)
struct BlockQ2_0 {
  static constexpr int kValues = 64;

  uint16_t d;      // binary16
  uint8_t qs[16];  // bits 2c, 2c + 1 of byte i: value 4i + c
};
#pragma pack(pop)
static_assert(sizeof(BlockQ2_0) == 18, "BlockQ2_0 is packed");

// x = (code - 1) * d
GGUF_HOST_DEVICE inline void DecodeRun(const BlockQ2_0& block, int run, float* out) {
  const float d = F16ToF32(block.d);
  const int codes = block.qs[2 * run] | block.qs[2 * run + 1] << 8;
  for (int j = 0; j < 8; ++j) out[j] = static_cast<float>(((codes >> (2 * j)) & 3) - 1) * d;
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_Q2_0_H_
