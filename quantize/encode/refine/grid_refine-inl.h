// RefineGridBlock (grid_refine.h) for one sub-block per SIMD lane: every lane does the operations
// of the plain version in their order, so the bytes are the same.
//
// Lane arrays hold value i of the sub-block in lane b at [i * lanes + b].

// Per-target include guard
#if defined(GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_GRID_REFINE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_GRID_REFINE_INL_H_
#undef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_GRID_REFINE_INL_H_
#else
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_GRID_REFINE_INL_H_
#endif

#include <algorithm>
#include <cfloat>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "hwy/highway.h"
#include "quantize/encode/grid_search-inl.h"
#include "quantize/encode/refine/grid_halves-inl.h"
#include "quantize/encode/refine/grid_refine.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

inline constexpr size_t kRefineBatch = 8;  // blocks
inline constexpr size_t kRefineSubs = kRefineBatch * kMaxGridSubBlocks;
inline constexpr size_t kMaxGridSearches = kMaxGridTrials;  // of one call

// A batch of blocks on its way.
template <class Type>
struct RefineSpace {
  HWY_ALIGN float weights[kRefineBatch * kGridBlockValues];
  HWY_ALIGN float roots[kRefineBatch * kGridBlockValues];
  HWY_ALIGN float
      a[kMaxGridTrials * kRefineSubs];  // of trial t of sub-block b: t * kRefineSubs + b
  HWY_ALIGN float b[kMaxGridTrials * kRefineSubs];
  HWY_ALIGN float free_scales[kRefineSubs];
  HWY_ALIGN float maxima[kRefineSubs];
  float factors[kMaxGridTrials];
  float block_maxima[kRefineBatch];
  bool usual[kRefineBatch];
  float d[kRefineBatch][kMaxGridStarts];      // the starts
  GridFit fits[kMaxGridStarts][kRefineSubs];  // of start n
  GridBest best[kRefineBatch];
  GridSubLanes<Type> lanes;
};

// Loads the weights of a batch, and the maxima of its sub-blocks.
template <class Type, class DF>
HWY_INLINE void LoadRefineBatch(DF df, const float* HWY_RESTRICT x, size_t count,
                                const float* HWY_RESTRICT importance, size_t column, size_t columns,
                                RefineSpace<Type>& s) {
  constexpr size_t kSub = Type::kType.sub_values;
  constexpr size_t kSubs = kGridBlockValues / kSub;
  float sums[kRefineBatch];
  SumsOfSquares(df, x, kGridBlockValues, count, kGridBlockValues, sums);
  for (size_t n = 0; n < count; ++n) {
    const float* HWY_RESTRICT block_x = x + n * kGridBlockValues;
    float* HWY_RESTRICT w = s.weights + n * kGridBlockValues;
    WeightsOfBlock<Type>(df, kRefinedPlainSigma2, block_x,
                         importance != nullptr ? importance + column : nullptr, sums[n], w,
                         s.roots);
    column = column + kGridBlockValues == columns ? 0 : column + kGridBlockValues;
    auto max_weight = hn::Zero(df);
    float max = 0.0f;
    for (size_t sub = 0; sub < kSubs; ++sub) {
      auto sub_max = hn::Zero(df);
      for (size_t i = sub * kSub; i < (sub + 1) * kSub; i += hn::Lanes(df)) {
        sub_max = hn::Max(sub_max, hn::Abs(hn::LoadU(df, block_x + i)));
        max_weight = hn::Max(max_weight, hn::Load(df, w + i));
      }
      const float sub_largest = hn::GetLane(hn::MaxOfLanes(df, sub_max));
      s.maxima[n * kSubs + sub] = sub_largest;
      max = sub_largest > max ? sub_largest : max;
    }
    s.block_maxima[n] = max;
    s.usual[n] = IsUsualGridBlock(max, hn::GetLane(hn::MaxOfLanes(df, max_weight)));
    for (size_t sub = n * kSubs; sub < (n + 1) * kSubs; ++sub) {
      s.maxima[sub] = HWY_MAX(s.maxima[sub], kRefineRange * max);
    }
    // The others are searched along with them; without weight nothing can happen to them.
    if (!s.usual[n]) hwy::ZeroBytes<kGridBlockValues * sizeof(float)>(w);
  }
}

