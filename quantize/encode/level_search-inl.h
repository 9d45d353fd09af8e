// The search of level_search.h for one block of 32 values per SIMD lane.
//
// Transposed arrays hold value i of the block in lane b at [i * Lanes(df) + b].

// Per-target include guard
#if defined(GGUF_TOOLCHAIN_QUANTIZE_ENCODE_LEVEL_SEARCH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_LEVEL_SEARCH_INL_H_
#undef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_LEVEL_SEARCH_INL_H_
#else
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_LEVEL_SEARCH_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "quantize/encode/lanes-inl.h"
#include "quantize/encode/level_buckets.h"
#include "quantize/encode/level_search.h"
#include "quantize/encode/signed_search-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// table[index & 31] of a table of kNumBuckets floats.
class BucketTable {
 public:
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
  HWY_INLINE BucketTable(LaneTag df, const float* table)
      : low_(hn::LoadU(df, table)), high_(hn::LoadU(df, table + 16)) {}

  template <class VI>
  HWY_INLINE hn::Vec<LaneTag> Lookup(LaneTag /* df */, VI index) const {
    return hn::Vec<LaneTag>{_mm512_permutex2var_ps(low_.raw, index.raw, high_.raw)};
  }

 private:
  hn::Vec<LaneTag> low_, high_;
#else
  HWY_INLINE BucketTable(LaneTag /* df */, const float* table) : table_(table) {}

  template <class VI>
  HWY_INLINE hn::Vec<LaneTag> Lookup(LaneTag df, VI index) const {
    const hn::RebindToSigned<LaneTag> di;
    return hn::GatherIndex(df, table_, hn::And(index, hn::Set(di, kNumBuckets - 1)));
  }

 private:
  const float* HWY_RESTRICT table_;
#endif
};

// Where v stands in the tables of level_buckets.h: v is within +-kBucketLimit.
template <class VF>
HWY_INLINE hn::Vec<hn::RebindToSigned<LaneTag>> BucketOf(LaneTag df, const BucketTable& thresholds,
                                                         VF v) {
  const hn::RebindToSigned<LaneTag> di;
  const auto shifted = hn::MulAdd(v, hn::Set(df, 1.0f / kBucketWidth), hn::Set(df, 12582912.0f));
  const auto bucket = hn::BitCast(di, shifted);
  const auto upper = hn::RebindMask(di, hn::Ge(v, thresholds.Lookup(df, bucket)));
  return hn::Sub(bucket, hn::VecFromMask(di, upper));
}

struct LevelTables {
  explicit HWY_INLINE LevelTables(LaneTag df)
      : thresholds(df, kLevelBuckets.thresholds), levels(df, kLevelBuckets.levels) {}

  BucketTable thresholds;
  BucketTable levels;
};

// The moments of one trial.
template <class VF>
HWY_INLINE void LevelMoments(LaneTag df, const LevelTables& tables, VF inverse,
                             const float* HWY_RESTRICT x, const float* HWY_RESTRICT w, VF& xl,
                             VF& l2) {
  const size_t lanes = hn::Lanes(df);
  xl = hn::Zero(df);
  l2 = hn::Zero(df);
  HWY_UNROLL(4)
  for (size_t i = 0; i < kLevelValues; ++i) {
    const auto v = hn::LoadU(df, x + i * lanes);
    const auto bucket = BucketOf(df, tables.thresholds, hn::Mul(inverse, v));
    const auto level = tables.levels.Lookup(df, bucket);
    const auto wl = hn::Mul(hn::LoadU(df, w + i * lanes), level);
    xl = hn::Add(xl, hn::Mul(wl, v));
    l2 = hn::Add(l2, hn::Mul(wl, level));
  }
}

