// The fits of level_fit.h for one group of 32 values per SIMD lane.
//
// Transposed arrays hold value i of the group in lane b at [i * Lanes(df) + b].

// Per-target include guard
#if defined(GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_LEVEL_FIT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_LEVEL_FIT_INL_H_
#undef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_LEVEL_FIT_INL_H_
#else
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_LEVEL_FIT_INL_H_
#endif

#include <limits>

#include "hwy/highway.h"
#include "quantize/encode/level_buckets.h"
#include "quantize/encode/level_search-inl.h"
#include "quantize/encode/refine/level_fit.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using LevelVec = hn::Vec<LaneTag>;

// The level nearest to v, any value but NaN.
HWY_INLINE LevelVec NearestLevelLanes(LaneTag df, const LevelTables& tables, LevelVec v) {
  const auto limit = hn::Set(df, kBucketLimit);
  const auto inside = hn::Min(hn::Max(v, hn::Neg(limit)), limit);
  return tables.levels.Lookup(df, BucketOf(df, tables.thresholds, inside));
}

HWY_INLINE LevelVec InverseOfScaleLanes(LaneTag df, LevelVec scale) {
  const auto inverse = hn::Div(hn::Set(df, 1.0f), scale);
  const auto is_finite = hn::Le(hn::Abs(inverse), hn::Set(df, std::numeric_limits<float>::max()));
  return hn::IfThenElseZero(is_finite, inverse);
}

HWY_INLINE void MomentsOfInverseLanes(LaneTag df, const LevelTables& tables, LevelVec inverse,
                                      const float* HWY_RESTRICT x, const float* HWY_RESTRICT w,
                                      LevelVec& xl, LevelVec& l2) {
  const size_t lanes = hn::Lanes(df);
  xl = hn::Zero(df);
  l2 = hn::Zero(df);
  HWY_UNROLL(4)
  for (size_t i = 0; i < kLevelValues; ++i) {
    const auto v = hn::Load(df, x + i * lanes);
    const auto level = NearestLevelLanes(df, tables, hn::Mul(inverse, v));
    const auto wl = hn::Mul(hn::Load(df, w + i * lanes), level);
    xl = hn::Add(xl, hn::Mul(wl, v));
    l2 = hn::Add(l2, hn::Mul(wl, level));
  }
}

HWY_INLINE LevelVec ErrorOfScaleLanes(LaneTag df, const LevelTables& tables, LevelVec scale,
                                      const float* HWY_RESTRICT x, const float* HWY_RESTRICT w) {
  const size_t lanes = hn::Lanes(df);
  const auto inverse = InverseOfScaleLanes(df, scale);
  auto sum = hn::Zero(df);
  HWY_UNROLL(4)
  for (size_t i = 0; i < kLevelValues; ++i) {
    const auto v = hn::Load(df, x + i * lanes);
    const auto level = NearestLevelLanes(df, tables, hn::Mul(inverse, v));
    const auto error = hn::Sub(v, hn::Mul(scale, level));
    sum = hn::Add(sum, hn::Mul(hn::Mul(hn::Load(df, w + i * lanes), error), error));
  }
  const auto infinity = hn::Set(df, std::numeric_limits<float>::infinity());
  return hn::IfThenElse(hn::Eq(sum, sum), sum, infinity);
}

struct BestScaleLanes {
  HWY_INLINE void Try(LaneTag df, const LevelTables& tables, LevelVec inverse,
                      const float* HWY_RESTRICT x, const float* HWY_RESTRICT w) {
    LevelVec xl, l2;
    MomentsOfInverseLanes(df, tables, inverse, x, w, xl, l2);
    const auto better =
        hn::And(hn::Gt(l2, hn::Zero(df)), hn::Gt(hn::Mul(xl, xl), hn::Mul(score, l2)));
    const auto trial = hn::Div(xl, l2);
    scale = hn::IfThenElse(better, trial, scale);
    score = hn::IfThenElse(better, hn::Mul(trial, xl), score);
  }

  LevelVec scale;
  LevelVec score;
};

// SearchTrials of every lane.
HWY_INLINE LevelVec SearchTrialsLanes(LaneTag df, const LevelTables& tables,
                                      const LevelTrials& trials, LevelVec start,
                                      const float* HWY_RESTRICT x, const float* HWY_RESTRICT w) {
  LevelVec largest, magnitude;
  FirstLargestLanes(df, kLevelValues, x, largest, magnitude);
  const auto tiny = hn::Lt(magnitude, hn::Set(df, kTinyMagnitude));
  largest = hn::IfThenElse(tiny, hn::Set(df, 1.0f), largest);
  BestScaleLanes best = {start, hn::Zero(df)};
  best.Try(df, tables, InverseOfScaleLanes(df, start), x, w);
  for (int i = 0; i < trials.count; ++i) {
    const float target = trials.first + trials.step * static_cast<float>(i);
    const auto inverse = hn::Div(hn::Set(df, target), largest);
    best.Try(df, tables, inverse, x, w);
    best.Try(df, tables, hn::Neg(inverse), x, w);
  }
  for (int i = 0; i < kLevelDescents; ++i) {
    best.Try(df, tables, InverseOfScaleLanes(df, best.scale), x, w);
  }
  return hn::IfThenElse(tiny, start, best.scale);
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
