// FitGridSubBlock (grid_search.h) for one sub-block per SIMD lane.
//
// All steps are rounded first, which leaves many runs off the grid; their neighbours are searched
// together, sorted by length of list, and last the steps are compared in order. Every sum and
// product is the scalar one, so the bytes are.
//
// Lane arrays hold value i of the sub-block in lane b at [i * lanes + b]; run arrays hold the
// values of run r in lane b from [(r * lanes + b) * values per run] on.

// Per-target include guard
#if defined(GGUF_TOOLCHAIN_QUANTIZE_ENCODE_GRID_SEARCH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_GRID_SEARCH_INL_H_
#undef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_GRID_SEARCH_INL_H_
#else
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_GRID_SEARCH_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "quantize/encode/grid.h"
#include "quantize/encode/grid_nearest-inl.h"
#include "quantize/encode/grid_search.h"
#include "quantize/encode/lanes-inl.h"
#include "quantize/encode/positive_search-inl.h"
#include "quantize/encode/signed_search-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Sub-blocks beyond these limits are left to the scalar search: within them nothing overflows,
// and the steps round values far below 2^22, where adding 1.5 * 2^23 rounds to an integer.
inline constexpr float kGridLargest = 0x1p40f;    // of values and weights
inline constexpr float kGridSmallest = 0x1p-60f;  // of the maximum
inline constexpr float kGridRatio = 0x1p8f;       // of the largest value to the maximum, and of the
                                                  // maximum and the one that the seed stands for

// One group of sub-blocks under search. `Type` has a member `static constexpr GridType kType`.
template <class Type>
struct GridLanes {
  static constexpr GridType kType = Type::kType;
  static constexpr size_t kSub = kType.sub_values;
  static constexpr size_t kRun = kType.run;
  static constexpr size_t kRuns = kSub / kRun;
  static constexpr size_t kSteps = 2 * kType.steps + 1;

  const Grid* grid;
  HWY_ALIGN float x[kSub * kMaxLanes];  // lane arrays: magnitudes, some negated; weights; products
  HWY_ALIGN float w[kSub * kMaxLanes];
  HWY_ALIGN float wx[kSub * kMaxLanes];
  HWY_ALIGN float run_x[kSub * kMaxLanes];  // run arrays: x; square roots of w
  HWY_ALIGN float run_roots[kSub * kMaxLanes];
  HWY_ALIGN uint32_t signs[kSub / 8 * kMaxLanes];
  HWY_ALIGN float trials[kSteps * kMaxLanes];              // scale of step s
  HWY_ALIGN uint32_t entries[kSteps * kRuns * kMaxLanes];  // of run r in step s: s * kRuns + r
  HWY_ALIGN uint32_t kept[kRuns * kMaxLanes];              // of the best step
  GridNearestSpace<kSteps * kRuns * kMaxLanes> nearest_space;
};