// The trials of the sub-blocks from `first` on.
template <class Type, class DF>
HWY_INLINE void TrySubBlocks(DF df, const GridEffort& effort, const GridHalves& halves,
                             size_t first, RefineSpace<Type>& s) {
  const size_t lanes = hn::Lanes(df);
  const auto max = hn::LoadU(df, s.maxima + first);
  HWY_ALIGN float scales[kMaxGridSearches * kMaxLanes];
  for (size_t t = 0; t < effort.trials; ++t) {
    hn::Store(hn::Mul(max, hn::Set(df, s.factors[t])), df, scales + t * lanes);
  }
  HWY_ALIGN float a[kMaxGridSearches * kMaxLanes];
  HWY_ALIGN float b[kMaxGridSearches * kMaxLanes];
  SearchSubLanes<Type, GridSubLanes<Type>::kScales, false>(df, halves, effort.trials, scales,
                                                           s.lanes, a, b, nullptr);
  auto best_a = hn::Set(df, 1.0f);
  auto best_b = hn::Zero(df);
  for (size_t t = 0; t < effort.trials; ++t) {
    const auto ta = hn::Load(df, a + t * lanes);
    const auto tb = hn::Load(df, b + t * lanes);
    const auto better =
        hn::And(hn::Gt(tb, hn::Zero(df)),
                hn::Gt(hn::Mul(hn::Mul(tb, tb), best_a), hn::Mul(hn::Mul(best_b, best_b), ta)));
    best_a = hn::IfThenElse(better, ta, best_a);
    best_b = hn::IfThenElse(better, tb, best_b);
    hn::StoreU(ta, df, s.a + t * kRefineSubs + first);
    hn::StoreU(tb, df, s.b + t * kRefineSubs + first);
  }
  hn::StoreU(hn::Div(best_b, best_a), df, s.free_scales + first);
}

// GridScaleBounds, one candidate per lane.
template <class DF>
HWY_INLINE void GridScaleBoundsLanes(DF df, const GridEffort& effort, const GridTrials& trials,
                                     const float* HWY_RESTRICT candidates,
                                     float* HWY_RESTRICT bounds) {
  const hn::RebindToSigned<DF> di;
  const auto one = hn::Set(df, 1.0f);
  for (size_t n = 0; n < effort.scales; n += hn::Lanes(df)) {
    const auto unit_d = hn::Mul(hn::LoadU(df, candidates + n), hn::Set(df, trials.unit));
    auto total = hn::Zero(df);
    for (size_t sub = 0; sub < trials.num_subs; ++sub) {
      const auto quotient = hn::Div(hn::Set(df, trials.best[sub]), unit_d);
      auto half = hn::Mul(hn::Sub(quotient, one), hn::Set(df, 0.5f));
      half = hn::Min(hn::Max(half, hn::Zero(df)), hn::Set(df, 14.0f));
      const auto nibble = hn::ConvertTo(di, half);
      const auto odd = hn::ConvertTo(df, hn::Add(hn::Add(nibble, nibble), hn::Set(di, 1)));
      const auto low = hn::Mul(unit_d, odd);
      const auto high = hn::Add(low, hn::Add(unit_d, unit_d));
      auto least = hn::Set(df, FLT_MAX);
      for (size_t t = 0; t < effort.trials; ++t) {
        const size_t i = t * trials.stride + sub;
        const auto a = hn::Set(df, trials.a[i]);
        const auto b = hn::Set(df, trials.b[i] + trials.b[i]);
        const auto error_low = hn::Mul(low, hn::Sub(hn::Mul(low, a), b));
        const auto error_high = hn::Mul(high, hn::Sub(hn::Mul(high, a), b));
        least = hn::Min(least, hn::Min(error_low, error_high));
      }
      total = hn::Add(total, least);
    }
    hn::StoreU(total, df, bounds + n);
  }
}

