// TQ2_0: 256 ternary values in 2 bits each, one scale. 66 bytes.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_TQ2_0_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_TQ2_0_H_

#include <cstddef>
#include <cstdint>

#include "formats/codec/runs.h"
#include "gguf/base/float16.h"

namespace gguf {

#pragma pack(push, 1)
struct BlockTQ2_0 {
  static constexpr int kValues = 256;

  uint8_t qs[64];  // bits 2c, 2c + 1 of byte 32h + l: value 128h + 32c + l
  uint16_t d;      // binary16
};
#pragma pack(pop)
static_assert(sizeof(BlockTQ2_0) == 66, "BlockTQ2_0 is packed");

// x = (code - 1) * d; the unused code 3 is 2d
GGUF_HOST_DEVICE inline void DecodeRun(const BlockTQ2_0& block, int run, float* out) {
  const float d = F16ToF32(block.d);
  const int shift = run / 4 % 4 * 2;
  uint8_t qs[8];
  LoadBytes<BlockTQ2_0, offsetof(BlockTQ2_0, qs), 8>(block, run / 16 * 4 + run % 4, qs);
  for (int j = 0; j < 8; ++j) {
    out[j] = static_cast<float>(((qs[j] >> shift) & 3) - 1) * d;
  }
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_TQ2_0_H_