// Splits x into magnitudes and sign masks, and makes the number of signs even where the type wants
// that, at the value which costs least.
template <class Type, class DF>
HWY_INLINE void SplitSignsLanes(DF df, size_t count, GridLanes<Type>& g) {
  constexpr size_t kRun = Type::kType.run;
  const hn::RebindToUnsigned<DF> du;
  const size_t lanes = hn::Lanes(df);
  for (size_t first = 0; first < Type::kType.sub_values; first += 8) {
    auto mask = hn::Zero(du);
    auto parity = hn::Zero(du);
    auto cheapest = hn::Zero(du);
    auto least = hn::Zero(df);
    for (size_t i = 0; i < 8; ++i) {
      float* HWY_RESTRICT px = g.x + (first + i) * lanes;
      const auto x = hn::Load(df, px);
      const auto w = hn::Load(df, g.w + (first + i) * lanes);
      // -0 + 0 is 0: its sign is positive.
      const auto sign = hn::ShiftRight<31>(hn::BitCast(du, hn::Add(x, hn::Zero(df))));
      mask = hn::Or(mask, hn::ShiftLeftSame(sign, static_cast<int>(i)));
      hn::Store(hn::Abs(x), df, px);
      if constexpr (Type::kType.even_signs) {
        parity = hn::Xor(parity, sign);
        const auto cost = hn::Mul(hn::Mul(w, x), x);
        if (i == 0) {
          least = cost;
        } else {
          const auto less = hn::Lt(cost, least);
          least = hn::IfThenElse(less, cost, least);
          cheapest = hn::IfThenElse(hn::RebindMask(du, less), hn::Set(du, static_cast<uint32_t>(i)),
                                    cheapest);
        }
      }
    }
    if constexpr (Type::kType.even_signs) {
      HWY_ALIGN uint32_t places[kMaxLanes];
      HWY_ALIGN uint32_t flips[kMaxLanes];
      hn::Store(cheapest, du, places);
      hn::Store(hn::ShiftLeft<31>(parity), du, flips);
      for (size_t i = 0; i < 8; ++i) {
        float* HWY_RESTRICT px = g.x + (first + i) * lanes;
        const auto here = hn::Eq(cheapest, hn::Set(du, static_cast<uint32_t>(i)));
        const auto flip = hn::IfThenElseZero(here, parity);
        mask = hn::Xor(mask, hn::ShiftLeftSame(flip, static_cast<int>(i)));
        const auto bits = hn::BitCast(du, hn::Load(df, px));
        hn::Store(hn::BitCast(df, hn::Xor(bits, hn::ShiftLeft<31>(flip))), df, px);
      }
      for (size_t b = 0; b < count; ++b) {
        const size_t i = first + places[b];
        float& value = g.run_x[(i / kRun * lanes + b) * kRun + i % kRun];
        value = flips[b] != 0 ? -value : value;
      }
      mask = hn::And(mask, hn::Set(du, 127));
    }
    hn::Store(hn::And(mask, hn::Set(du, 255)), du, g.signs + first / 8 * lanes);
  }
}

// Fills the run arrays for `count` sub-blocks.
template <class Type, class DF>
HWY_INLINE void LoadRuns(DF df, size_t count, const float* HWY_RESTRICT x,
                         const float* HWY_RESTRICT roots, GridLanes<Type>& g) {
  using G = GridLanes<Type>;
  const hn::CappedTag<float, 4> d4;
  const size_t lanes = hn::Lanes(df);
  for (size_t b = 0; b < count; ++b) {
    for (size_t i = 0; i < G::kSub; i += hn::Lanes(d4)) {
      const size_t to = (i / G::kRun * lanes + b) * G::kRun + i % G::kRun;
      hn::StoreU(hn::Abs(hn::LoadU(d4, x + b * G::kSub + i)), d4, g.run_x + to);
      hn::StoreU(hn::LoadU(d4, roots + b * G::kSub + i), d4, g.run_roots + to);
    }
  }
}

// The entries of the grid for all runs under the inverse scales. kExact: as RoundToCode does for
// any value; else the products are far below 2^22.
template <class Type, bool kExact, class DF, class VF>
HWY_INLINE void LookUpRuns(DF df, VF inverse, const GridLanes<Type>& g,
                           uint32_t* HWY_RESTRICT entries) {
  constexpr GridType kType = Type::kType;
  constexpr size_t kRun = kType.run;
  const hn::RebindToSigned<DF> di;
  const hn::RebindToUnsigned<DF> du;
  const size_t lanes = hn::Lanes(df);
  const auto* table = reinterpret_cast<const int32_t*>(g.grid->entries.data());
  const auto one = hn::Set(df, 1.0f);
  const auto half = hn::Set(df, 0.5f);
  const auto magic = hn::Set(df, 12582912.0f);
  const auto top = hn::Set(df, 12582912.0f + static_cast<float>(kType.levels - 1));
  const auto base = hn::Set(df, static_cast<float>(kType.levels));
  for (size_t r = 0; r < kType.sub_values / kRun; ++r) {
    auto key = hn::Zero(df);
    for (size_t k = kRun; k > 0; --k) {
      const auto x = hn::Load(df, g.x + (r * kRun + k - 1) * lanes);
      const auto v = hn::Sub(hn::Mul(inverse, x), one);
      // In MulAdd the product is exact, with and without fused arithmetic.
      if constexpr (kExact) {
        const auto level = hn::Min(hn::Max(RintLanes(df, hn::Mul(v, half)), hn::Zero(di)),
                                   hn::Set(di, kType.levels - 1));
        key = hn::MulAdd(key, base, hn::ConvertTo(df, level));
      } else {
        auto rounded = hn::Min(hn::MulAdd(v, half, magic), top);
        if constexpr (kType.even_signs) rounded = hn::Max(rounded, magic);  // x can be negative
        key = hn::MulAdd(key, base, hn::Sub(rounded, magic));
      }
    }
    const auto entry = hn::GatherIndex(di, table, hn::ConvertTo(di, key));
    hn::Store(hn::BitCast(du, entry), du, entries + r * lanes);
  }
}