// Finds the starts of block n.
template <class Type, class DF>
HWY_INLINE void StartBlock(DF df, const GridEffort& effort, const GridHalves& halves, size_t n,
                           RefineSpace<Type>& s) {
  constexpr size_t kSubs = kGridBlockValues / Type::kType.sub_values;
  const size_t first = n * kSubs;
  const GridTrials trials = {kSubs,       Type::kUnit, kRefineSubs,
                             s.a + first, s.b + first, s.free_scales + first};
  float candidates[kMaxGridScales], bounds[kMaxGridScales];
  s.best[n].error = 0.0f;
  const float largest = s.block_maxima[n] / halves.values.back();
  s.usual[n] = s.usual[n] && GridScaleCandidates(effort, trials, largest, candidates);
  for (size_t start = 0; start < effort.starts; ++start) s.d[n][start] = 1.0f;
  if (!s.usual[n]) return;
  GridScaleBoundsLanes(df, effort, trials, candidates, bounds);
  BestGridScales(effort, candidates, bounds, s.d[n]);
}

// BestNibbles of the sub-blocks from `first` on: of lane b at nibbles[n * lanes + b].
template <class DF>
HWY_INLINE void BestNibblesLanes(DF df, const GridEffort& effort, const float* HWY_RESTRICT a,
                                 const float* HWY_RESTRICT b, size_t stride,
                                 const float* HWY_RESTRICT unit_d, int32_t* HWY_RESTRICT nibbles) {
  const hn::RebindToSigned<DF> di;
  const size_t lanes = hn::Lanes(df);
  const auto none = hn::Set(df, FLT_MAX);
  HWY_ALIGN float bounds[16 * kMaxLanes];
  for (int nibble = 0; nibble < 16; ++nibble) {
    const auto odd = hn::Set(df, static_cast<float>(2 * nibble + 1));
    const auto scale = hn::Mul(hn::Load(df, unit_d), odd);
    auto least = none;
    for (size_t t = 0; t < effort.trials; ++t) {
      const auto va = hn::LoadU(df, a + t * stride);
      const auto vb = hn::LoadU(df, b + t * stride);
      least = hn::Min(least, hn::Mul(scale, hn::Sub(hn::Mul(scale, va), hn::Add(vb, vb))));
    }
    hn::Store(least, df, bounds + nibble * lanes);
  }
  for (size_t n = 0; n < effort.nibbles; ++n) {
    auto least = hn::Load(df, bounds);
    auto best = hn::Zero(di);
    for (int nibble = 1; nibble < 16; ++nibble) {
      const auto bound = hn::Load(df, bounds + nibble * lanes);
      const auto less = hn::Lt(bound, least);
      least = hn::IfThenElse(less, bound, least);
      best = hn::IfThenElse(hn::RebindMask(di, less), hn::Set(di, nibble), best);
    }
    hn::Store(best, di, nibbles + n * lanes);
    for (int nibble = 0; nibble < 16; ++nibble) {
      const auto taken = hn::RebindMask(df, hn::Eq(best, hn::Set(di, nibble)));
      const auto bound = hn::Load(df, bounds + nibble * lanes);
      hn::Store(hn::IfThenElse(taken, none, bound), df, bounds + nibble * lanes);
    }
  }
}

// Searches the sub-blocks from `first` on under the nibbles of all starts, and keeps the best fits.
template <class Type, class DF>
HWY_INLINE void FitSubBlocks(DF df, const GridEffort& effort, const GridHalves& halves,
                             size_t first, RefineSpace<Type>& s) {
  constexpr size_t kSub = Type::kType.sub_values;
  constexpr size_t kSubs = kGridBlockValues / kSub;
  constexpr size_t kRuns = kSub / Type::kType.run;
  const size_t lanes = hn::Lanes(df);
  const size_t searches = effort.starts * effort.nibbles;
  HWY_ALIGN float scales[kMaxGridSearches * kMaxLanes];
  HWY_ALIGN int32_t nibbles[kMaxGridSearches * kMaxLanes];
  for (size_t start = 0; start < effort.starts; ++start) {
    HWY_ALIGN float unit_d[kMaxLanes];
    for (size_t lane = 0; lane < lanes; ++lane) {
      unit_d[lane] = s.d[(first + lane) / kSubs][start] * Type::kUnit;
    }
    const size_t at = start * effort.nibbles * lanes;
    BestNibblesLanes(df, effort, s.a + first, s.b + first, kRefineSubs, unit_d, nibbles + at);
    for (size_t i = 0; i < effort.nibbles * lanes; ++i) {
      scales[at + i] = GridScale(unit_d[i % lanes], nibbles[at + i]);
    }
  }
  HWY_ALIGN float a[kMaxGridSearches * kMaxLanes];
  HWY_ALIGN float b[kMaxGridSearches * kMaxLanes];
  HWY_ALIGN uint32_t codes[kMaxGridSearches * kRuns * kMaxLanes];
  if (searches % 4 == 0 && GridSubLanes<Type>::kScales == 4) {
    SearchSubLanes<Type, 4, true>(df, halves, searches, scales, s.lanes, a, b, codes);
  } else {
    SearchSubLanes<Type, 2, true>(df, halves, searches, scales, s.lanes, a, b, codes);
  }
  for (size_t lane = 0; lane < lanes; ++lane) {
    for (size_t start = 0; start < effort.starts; ++start) {
      float least = FLT_MAX;
      size_t best = start * effort.nibbles;
      for (size_t n = start * effort.nibbles; n < (start + 1) * effort.nibbles; ++n) {
        const size_t i = n * lanes + lane;
        const float error = GridError({a[i], b[i]}, scales[i]);
        if (!(error < least)) continue;
        least = error;
        best = n;
      }
      GridFit& fit = s.fits[start][first + lane];
      fit.nibble = nibbles[best * lanes + lane];
      fit.moments = {a[best * lanes + lane], b[best * lanes + lane]};
      for (size_t r = 0; r < kRuns; ++r) {
        fit.codes[r] = static_cast<uint16_t>(codes[(best * kRuns + r) * lanes + lane]);
      }
    }
  }
}

