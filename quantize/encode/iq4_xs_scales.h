// The scales of a block of IQ4_XS: the reference's choice, and their places in the block.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ4_XS_SCALES_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ4_XS_SCALES_H_

#include <cstddef>
#include <cstdint>

#include "formats/codec/iq4_xs.h"
#include "gguf/base/float16.h"
#include "quantize/encode/rounding.h"
#include "quantize/encode/signed_search.h"

namespace gguf {

inline constexpr size_t kIQ4_XSGroups = 8;
inline constexpr int32_t kLeastIQ4_XSScale = -32;
inline constexpr int32_t kGreatestIQ4_XSScale = 31;

// Writes the codes of the scales of the groups (-32 to 31) and returns the block scale, not yet
// rounded to binary16: the scale of largest magnitude has code -32.
inline float ReferenceIQ4_XSScales(const float* scales, int32_t* codes) {
  const float d = -FirstLargest(scales, kIQ4_XSGroups) / 32.0f;
  const float inverse = d != 0.0f ? 1.0f / d : 0.0f;
  for (size_t g = 0; g < kIQ4_XSGroups; ++g) {
    codes[g] = ClampCode(RoundByBits(inverse * scales[g]), kLeastIQ4_XSScale, kGreatestIQ4_XSScale);
  }
  return d;
}

inline void StoreIQ4_XSScales(float d, const int32_t* codes, BlockIQ4_XS& block) {
  block.d = F32ToF16(d);
  uint32_t low = 0, high = 0;
  for (size_t g = 0; g < kIQ4_XSGroups; ++g) {
    low |= static_cast<uint32_t>((codes[g] + 32) & 15) << (4 * g);
    high |= static_cast<uint32_t>((codes[g] + 32) >> 4) << (2 * g);
  }
  block.scales_h = static_cast<uint16_t>(high);
  for (size_t b = 0; b < 4; ++b) block.scales_l[b] = static_cast<uint8_t>(low >> (8 * b));
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ4_XS_SCALES_H_