// The values 2 * level + 1 at bits `shift` and above of packed levels.
template <int kBits, class DF, class VU>
HWY_INLINE hn::Vec<DF> ValuesOfLevels(DF df, VU packed, int shift) {
  const auto low = hn::ShiftRightSame(packed, shift);
#if GGUF_GRID_TABLE_LOOKUPS
  HWY_ALIGN static constexpr float kValues[2][16] = {
      {1, 3, 5, 7, 1, 3, 5, 7, 1, 3, 5, 7, 1, 3, 5, 7},
      {1, 3, 5, 7, 9, 11, 13, 15, 1, 3, 5, 7, 9, 11, 13, 15}};
  return LookUpLowBits(df, hn::Load(df, kValues[kBits - 2]), low);
#else
  const hn::RebindToSigned<DF> di;
  const hn::RebindToUnsigned<DF> du;
  const auto level = hn::And(low, hn::Set(du, (1u << kBits) - 1));
  const auto value = hn::Or(hn::Add(level, level), hn::Set(du, 1));
  return hn::ConvertTo(df, hn::BitCast(di, value));
#endif
}

// sum w*x*q and sum w*q*q of the sub-blocks under `points`.
template <class Type, class DF, class VF>
HWY_INLINE void MomentsOfRuns(DF df, const GridLanes<Type>& g, const uint32_t* HWY_RESTRICT points,
                              VF& qx, VF& q2) {
  constexpr size_t kRun = Type::kType.run;
  constexpr int kBits = kRun == 8 ? 2 : 3;
  const hn::RebindToUnsigned<DF> du;
  const size_t lanes = hn::Lanes(df);
  qx = hn::Zero(df);
  q2 = hn::Zero(df);
  for (size_t r = 0; r < Type::kType.sub_values / kRun; ++r) {
    const auto point = hn::Load(du, points + r * lanes);
    for (size_t k = 0; k < kRun; ++k) {
      const size_t i = (r * kRun + k) * lanes;
      const auto q = ValuesOfLevels<kBits>(df, point, static_cast<int>(kBits * k));
      qx = hn::Add(qx, hn::Mul(hn::Load(df, g.wx + i), q));
      q2 = hn::Add(q2, hn::Mul(hn::Mul(hn::Load(df, g.w + i), q), q));
    }
  }
}

// Tries all steps; scale and kept runs of the best, or `scale` and the first points.
template <class Type, class DF, class VF>
HWY_INLINE void SearchStepsLanes(DF df, VF max, hn::Mask<DF> active, GridLanes<Type>& g,
                                 VF& scale) {
  using G = GridLanes<Type>;
  constexpr GridType kType = Type::kType;
  const hn::RebindToSigned<DF> di;
  const size_t lanes = hn::Lanes(df);
  for (size_t s = 0; s < G::kSteps; ++s) {
    const float step = static_cast<float>(static_cast<int>(s) - kType.steps);
    const auto quotient = hn::Div(hn::Set(df, kType.top + step * kType.step_size), max);
    // 0 gives the lowest levels, which are on the grid: no search for lanes without a result.
    const auto inverse = hn::IfThenElseZero(active, quotient);
    hn::Store(hn::Div(hn::Set(df, 1.0f), inverse), df, g.trials + s * lanes);
    LookUpRuns<Type, false>(df, inverse, g, g.entries + s * G::kRuns * lanes);
  }
  ReplaceOffGrid<G::kRun, G::kRuns>(df, *g.grid, G::kSteps * G::kRuns * lanes, g.run_x, g.run_roots,
                                    g.trials, g.nearest_space, g.entries);
  auto best = hn::Zero(df);
  auto best_step = hn::Set(di, -1);
  for (size_t s = 0; s < G::kSteps; ++s) {
    VF qx, q2;
    MomentsOfRuns(df, g, g.entries + s * G::kRuns * lanes, qx, q2);
    const auto better =
        hn::And(hn::Gt(q2, hn::Zero(df)), hn::Gt(hn::Mul(qx, qx), hn::Mul(best, q2)));
    const auto fit = hn::Div(qx, q2);
    scale = hn::IfThenElse(better, fit, scale);
    best = hn::IfThenElse(better, hn::Mul(fit, qx), best);
    best_step =
        hn::IfThenElse(hn::RebindMask(di, better), hn::Set(di, static_cast<int32_t>(s)), best_step);
  }
  constexpr bool kStartsOff = kType.final_pass == GridFinalPass::kAllIfAnyOffGrid;
  const uint32_t none = g.grid->points[0] | (kStartsOff ? kWasOffGrid : 0);
  HWY_ALIGN int32_t steps[kMaxLanes];
  hn::Store(best_step, di, steps);
  for (size_t r = 0; r < G::kRuns; ++r) {
    for (size_t b = 0; b < lanes; ++b) {
      g.kept[r * lanes + b] =
          steps[b] < 0 ? none : g.entries[(steps[b] * G::kRuns + r) * lanes + b];
    }
  }
}