// EncodeRefinedScalar, the same bytes.
template <class Type>
HWY_INLINE void EncodeRefined(const GridEffort& effort, const float* HWY_RESTRICT rows,
                              size_t num_rows, size_t columns, const float* HWY_RESTRICT importance,
                              uint8_t* HWY_RESTRICT out) {
  constexpr size_t kSub = Type::kType.sub_values;
  constexpr size_t kSubs = kGridBlockValues / kSub;
  const LaneTag df;
  const size_t lanes = hn::Lanes(df);
  const GridHalves& halves = HalvesOf<Type>();
  const size_t num_blocks = num_rows * columns / kGridBlockValues;
  const std::unique_ptr<RefineSpace<Type>> space(new RefineSpace<Type>);
  RefineSpace<Type>& s = *space;
  GridTrialFactors(effort, halves, s.factors);
  // Lanes beyond the last sub-block search something as well.
  std::fill_n(s.maxima, kRefineSubs, 1.0f);
  std::fill_n(s.d[0], kRefineBatch * kMaxGridStarts, 1.0f);
  for (size_t first = 0; first < num_blocks; first += kRefineBatch) {
    const size_t count = HWY_MIN(kRefineBatch, num_blocks - first);
    const float* HWY_RESTRICT x = rows + first * kGridBlockValues;
    const size_t column = first * kGridBlockValues % columns;
    LoadRefineBatch<Type>(df, x, count, importance, column, columns, s);
    const size_t num_subs = count * kSubs;
    const auto load = [&](size_t b) HWY_ATTR {
      LoadSubLanes<Type>(df, HWY_MIN(lanes, num_subs - b), x + b * kSub, s.weights + b * kSub,
                         s.lanes);
    };
    for (size_t b = 0; b < num_subs; b += lanes) {
      load(b);
      TrySubBlocks(df, effort, halves, b, s);
    }
    for (size_t n = 0; n < count; ++n) StartBlock(df, effort, halves, n, s);
    for (size_t pass = 0; pass < effort.passes; ++pass) {
      for (size_t b = 0; b < num_subs; b += lanes) {
        load(b);
        FitSubBlocks(df, effort, halves, b, s);
      }
      for (size_t n = 0; n < count; ++n) {
        if (!s.usual[n]) continue;
        for (size_t start = 0; start < effort.starts; ++start) {
          s.d[n][start] = ImproveGridBest(s.fits[start] + n * kSubs, kSubs, Type::kUnit,
                                          s.d[n][start], s.best[n]);
        }
      }
    }
    for (size_t n = 0; n < count; ++n) {
      const size_t at = n * kGridBlockValues;
      const float* w =
          importance != nullptr ? importance + (first * kGridBlockValues + at) % columns : nullptr;
      PackRefinedBlock<Type>(s.usual[n] && s.best[n].error < 0.0f, x + at, w, s.weights + at,
                             s.best[n], out + (first + n) * sizeof(typename Type::Block));
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
