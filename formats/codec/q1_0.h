// Q1_0: 128 values, one scale, only the sign of each. 18 bytes.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_Q1_0_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_Q1_0_H_

#include <cstdint>

#include "formats/codec/runs.h"
#include "gguf/base/float16.h"

namespace gguf {

#pragma pack(push, 1)
struct BlockQ1_0 {
  static constexpr int kValues = 128;

  uint16_t d;      // binary16
  uint8_t qs[16];  // bit j % 8 of byte j / 8: value j is not negated
};
#pragma pack(pop)
static_assert(sizeof(BlockQ1_0) == 18, "BlockQ1_0 is packed");

// x = bit ? d : -d
GGUF_HOST_DEVICE inline void DecodeRun(const BlockQ1_0& block, int run, float* out) {
  const float d = F16ToF32(block.d);
  const int bits = block.qs[run];
  for (int j = 0; j < 8; ++j) out[j] = (bits >> j) & 1 ? d : -d;
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_Q1_0_H_