// Projects the runs that the type says once more, under the scale itself.
template <class Type, class DF, class VF>
HWY_INLINE void ProjectFinallyLanes(DF df, hn::Mask<DF> active, GridLanes<Type>& g, VF& scale) {
  using G = GridLanes<Type>;
  constexpr GridFinalPass kPass = Type::kType.final_pass;
  const hn::RebindToUnsigned<DF> du;
  const size_t lanes = hn::Lanes(df);
  const auto was_off = hn::Set(du, kWasOffGrid);
  auto flags = hn::Zero(du);
  for (size_t r = 0; r < G::kRuns; ++r) {
    flags = hn::Or(flags, hn::And(hn::Load(du, g.kept + r * lanes), was_off));
  }
  auto lanes_to_do = hn::And(active, hn::Gt(scale, hn::Zero(df)));
  if constexpr (kPass != GridFinalPass::kAll) {
    lanes_to_do = hn::And(lanes_to_do, hn::RebindMask(df, hn::Eq(flags, was_off)));
  }
  if (hn::AllFalse(df, lanes_to_do)) return;
  const auto inverse = hn::IfThenElseZero(lanes_to_do, hn::Div(hn::Set(df, 1.0f), scale));
  hn::Store(scale, df, g.trials);
  LookUpRuns<Type, true>(df, inverse, g, g.entries);
  for (size_t r = 0; r < G::kRuns; ++r) {
    const auto kept = hn::Load(du, g.kept + r * lanes);
    auto to_do = hn::RebindMask(du, lanes_to_do);
    if constexpr (kPass == GridFinalPass::kOffGrid) {
      to_do = hn::And(to_do, hn::Eq(hn::And(kept, was_off), was_off));
    }
    const auto entry = hn::Load(du, g.entries + r * lanes);
    hn::Store(hn::IfThenElse(to_do, entry, kept), du, g.kept + r * lanes);
  }
  ReplaceOffGrid<G::kRun, G::kRuns>(df, *g.grid, G::kRuns * lanes, g.run_x, g.run_roots, g.trials,
                                    g.nearest_space, g.kept);
  VF qx, q2;
  MomentsOfRuns(df, g, g.kept, qx, q2);
  const auto better = hn::And(lanes_to_do, hn::Gt(q2, hn::Zero(df)));
  scale = hn::IfThenElse(better, hn::Div(qx, q2), scale);
}

// Where the results of a batch go: GridSubBlock for consecutive sub-blocks.
struct GridResults {
  float* scales;
  uint16_t* indices;
  uint8_t* signs;
};

