#include "quantize/encode/iq4_nl.h"

#include "formats/codec/iq4_nl.h"
#include "gguf/base/float16.h"
#include "quantize/encode/level_search.h"
#include "quantize/encode/signed_search.h"

namespace gguf {
namespace {

constexpr float kSigmaFactor = 2.0f / static_cast<float>(kLevelValues);

}  // namespace

void EncodeIQ4_NLReference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                           uint8_t* out) {
  auto* blocks = reinterpret_cast<BlockIQ4_NL*>(out);
  const size_t num_blocks = num_rows * columns / kLevelValues;
  for (size_t n = 0; n < num_blocks; ++n) {
    const float* x = rows + n * kLevelValues;
    const float* importance = weights != nullptr ? weights + n * kLevelValues % columns : nullptr;
    const float sigma2 = SumOfSquares(x, kLevelValues) * kSigmaFactor;
    float w[kLevelValues];
    LevelWeights(x, importance, sigma2, w);
    const float scale = SearchLevels(x, w);
    blocks[n].d = F32ToF16(scale);
    PackLevels(x, scale != 0.0f ? 1.0f / scale : 0.0f, blocks[n].qs);
  }
}

void EncodeIQ4_NL(const float* rows, size_t num_rows, size_t columns, const float* weights,
                  uint8_t* out) {
  EncodeIQ4_NLReference(rows, num_rows, columns, weights, out);
}
}  // namespace gguf
