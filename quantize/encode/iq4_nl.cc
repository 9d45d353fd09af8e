#include "quantize/encode/iq4_nl.h"

#include "formats/codec/iq4_nl.h"
#include "gguf/base/float16.h"
#include "quantize/encode/level_search.h"
#include "quantize/encode/signed_search.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/iq4_nl.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/level_search-inl.h"

// Scalar parts, once for all instruction sets.
#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ4_NL_ONCE
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ4_NL_ONCE
namespace gguf {
namespace {

constexpr float kSigmaFactor = 2.0f / static_cast<float>(kLevelValues);

float InverseOrZero(float scale) { return scale != 0.0f ? 1.0f / scale : 0.0f; }

}  // namespace
}  // namespace gguf
#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ4_NL_ONCE

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void EncodeIQ4_NLImpl(const float* HWY_RESTRICT rows, size_t num_rows, size_t columns,
                      const float* HWY_RESTRICT weights, uint8_t* HWY_RESTRICT out) {
  const LaneTag df;
  const size_t lanes = hn::Lanes(df);
  auto* blocks = reinterpret_cast<BlockIQ4_NL*>(out);
  const size_t num_blocks = num_rows * columns / kLevelValues;
  HWY_ALIGN float x[kLevelValues * kMaxLanes];
  HWY_ALIGN float w[kLevelValues * kMaxLanes];
  HWY_ALIGN float scales[kMaxLanes];
  for (size_t first = 0; first < num_blocks; first += lanes) {
    const size_t count = HWY_MIN(lanes, num_blocks - first);
    LoadLevelBlocks(df, rows, columns, weights, first, count, x, w);
    auto squares = hn::Zero(df);
    for (size_t i = 0; i < kLevelValues; ++i) {
      const auto v = hn::LoadU(df, x + i * lanes);
      squares = hn::Add(squares, hn::Mul(v, v));
    }
    LevelWeightsLanes(df, x, weights != nullptr, hn::Mul(squares, hn::Set(df, kSigmaFactor)), w);
    hn::StoreU(SearchLevelsLanes(df, x, w), df, scales);
    for (size_t n = 0; n < count; ++n) {
      BlockIQ4_NL& block = blocks[first + n];
      block.d = F32ToF16(scales[n]);
      PackLevelsFast(df, rows + (first + n) * kLevelValues, InverseOrZero(scales[n]), block.qs);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

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
    PackLevels(x, InverseOrZero(scale), blocks[n].qs);
  }
}

HWY_EXPORT(EncodeIQ4_NLImpl);

void EncodeIQ4_NL(const float* rows, size_t num_rows, size_t columns, const float* weights,
                  uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeIQ4_NLImpl)(rows, num_rows, columns, weights, out);
}

}  // namespace gguf
#endif  // HWY_ONCE