// SearchLevels of every lane.
HWY_INLINE hn::Vec<LaneTag> SearchLevelsLanes(LaneTag df, const float* HWY_RESTRICT x,
                                              const float* HWY_RESTRICT w) {
  const auto zero = hn::Zero(df);
  const LevelTables tables(df);
  hn::Vec<LaneTag> largest, magnitude, xl, l2;
  FirstLargestLanes(df, kLevelValues, x, largest, magnitude);
  const auto tiny = hn::Lt(magnitude, hn::Set(df, kTinyMagnitude));
  // Lanes that are tiny stay within the buckets and are dropped below.
  largest = hn::IfThenElse(tiny, hn::Set(df, 1.0f), largest);

  const auto first = hn::Div(hn::Neg(largest), hn::Set(df, kFirstLevel));
  LevelMoments(df, tables, hn::Div(hn::Set(df, 1.0f), first), x, w, xl, l2);
  auto scale = hn::IfThenElseZero(hn::Gt(l2, zero), hn::Div(xl, l2));
  auto best = hn::Mul(scale, xl);
  for (int step = -7; step <= 7; ++step) {
    const auto numerator = hn::Set(df, static_cast<float>(step) + kFirstLevel);
    LevelMoments(df, tables, hn::Div(numerator, largest), x, w, xl, l2);
    const auto better = hn::And(hn::Gt(l2, zero), hn::Gt(hn::Mul(xl, xl), hn::Mul(best, l2)));
    const auto trial = hn::Div(xl, l2);
    scale = hn::IfThenElse(better, trial, scale);
    best = hn::IfThenElse(better, hn::Mul(trial, xl), best);
  }
  return hn::IfThenZeroElse(tiny, scale);
}

// Transposes blocks first .. first + count - 1 of 32 values and the importance of their columns.
HWY_INLINE void LoadLevelBlocks(LaneTag df, const float* rows, size_t columns,
                                const float* importance, size_t first, size_t count,
                                float* HWY_RESTRICT x, float* HWY_RESTRICT w) {
  LoadBlocksToLanes(df, rows + first * kLevelValues, kLevelValues, count, kLevelValues, x);
  if (importance == nullptr) return;
  const float* blocks[kMaxLanes];
  for (size_t b = 0; b < hn::Lanes(df); ++b) {
    blocks[b] = importance + (first + HWY_MIN(b, count - 1)) * kLevelValues % columns;
  }
  TransposeToLanes(df, blocks, kLevelValues, w);
}

// LevelWeights of every lane; `w` holds the importance, when there is one.
template <class VF>
HWY_INLINE void LevelWeightsLanes(LaneTag df, const float* HWY_RESTRICT x, bool has_importance,
                                  VF sigma2, float* HWY_RESTRICT w) {
  for (size_t i = 0; i < kLevelValues * hn::Lanes(df); i += hn::Lanes(df)) {
    const auto v = hn::LoadU(df, x + i);
    const auto square = hn::Mul(v, v);
    const auto weight =
        has_importance ? hn::Mul(hn::LoadU(df, w + i), hn::Sqrt(hn::Add(sigma2, square))) : square;
    hn::StoreU(weight, df, w + i);
  }
}

// Nearest levels of v, any value, as bytes.
template <class VF>
HWY_INLINE hn::Vec<hn::Rebind<uint8_t, LaneTag>> LevelCodes(LaneTag df,
                                                            const BucketTable& thresholds,
                                                            const BucketTable& codes, VF v) {
  const hn::RebindToSigned<LaneTag> di;
  const hn::RebindToUnsigned<LaneTag> du;
  const auto limit = hn::Set(df, kBucketLimit);
  const auto inside = hn::Min(hn::Max(v, hn::Neg(limit)), limit);
  const auto code = codes.Lookup(df, BucketOf(df, thresholds, inside));
  const auto number = hn::IfThenElse(hn::Eq(v, v), code, hn::Set(df, kCodeOfNan));
  return hn::U8FromU32(hn::BitCast(du, hn::ConvertTo(di, number)));
}

// PackLevels.
HWY_INLINE void PackLevelsFast(LaneTag df, const float* HWY_RESTRICT x, float inverse,
                               uint8_t* HWY_RESTRICT qs) {
  const hn::Rebind<uint8_t, LaneTag> d8;
  constexpr size_t kHalf = kLevelValues / 2;
  const BucketTable thresholds(df, kLevelBuckets.thresholds);
  const BucketTable codes(df, kLevelBuckets.codes);
  const auto factor = hn::Set(df, inverse);
  HWY_ALIGN uint8_t low[kHalf];
  HWY_ALIGN uint8_t high[kHalf];
  for (size_t j = 0; j < kHalf; j += hn::Lanes(df)) {
    const auto v0 = hn::Mul(hn::LoadU(df, x + j), factor);
    const auto v1 = hn::Mul(hn::LoadU(df, x + j + kHalf), factor);
    hn::StoreU(LevelCodes(df, thresholds, codes, v0), d8, low + j);
    hn::StoreU(LevelCodes(df, thresholds, codes, v1), d8, high + j);
  }
  for (size_t j = 0; j < kHalf; ++j) qs[j] = static_cast<uint8_t>(low[j] | high[j] << 4);
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
