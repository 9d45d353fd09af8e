#include "quantize/encode/refine/iq4_nl.h"

#include "formats/codec/iq4_nl.h"
#include "gguf/base/float16.h"
#include "quantize/encode/level_search.h"
#include "quantize/encode/refine/effort_encoders.h"
#include "quantize/encode/refine/level_fit.h"
#include "quantize/encode/signed_search.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/refine/iq4_nl.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/level_search-inl.h"
#include "quantize/encode/refine/level_fit-inl.h"

// Scalar parts, once for all instruction sets.
#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_IQ4_NL_ONCE
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_IQ4_NL_ONCE
namespace gguf {
namespace {

constexpr float kSigmaFactor = 2.0f / static_cast<float>(kLevelValues);

void EncodeScalar(const LevelTrials& trials, const float* rows, size_t num_rows, size_t columns,
                  const float* weights, uint8_t* out) {
  auto* blocks = reinterpret_cast<BlockIQ4_NL*>(out);
  for (size_t n = 0; n < num_rows * columns / kLevelValues; ++n) {
    const float* x = rows + n * kLevelValues;
    const float* importance = weights != nullptr ? weights + n * kLevelValues % columns : nullptr;
    float w[kLevelValues];
    LevelWeights(x, importance, SumOfSquares(x, kLevelValues) * kSigmaFactor, w);
    const float reference = SearchLevels(x, w);
    const float found = SignedBinary16Scale(SearchTrials(trials, reference, x, w));
    float scale = SignedBinary16Scale(reference);
    if (ErrorOfScale(found, x, w) < ErrorOfScale(scale, x, w)) scale = found;
    blocks[n].d = F32ToF16(scale);
    PackLevels(x, InverseOfScale(scale), blocks[n].qs);
  }
}

}  // namespace
}  // namespace gguf
#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_IQ4_NL_ONCE

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The scales of one block per lane.
HWY_INLINE void FindScales(LaneTag df, const LevelTrials& trials, const float* HWY_RESTRICT x,
                           const float* HWY_RESTRICT w, float* HWY_RESTRICT scales) {
  const LevelTables tables(df);
  HWY_ALIGN float found[kMaxLanes];
  const auto reference = SearchLevelsLanes(df, x, w);
  hn::Store(SearchTrialsLanes(df, tables, trials, reference, x, w), df, found);
  hn::Store(reference, df, scales);
  for (size_t b = 0; b < hn::Lanes(df); ++b) {
    found[b] = SignedBinary16Scale(found[b]);
    scales[b] = SignedBinary16Scale(scales[b]);
  }
  const auto before = hn::Load(df, scales);
  const auto after = hn::Load(df, found);
  const auto better = hn::Lt(ErrorOfScaleLanes(df, tables, after, x, w),
                             ErrorOfScaleLanes(df, tables, before, x, w));
  hn::Store(hn::IfThenElse(better, after, before), df, scales);
}

HWY_NOINLINE void EncodeBlocks(const LevelTrials& trials, const float* HWY_RESTRICT rows,
                               size_t num_blocks, size_t columns, const float* HWY_RESTRICT weights,
                               BlockIQ4_NL* HWY_RESTRICT blocks) {
  const LaneTag df;
  const size_t lanes = hn::Lanes(df);
  HWY_ALIGN float x[kLevelValues * kMaxLanes];
  HWY_ALIGN float w[kLevelValues * kMaxLanes];
  HWY_ALIGN float scales[kMaxLanes];
  for (size_t first = 0; first < num_blocks; first += lanes) {
    const size_t count = HWY_MIN(lanes, num_blocks - first);
    LoadLevelBlocks(df, rows, columns, weights, first, count, x, w);
    auto squares = hn::Zero(df);
    for (size_t i = 0; i < kLevelValues; ++i) {
      const auto v = hn::Load(df, x + i * lanes);
      squares = hn::Add(squares, hn::Mul(v, v));
    }
    LevelWeightsLanes(df, x, weights != nullptr, hn::Mul(squares, hn::Set(df, kSigmaFactor)), w);
    FindScales(df, trials, x, w, scales);
    for (size_t n = 0; n < count; ++n) {
      BlockIQ4_NL& block = blocks[first + n];
      block.d = F32ToF16(scales[n]);
      PackLevelsFast(df, rows + (first + n) * kLevelValues, InverseOfScale(scales[n]), block.qs);
    }
  }
}

void EncodeImpl(const LevelTrials& trials, const float* HWY_RESTRICT rows, size_t num_rows,
                size_t columns, const float* HWY_RESTRICT weights, uint8_t* HWY_RESTRICT out) {
  EncodeBlocks(trials, rows, num_rows * columns / kLevelValues, columns, weights,
               reinterpret_cast<BlockIQ4_NL*>(out));
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

HWY_EXPORT(EncodeImpl);

GGUF_DEFINE_EFFORT_ENCODERS(IQ4_NL, HWY_DYNAMIC_DISPATCH(EncodeImpl), EncodeScalar, kLevelTrials,
                            kManyLevelTrials);

}  // namespace gguf
#endif  // HWY_ONCE