// Writes the results of `count` lanes; those in `zero` have none.
template <class Type, class DF, class VF>
HWY_INLINE void StoreResults(DF df, size_t count, VF scale, hn::Mask<DF> zero,
                             const GridLanes<Type>& g, const GridResults& results) {
  using G = GridLanes<Type>;
  constexpr size_t kMasks = G::kSub / 8;
  const size_t lanes = hn::Lanes(df);
  HWY_ALIGN float scales[kMaxLanes];
  hn::Store(hn::IfThenZeroElse(zero, scale), df, scales);
  HWY_ALIGN float is_zero[kMaxLanes];
  hn::Store(hn::IfThenElseZero(zero, hn::Set(df, 1.0f)), df, is_zero);
  for (size_t b = 0; b < count; ++b) {
    const uint32_t complement = scales[b] < 0.0f ? (G::kType.even_signs ? 127 : 255) : 0;
    const bool none = is_zero[b] != 0.0f;
    results.scales[b] = scales[b] < 0.0f ? -scales[b] : scales[b];
    for (size_t r = 0; r < G::kRuns; ++r) {
      results.indices[b * G::kRuns + r] = none ? 0 : IndexOfPoint(g.kept[r * lanes + b]);
    }
    for (size_t k = 0; k < kMasks; ++k) {
      const uint32_t mask = g.signs[k * lanes + b] ^ complement;
      results.signs[b * kMasks + k] = none ? 0 : static_cast<uint8_t>(mask);
    }
  }
}

// Fits `count` (1 to Lanes) sub-blocks, which lie one after the other, as do their weights and the
// roots of these.
template <class Type, class DF>
HWY_INLINE void FitGridLanes(DF df, size_t count, const float* HWY_RESTRICT x,
                             const float* HWY_RESTRICT weights, const float* HWY_RESTRICT roots,
                             GridLanes<Type>& g, const GridResults& results) {
  using G = GridLanes<Type>;
  using VF = hn::Vec<DF>;
  constexpr GridType kType = Type::kType;
  const size_t lanes = hn::Lanes(df);
  LoadBlocksToLanes(df, x, G::kSub, count, G::kSub, g.x);
  LoadBlocksToLanes(df, weights, G::kSub, count, G::kSub, g.w);
  LoadRuns(df, count, x, roots, g);
  SplitSignsLanes(df, count, g);
  VF max = hn::Load(df, g.x);
  const auto limit = hn::Set(df, kGridLargest);
  auto usual = hn::FirstN(df, count);
  VF magnitude = hn::Zero(df);
  for (size_t i = 0; i < G::kSub; ++i) {
    const auto v = hn::Load(df, g.x + i * lanes);
    const auto w = hn::Load(df, g.w + i * lanes);
    max = hn::Max(v, max);
    magnitude = hn::Max(hn::Abs(v), magnitude);
    usual = hn::And(usual, hn::Le(w, limit));  // not Max, which can lose a NaN
    hn::Store(hn::Mul(w, v), df, g.wx + i * lanes);
  }
  auto zero = hn::Lt(max, hn::Set(df, kType.tiny));
  VF scale = hn::Div(max, hn::Set(df, kType.top));
  const VF first_max = max;
  if constexpr (kType.seeded) {
    HWY_ALIGN int32_t codes[G::kSub * kMaxLanes];
    HWY_ALIGN float seeds[kMaxLanes];
    FitPositiveLanes<G::kSub>(df, kType.levels + 1, g.x, g.w, codes, seeds);
    scale = hn::Load(df, seeds);
    max = hn::Mul(scale, hn::Set(df, static_cast<float>(kType.levels)));
    zero = hn::Or(zero, hn::Le(max, hn::Zero(df)));
  }
  const auto ratio = hn::Set(df, kGridRatio);
  usual = hn::And(usual,
                  hn::And(hn::Le(magnitude, limit), hn::Ge(first_max, hn::Set(df, kGridSmallest))));
  usual = hn::And(usual, hn::And(hn::Le(magnitude, hn::Mul(first_max, ratio)),
                                 hn::And(hn::Le(first_max, hn::Mul(max, ratio)),
                                         hn::Le(max, hn::Mul(first_max, ratio)))));
  const auto active = hn::AndNot(zero, usual);
  if (!hn::AllFalse(df, active)) {
    SearchStepsLanes(df, max, active, g, scale);
    ProjectFinallyLanes(df, active, g, scale);
  }
  StoreResults(df, count, scale, hn::Not(active), g, results);
  // Unusual sub-blocks, and the zero ones, which cost nothing.
  HWY_ALIGN float done[kMaxLanes];
  hn::Store(hn::IfThenElseZero(active, hn::Set(df, 1.0f)), df, done);
  for (size_t b = 0; b < count; ++b) {
    if (HWY_LIKELY(done[b] != 0.0f)) continue;
    GridSubBlock sub = {0.0f, results.indices + b * G::kRuns, results.signs + b * G::kSub / 8};
    FitGridSubBlock(kType, *g.grid, x + b * G::kSub, weights + b * G::kSub, sub);
    results.scales[b] = sub.scale;
  }
}

