// Q4_0: 32 values, one scale, 4-bit codes around 8. 18 bytes.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_Q4_0_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_Q4_0_H_

#include <cstddef>
#include <cstdint>

#include "formats/codec/runs.h"
#include "gguf/base/float16.h"

namespace gguf {

#pragma pack(push, 1)
struct BlockQ4_0 {
  static constexpr int kValues = 32;

  uint16_t d;      // binary16
  uint8_t qs[16];  // low nibble: value j, high nibble: value j + 16
};
#pragma pack(pop)
static_assert(sizeof(BlockQ4_0) == 18, "BlockQ4_0 is packed");

// x = (code - 8) * d
GGUF_HOST_DEVICE inline void DecodeRun(const BlockQ4_0& block, int run, float* out) {
  const float d = F16ToF32(block.d);
  const int shift = run / 2 * 4;
  uint8_t qs[8];
  LoadBytes<BlockQ4_0, offsetof(BlockQ4_0, qs), 8>(block, run % 2, qs);
  for (int j = 0; j < 8; ++j) {
    out[j] = static_cast<float>(((qs[j] >> shift) & 15) - 8) * d;
  }
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_Q4_0_H_
