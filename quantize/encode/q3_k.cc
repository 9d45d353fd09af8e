#include "quantize/encode/q3_k.h"

#include <cmath>
#include <cstring>

#include "formats/codec/q3_k.h"
#include "gguf/base/float16.h"
#include "quantize/encode/signed_search.h"

namespace gguf {
namespace {

constexpr size_t kValues = BlockQ3_K::kValues;
constexpr size_t kSubBlocks = 16;
constexpr size_t kSubValues = 16;

// The fit of one block before packing.
struct Fit {
  uint16_t d;
  uint8_t scale_codes[kSubBlocks];  // 0 to 63, around 32
  uint8_t codes[kValues];           // 0 to 7, around 4
};

// Block scale and scale codes from the sub-blocks' scales, without weights.
void QuantizeScales(const float* scales, Fit& fit) {
  const float largest = FirstLargest(scales, kSubBlocks);
  std::memset(fit.scale_codes, 0, kSubBlocks);
  fit.d = 0;
  if (largest == 0.0f) return;
  const float inverse = -32.0f / largest;
  for (size_t b = 0; b < kSubBlocks; ++b) {
    fit.scale_codes[b] = ClampCode(RintByMagic(inverse * scales[b]), -32, 31) + 32;
  }
  fit.d = F32ToF16(1.0f / inverse);
}

void FitPlain(const float* x, Fit& fit) {
  float scales[kSubBlocks];
  for (size_t b = 0; b < kSubBlocks; ++b) {
    scales[b] = SearchSignedByDescent(x + b * kSubValues, fit.codes + b * kSubValues);
  }
  QuantizeScales(scales, fit);
}

void FitWeighted(const float* x, const float* importance, Fit& fit) {
  const float sigma2 = 2.0f * SumOfSquares(x, kValues) / static_cast<float>(kValues);
  float scales[kSubBlocks];
  float sums[kSubBlocks];
  for (size_t b = 0; b < kSubBlocks; ++b) {
    const float* sub = x + b * kSubValues;
    float w[kSubValues];
    sums[b] = 0.0f;
    for (size_t i = 0; i < kSubValues; ++i) {
      w[i] = ImportanceWeight(importance[b * kSubValues + i], sigma2, sub[i]);
      sums[b] += w[i];
    }
    scales[b] = SearchSigned(kSubValues, 4, sub, w, fit.codes + b * kSubValues);
  }
  fit.d = F32ToF16(SearchSigned(kSubBlocks, 32, scales, sums, fit.scale_codes));
}

// Rounds again against the scales as they are stored; a sub-block whose scale became 0 keeps the
// codes of its search.
void RoundToStoredScales(const float* x, Fit& fit) {
  const float d = F16ToF32(fit.d);
  for (size_t b = 0; b < kSubBlocks; ++b) {
    const float scale = d * static_cast<float>(fit.scale_codes[b] - 32);
    if (scale == 0.0f) continue;
    for (size_t i = b * kSubValues; i < (b + 1) * kSubValues; ++i) {
      fit.codes[i] = static_cast<uint8_t>(ClampCode(RintByMagic(x[i] / scale), -4, 3) + 4);
    }
  }
}

void Pack(const Fit& fit, BlockQ3_K& block) {
  std::memset(&block, 0, sizeof(block));
  block.d = fit.d;
  for (size_t b = 0; b < kSubBlocks; ++b) {
    block.scales[b % 8] |= (fit.scale_codes[b] & 15) << (b / 8 * 4);
    block.scales[8 + b % 4] |= (fit.scale_codes[b] >> 4) << (b / 4 * 2);
  }
  for (size_t i = 0; i < kValues; ++i) {
    block.qs[i / 128 * 32 + i % 32] |= (fit.codes[i] & 3) << (i % 128 / 32 * 2);
    block.hmask[i % 32] |= (fit.codes[i] >> 2) << (i / 32);
  }
}

}  // namespace

void EncodeQ3_KReference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out) {
  auto* blocks = reinterpret_cast<BlockQ3_K*>(out);
  const size_t num_blocks = num_rows * columns / kValues;
  for (size_t n = 0; n < num_blocks; ++n) {
    const float* x = rows + n * kValues;
    Fit fit;
    if (weights != nullptr) {
      FitWeighted(x, weights + n * kValues % columns, fit);
    } else {
      FitPlain(x, fit);
    }
    RoundToStoredScales(x, fit);
    Pack(fit, blocks[n]);
  }
}

}  // namespace gguf
