// IQ4_NL: 32 values, one scale, 4-bit indices of uneven levels. 18 bytes.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_IQ4_NL_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_IQ4_NL_H_

#include <cstddef>
#include <cstdint>

#include "formats/codec/codebooks/iq4nl.h"
#include "formats/codec/runs.h"
#include "gguf/base/float16.h"

namespace gguf {

#pragma pack(push, 1)
struct BlockIQ4_NL {
  static constexpr int kValues = 32;

  uint16_t d;      // binary16
  uint8_t qs[16];  // low nibble: value j, high nibble: value j + 16
};
#pragma pack(pop)
static_assert(sizeof(BlockIQ4_NL) == 18, "BlockIQ4_NL is packed");

// x = d * level
GGUF_HOST_DEVICE inline void DecodeRun(const BlockIQ4_NL& block, int run, float* out) {
  const float d = F16ToF32(block.d);
  const int shift = run / 2 * 4;
  uint8_t qs[8];
  LoadBytes<BlockIQ4_NL, offsetof(BlockIQ4_NL, qs), 8>(block, run % 2, qs);
  for (int j = 0; j < 8; ++j) {
    out[j] = d * static_cast<float>(Iq4nl((qs[j] >> shift) & 15));
  }
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_IQ4_NL_H_
