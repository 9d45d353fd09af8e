#include "quantize/encode/iq1_m.h"

#include <algorithm>
#include <cstring>

#include "formats/codec/iq1_m.h"
#include "gguf/base/float16.h"
#include "quantize/encode/iq1_grid.h"
#include "quantize/encode/iq1_search.h"
#include "quantize/encode/signed_search.h"

namespace gguf {
namespace {

constexpr size_t kValues = BlockIQ1_M::kValues;
constexpr size_t kSubBlocks = 16;
constexpr size_t kSubValues = 16;
constexpr size_t kRunValues = Iq1Grid::kRunValues;

void StoreScale(uint16_t d, BlockIQ1_M& block) {
  for (int word = 0; word < 4; ++word) block.scales[word] |= (d >> (4 * word)) << 12;
}

// The scale with which the stored codes fit the values best.
float FitScale(const float* x, const float* weights, const Iq1SubBlock* subs, const int* codes,
               float fallback) {
  float qx = 0.0f, q2 = 0.0f;
  for (size_t i = 0; i < kValues; ++i) {
    const size_t b = i / kSubValues;
    const size_t run = i / kRunValues % 2;
    const float* levels = kIq1Levels[subs[b].shifts >> (1 - run) & 1];
    const float level = levels[kIq1s[subs[b].rows[run]][i % kRunValues] + 1];
    const float q = level * static_cast<float>(2 * codes[b] + 1);
    qx += weights[i] * q * x[i];
    q2 += weights[i] * q * q;
  }
  return q2 > 0.0f ? qx / q2 : fallback;
}

// Zero bytes when all scales are 0.
void PackBlock(const float* x, const float* weights, const Iq1SubBlock* subs, BlockIQ1_M& block) {
  std::memset(&block, 0, sizeof(block));
  float largest = 0.0f;
  for (size_t b = 0; b < kSubBlocks; ++b) largest = std::max(largest, subs[b].scale);
  if (largest == 0.0f) return;
  const float d = largest / 15.0f;
  const float inverse = 1.0f / d;
  int codes[kSubBlocks];
  for (size_t b = 0; b < kSubBlocks; ++b) {
    codes[b] = Iq1ScaleCode(inverse, subs[b].scale);
    block.scales[b / 4] |= codes[b] << (3 * (b % 4));
    for (size_t r = 0; r < 2; ++r) {
      const uint32_t negative = subs[b].shifts >> (1 - r) & 1;
      block.qs[2 * b + r] = static_cast<uint8_t>(subs[b].rows[r]);
      block.qh[b] |= (subs[b].rows[r] >> 8 | negative << 3) << (4 * r);
    }
  }
  StoreScale(F32ToF16(FitScale(x, weights, subs, codes, d) * 1.1125f), block);
}

}  // namespace

void EncodeIQ1_MReference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                          uint8_t* out) {
  auto* blocks = reinterpret_cast<BlockIQ1_M*>(out);
  const size_t num_blocks = num_rows * columns / kValues;
  for (size_t n = 0; n < num_blocks; ++n) {
    const float* x = rows + n * kValues;
    const float* importance = weights != nullptr ? weights + n * kValues % columns : nullptr;
    const float sigma2 = 2.0f * SumOfSquares(x, kValues) / kValues;
    float w[kValues];
    for (size_t i = 0; i < kValues; ++i) {
      w[i] = importance != nullptr ? ImportanceWeight(importance[i], sigma2, x[i]) : x[i] * x[i];
    }
    Iq1SubBlock subs[kSubBlocks];
    for (size_t b = 0; b < kSubBlocks; ++b) {
      subs[b] = EncodeIq1_MSubBlock(x + b * kSubValues, w + b * kSubValues);
    }
    PackBlock(x, w, subs, blocks[n]);
  }
}

void EncodeIQ1_M(const float* rows, size_t num_rows, size_t columns, const float* weights,
                 uint8_t* out) {
  EncodeIQ1_MReference(rows, num_rows, columns, weights, out);
}
}  // namespace gguf
