#include "quantize/encode/iq4_xs.h"

#include "formats/codec/iq4_xs.h"
#include "gguf/base/float16.h"
#include "quantize/encode/level_search.h"
#include "quantize/encode/signed_search.h"

namespace gguf {
namespace {

constexpr size_t kValues = BlockIQ4_XS::kValues;
constexpr size_t kGroups = kValues / kLevelValues;

// Puts the code (0 to 63) of the scale of group g into the block, where these bits are 0.
void StoreScale(uint32_t code, size_t g, BlockIQ4_XS& block) {
  if (g % 2 == 0) block.scales_l[g / 2] = 0;
  block.scales_l[g / 2] |= static_cast<uint8_t>((code & 15) << (4 * (g % 2)));
  block.scales_h |= static_cast<uint16_t>((code >> 4) << (2 * g));
}
// Block scale and 6-bit sub-scales, and the codes by their products.
void StoreScalesAndCodes(const float* x, const float* scales, BlockIQ4_XS& block) {
  const float d = -FirstLargest(scales, kGroups) / 32.0f;
  const float inverse = d != 0.0f ? 1.0f / d : 0.0f;
  block.d = F32ToF16(d);
  block.scales_h = 0;
  for (size_t g = 0; g < kGroups; ++g) {
    const int32_t code = ClampCode(RoundByBits(inverse * scales[g]), -32, 31);
    const float group_scale = d * static_cast<float>(code);
    PackLevels(x + g * kLevelValues, group_scale != 0.0f ? 1.0f / group_scale : 0.0f,
               block.qs + 16 * g);
    StoreScale(code + 32, g, block);
  }
}

}  // namespace

void EncodeIQ4_XSReference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                           uint8_t* out) {
  auto* blocks = reinterpret_cast<BlockIQ4_XS*>(out);
  const size_t num_blocks = num_rows * columns / kValues;
  for (size_t n = 0; n < num_blocks; ++n) {
    const float* x = rows + n * kValues;
    const float* importance = weights != nullptr ? weights + n * kValues % columns : nullptr;
    const float sigma2 = SumOfSquares(x, kValues) * (2.0f / kValues);
    float scales[kGroups];
    for (size_t g = 0; g < kGroups; ++g) {
      const size_t first = g * kLevelValues;
      float w[kLevelValues];
      LevelWeights(x + first, importance != nullptr ? importance + first : nullptr, sigma2, w);
      scales[g] = SearchLevels(x + first, w);
    }
    StoreScalesAndCodes(x, scales, blocks[n]);
  }
}

void EncodeIQ4_XS(const float* rows, size_t num_rows, size_t columns, const float* weights,
                  uint8_t* out) {
  EncodeIQ4_XSReference(rows, num_rows, columns, weights, out);
}
}  // namespace gguf
