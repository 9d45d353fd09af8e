// Q8_0: 32 values, one scale, 8-bit codes. 34 bytes.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_Q8_0_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_Q8_0_H_

#include <cstddef>
#include <cstdint>

#include "formats/codec/runs.h"
#include "gguf/base/float16.h"

namespace gguf {

#pragma pack(push, 1)
struct BlockQ8_0 {
  static constexpr int kValues = 32;

  uint16_t d;  // binary16
  int8_t qs[32];
};
#pragma pack(pop)
static_assert(sizeof(BlockQ8_0) == 34, "BlockQ8_0 is packed");

// x = code * d
GGUF_HOST_DEVICE inline void DecodeRun(const BlockQ8_0& block, int run, float* out) {
  const float d = F16ToF32(block.d);
  uint8_t qs[8];
  LoadBytes<BlockQ8_0, offsetof(BlockQ8_0, qs), 8>(block, run, qs);
  for (int j = 0; j < 8; ++j) out[j] = static_cast<float>(static_cast<int8_t>(qs[j])) * d;
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_Q8_0_H_