// GridBlockWeights and the roots of the weights.
template <class Type, class DF>
HWY_INLINE void WeightsOfBlock(DF df, float plain_sigma2, const float* HWY_RESTRICT x,
                               const float* HWY_RESTRICT importance, float sum_of_squares,
                               float* HWY_RESTRICT weights, float* HWY_RESTRICT roots) {
  constexpr GridType kType = Type::kType;
  const float sigma2 = kType.sigma2_factor * sum_of_squares / 256.0f;
  const auto constant = hn::Set(df, plain_sigma2 > 0.0f ? plain_sigma2 * sigma2 : 0.0f);
  for (size_t i = 0; i < kGridBlockValues; i += hn::Lanes(df)) {
    const auto v = hn::LoadU(df, x + i);
    const auto square = hn::Mul(v, v);
    auto w = hn::Add(constant, square);
    if (importance != nullptr) {
      w = hn::Mul(hn::LoadU(df, importance + i), hn::Sqrt(hn::Add(hn::Set(df, sigma2), square)));
    }
    hn::Store(w, df, weights + i);
    hn::Store(hn::Sqrt(w), df, roots + i);
  }
}

// EncodeGridReference, the same bytes.
template <class Type, class Block, class PackBlock>
HWY_INLINE void EncodeGrid(const Grid& grid, const float* HWY_RESTRICT rows, size_t num_rows,
                           size_t columns, const float* HWY_RESTRICT importance, PackBlock pack,
                           uint8_t* HWY_RESTRICT out) {
  using G = GridLanes<Type>;
  constexpr size_t kBatch = 8;  // blocks
  const LaneTag df;
  const size_t lanes = hn::Lanes(df);
  auto* blocks = reinterpret_cast<Block*>(out);
  const size_t num_blocks = num_rows * columns / kGridBlockValues;
  HWY_ALIGN float weights[kBatch * kGridBlockValues];
  HWY_ALIGN float roots[kBatch * kGridBlockValues];
  float sums[kBatch];
  GridBlock fitted[kBatch];
  G g;
  g.grid = &grid;
  size_t column = 0;
  for (size_t first = 0; first < num_blocks; first += kBatch) {
    const size_t count = HWY_MIN(kBatch, num_blocks - first);
    const float* HWY_RESTRICT x = rows + first * kGridBlockValues;
    SumsOfSquares(df, x, kGridBlockValues, count, kGridBlockValues, sums);
    for (size_t n = 0; n < count; ++n) {
      const size_t start = n * kGridBlockValues;
      WeightsOfBlock<Type>(df, GridPlainSigma2(Type::kType), x + start,
                           importance != nullptr ? importance + column : nullptr, sums[n],
                           weights + start, roots + start);
      column = column + kGridBlockValues == columns ? 0 : column + kGridBlockValues;
    }
    // Sub-blocks of the batch, one after the other.
    float scales[kBatch * 16];
    uint16_t indices[kBatch * 64];
    uint8_t signs[kBatch * 32];
    const size_t num_subs = count * kGridBlockValues / G::kSub;
    for (size_t b = 0; b < num_subs; b += lanes) {
      const GridResults results = {scales + b, indices + b * G::kRuns, signs + b * G::kSub / 8};
      FitGridLanes(df, HWY_MIN(lanes, num_subs - b), x + b * G::kSub, weights + b * G::kSub,
                   roots + b * G::kSub, g, results);
    }
    constexpr size_t kSubs = kGridBlockValues / G::kSub;
    for (size_t n = 0; n < count; ++n) {
      hwy::CopyBytes<kSubs * sizeof(float)>(scales + n * kSubs, fitted[n].scales);
      constexpr size_t kIndices = kGridBlockValues / G::kRun;
      hwy::CopyBytes<kIndices * sizeof(uint16_t)>(indices + n * kIndices, fitted[n].indices);
      hwy::CopyBytes<32>(signs + n * 32, fitted[n].signs);
      PackGridBlock(G::kType, fitted[n], pack, blocks[first + n]);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
