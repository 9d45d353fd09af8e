// The search of all points of a codebook, under several scales, for one sub-block per SIMD lane.
//
// Lane arrays hold value i of the sub-block in lane b at [i * lanes + b].

// Per-target include guard
#if defined(GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_GRID_HALVES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_GRID_HALVES_INL_H_
#undef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_GRID_HALVES_INL_H_
#else
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_GRID_HALVES_INL_H_
#endif

#include <cfloat>
#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "quantize/encode/lanes-inl.h"
#include "quantize/encode/refine/grid_halves.h"
#include "quantize/encode/signed_search-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// A and B of every distinct half of a run; `odd`: B with the sign that costs least turned over (in
// types with a run per mask of signs, only where a sign has to be).
struct HalfLanes {
  HWY_ALIGN float a[kMaxHalves * kMaxLanes];
  HWY_ALIGN float b[kMaxHalves * kMaxLanes];
  HWY_ALIGN float odd[kMaxHalves * kMaxLanes];
};

// One group of sub-blocks under search.
template <class Type>
struct GridSubLanes {
  static constexpr size_t kSub = Type::kType.sub_values;
  static constexpr size_t kRun = Type::kType.run;
  static constexpr bool kParity = Type::kType.even_signs;
  static constexpr size_t kRuns = kSub / kRun;
  static constexpr size_t kMaskRuns = 8 / kRun;              // runs under one mask of signs
  static constexpr bool kTurns = kParity && kMaskRuns == 1;  // the tables `odd` fit the signs of x
  static constexpr size_t kScales = kParity ? 2 : 4;  // searched at a time, to hide latencies

  HWY_ALIGN float w[kSub * kMaxLanes];
  HWY_ALIGN float wx[kSub * kMaxLanes];       // w * |x|
  HWY_ALIGN float odd[kSub / 8 * kMaxLanes];  // 1: an odd number of x is negative; 0
  HalfLanes first[kMaskRuns];
  HalfLanes second[kMaskRuns];
  HWY_ALIGN float costs[kMaxHalves * kScales * kMaxLanes];  // of second halves, with labels
  HWY_ALIGN float odd_costs[kParity ? kMaxHalves * kScales * kMaxLanes : 1];
};

// Loads `count` (1 to Lanes) sub-blocks, which lie one after the other, as do their weights.
template <class Type, class DF>
HWY_INLINE void LoadSubLanes(DF df, size_t count, const float* HWY_RESTRICT x,
                             const float* HWY_RESTRICT weights, GridSubLanes<Type>& g) {
  constexpr size_t kSub = Type::kType.sub_values;
  const hn::RebindToUnsigned<DF> du;
  const size_t lanes = hn::Lanes(df);
  LoadBlocksToLanes(df, x, kSub, count, kSub, g.wx);
  LoadBlocksToLanes(df, weights, kSub, count, kSub, g.w);
  for (size_t k = 0; k < kSub / 8; ++k) {
    auto parity = hn::Zero(du);
    for (size_t i = 8 * k; i < 8 * k + 8; ++i) {
      const auto v = hn::Load(df, g.wx + i * lanes);
      // -0 + 0 is 0: its sign is positive.
      parity = hn::Xor(parity, hn::BitCast(du, hn::Add(v, hn::Zero(df))));
      hn::Store(hn::Mul(hn::Load(df, g.w + i * lanes), hn::Abs(v)), df, g.wx + i * lanes);
    }
    const auto is_odd = hn::MaskFromVec(
        hn::BitCast(df, hn::BroadcastSignBit(hn::BitCast(hn::RebindToSigned<DF>(), parity))));
    hn::Store(hn::IfThenElseZero(is_odd, hn::Set(df, 1.0f)), df, g.odd + k * lanes);
  }
}

// Fills the tables of one half, whose weights are w[k * lanes]. `turns`: signs to turn over, 1 or
// 0.
template <size_t kRun, bool kParity, class DF, class VF>
HWY_INLINE void FillHalfLanes(DF df, const std::vector<GridHalves::Half>& halves,
                              const std::vector<float>& values, const float* HWY_RESTRICT w,
                              const float* HWY_RESTRICT wx, VF turns, HalfLanes& tables) {
  constexpr size_t kLevels = kRun == 8 ? 3 : 8;
  constexpr size_t kPairs = kRun / 4;  // of values
  const size_t lanes = hn::Lanes(df);
  // By the ranks of two values.
  HWY_ALIGN float a[kPairs][kLevels * kLevels * kMaxLanes];
  HWY_ALIGN float b[kPairs][kLevels * kLevels * kMaxLanes];
  HWY_ALIGN float least[kPairs][kLevels * kLevels * kMaxLanes];
  for (size_t p = 0; p < kPairs; ++p) {
    const auto w0 = hn::Load(df, w + 2 * p * lanes);
    const auto w1 = hn::Load(df, w + (2 * p + 1) * lanes);
    const auto wx0 = hn::Load(df, wx + 2 * p * lanes);
    const auto wx1 = hn::Load(df, wx + (2 * p + 1) * lanes);
    for (size_t l0 = 0; l0 < kLevels; ++l0) {
      const auto a0 = hn::Mul(w0, hn::Set(df, values[l0] * values[l0]));
      const auto b0 = hn::Mul(wx0, hn::Set(df, values[l0]));
      for (size_t l1 = 0; l1 < kLevels; ++l1) {
        const size_t at = (l0 * kLevels + l1) * lanes;
        const auto b1 = hn::Mul(wx1, hn::Set(df, values[l1]));
        hn::Store(hn::Add(a0, hn::Mul(w1, hn::Set(df, values[l1] * values[l1]))), df, a[p] + at);
        hn::Store(hn::Add(b0, b1), df, b[p] + at);
        if constexpr (kParity) hn::Store(hn::Min(b0, b1), df, least[p] + at);
      }
    }
  }
  const auto twice = hn::Add(turns, turns);
  for (size_t h = 0; h < halves.size(); ++h) {
    const GridHalves::Half& half = halves[h];
    const size_t at0 = (half[0] * kLevels + half[1]) * lanes;
    auto va = hn::Load(df, a[0] + at0);
    auto vb = hn::Load(df, b[0] + at0);
    auto vl = hn::Undefined(df);
    if constexpr (kParity) vl = hn::Load(df, least[0] + at0);
    if constexpr (kPairs == 2) {
      const size_t at1 = (half[2] * kLevels + half[3]) * lanes;
      va = hn::Add(va, hn::Load(df, a[kPairs - 1] + at1));
      vb = hn::Add(vb, hn::Load(df, b[kPairs - 1] + at1));
      if constexpr (kParity) vl = hn::Min(vl, hn::Load(df, least[kPairs - 1] + at1));
    }
    hn::Store(va, df, tables.a + h * lanes);
    hn::Store(vb, df, tables.b + h * lanes);
    if constexpr (kParity) {
      hn::Store(hn::Sub(vb, hn::Mul(twice, vl)), df, tables.odd + h * lanes);
    }
  }
}

// The best points of a run so far, under kScales scales.
template <class DF, size_t kScales>
struct LaneChoices {
  using VF = hn::Vec<DF>;
  using VU = hn::Vec<hn::RebindToUnsigned<DF>>;
  VF cost[kScales];
  VU first[kScales];  // CodeOfHalves(number of the first half, 0)
  VF label[kScales];  // cost of the second half with its number

  HWY_INLINE void Clear(DF df) {
    HWY_UNROLL(4)
    for (size_t t = 0; t < kScales; ++t) {
      cost[t] = hn::Set(df, FLT_MAX);
      first[t] = hn::Zero(hn::RebindToUnsigned<DF>());
      label[t] = hn::Zero(df);
    }
  }

  HWY_INLINE void Keep(size_t t, VF new_cost, VU new_first, VF new_label) {
    const hn::RebindToUnsigned<DF> du;
    const auto better = hn::Lt(new_cost, cost[t]);
    cost[t] = hn::IfThenElse(better, new_cost, cost[t]);
    first[t] = hn::IfThenElse(hn::RebindMask(du, better), new_first, first[t]);
    label[t] = hn::IfThenElse(better, new_label, label[t]);
  }

  HWY_INLINE VU Code(size_t t) const {
    const hn::RebindToUnsigned<DF> du;
    const auto bits = hn::Set(du, (1u << kHalfBits) - 1);
    return hn::Or(first[t], hn::And(hn::BitCast(du, label[t]), bits));
  }
};

// costs[(j * kScales + t) * lanes]: of second half j under the inverse scale u[t], with its number
// in the lowest bits. `b`: the table b or odd of the half.
template <size_t kScales, class DF, class VF>
HWY_INLINE void LabelCosts(DF df, size_t num_halves, const float* HWY_RESTRICT a,
                           const float* HWY_RESTRICT b, const VF* u, float* HWY_RESTRICT costs) {
  const hn::RebindToUnsigned<DF> du;
  const size_t lanes = hn::Lanes(df);
  const auto label_bits = hn::Set(du, (1u << kHalfBits) - 1);
  for (size_t j = 0; j < num_halves; ++j) {
    const auto va = hn::Load(df, a + j * lanes);
    const auto vb = hn::Load(df, b + j * lanes);
    const auto number = hn::Set(du, static_cast<uint32_t>(j));
    HWY_UNROLL(4)
    for (size_t t = 0; t < kScales; ++t) {
      const auto cost = hn::BitCast(du, hn::Sub(va, hn::Mul(u[t], vb)));
      const auto labelled = hn::Or(hn::AndNot(label_bits, cost), number);
      hn::Store(hn::BitCast(df, labelled), df, costs + (j * kScales + t) * lanes);
    }
  }
}

// Searches run `r` of the mask under the inverse scales u: `even` with the signs of x, `odd` with
// those turned over that the tables `odd` have turned over.
template <class Type, size_t kScales, class DF, class VF = hn::Vec<DF>>
HWY_INLINE void SearchRunLanes(DF df, const GridHalves& halves, size_t r, const VF* u,
                               GridSubLanes<Type>& g, LaneChoices<DF, kScales>& even,
                               LaneChoices<DF, kScales>& odd) {
  using G = GridSubLanes<Type>;
  const hn::RebindToUnsigned<DF> du;
  const size_t lanes = hn::Lanes(df);
  const HalfLanes& first = g.first[r];
  const HalfLanes& second = g.second[r];
  const size_t num_second = halves.second.size();
  LabelCosts<kScales>(df, num_second, second.a, second.b, u, g.costs);
  if constexpr (G::kParity) {
    LabelCosts<kScales>(df, num_second, second.a, second.odd, u, g.odd_costs);
  }
  even.Clear(df);
  odd.Clear(df);
  for (size_t i = 0; i < halves.first.size(); ++i) {
    VF least[kScales];
    VF odd_least[kScales];
    HWY_UNROLL(4)
    for (size_t t = 0; t < kScales; ++t) least[t] = odd_least[t] = hn::Set(df, FLT_MAX);
    for (size_t m = halves.starts[i]; m < halves.starts[i + 1]; ++m) {
      const size_t at = halves.members[m] * kScales * lanes;
      HWY_UNROLL(4)
      for (size_t t = 0; t < kScales; ++t) {
        least[t] = hn::Min(least[t], hn::Load(df, g.costs + at + t * lanes));
        if constexpr (G::kParity) {
          odd_least[t] = hn::Min(odd_least[t], hn::Load(df, g.odd_costs + at + t * lanes));
        }
      }
    }
    const auto a = hn::Load(df, first.a + i * lanes);
    const auto b = hn::Load(df, first.b + i * lanes);
    const auto number = hn::Set(du, CodeOfHalves(static_cast<uint32_t>(i), 0));
    HWY_UNROLL(4)
    for (size_t t = 0; t < kScales; ++t) {
      const auto cost = hn::Sub(a, hn::Mul(u[t], b));
      if constexpr (!G::kTurns) even.Keep(t, hn::Add(cost, least[t]), number, least[t]);
      if constexpr (G::kParity) {
        const auto odd_cost = hn::Sub(a, hn::Mul(u[t], hn::Load(df, first.odd + i * lanes)));
        const auto in_first = hn::Add(odd_cost, least[t]);
        const auto in_second = hn::Add(cost, odd_least[t]);
        const auto is_first = hn::Le(in_first, in_second);
        odd.Keep(t, hn::IfThenElse(is_first, in_first, in_second), number,
                 hn::IfThenElse(is_first, least[t], odd_least[t]));
      }
    }
  }
}

// Adds A and B of the points `code` of run `r` to the sums. `turned`: where they are from `odd`.
template <class Type, class DF, class VU, class VF>
HWY_INLINE void AddMomentsLanes(DF df, VU code, hn::Mask<DF> turned, size_t r,
                                const GridSubLanes<Type>& g, VF& a, VF& b) {
  const hn::RebindToSigned<DF> di;
  const auto index = hn::BitCast(di, code);
  const auto lane = hn::Iota(di, 0);
  const auto stride = hn::Set(di, static_cast<int32_t>(hn::Lanes(df)));
  const auto i = hn::Add(hn::Mul(hn::ShiftRight<kHalfBits>(index), stride), lane);
  const auto low = hn::And(index, hn::Set(di, (1 << kHalfBits) - 1));
  const auto j = hn::Add(hn::Mul(low, stride), lane);
  const HalfLanes& first = g.first[r];
  const HalfLanes& second = g.second[r];
  a = hn::Add(a, hn::Add(hn::GatherIndex(df, first.a, i), hn::GatherIndex(df, second.a, j)));
  const auto b1 = hn::GatherIndex(df, first.b, i);
  const auto b2 = hn::GatherIndex(df, second.b, j);
  auto sum = hn::Add(b1, b2);
  if constexpr (GridSubLanes<Type>::kParity) {
    const auto odd = hn::Max(hn::Add(hn::GatherIndex(df, first.odd, i), b2),
                             hn::Add(b1, hn::GatherIndex(df, second.odd, j)));
    sum = hn::IfThenElse(turned, odd, sum);
  }
  b = hn::Add(b, sum);
}

// The best points of the loaded sub-blocks under `num_scales` (a multiple of kScales) scales, of
// lane b under scale t: scales[t * lanes + b], and so A and B. kCodes: CodeOfHalves of run r at
// codes[(t * kRuns + r) * lanes + b].
template <class Type, size_t kScales, bool kCodes, class DF>
HWY_NOINLINE void SearchSubLanes(DF df, const GridHalves& halves, size_t num_scales,
                                 const float* HWY_RESTRICT scales, GridSubLanes<Type>& g,
                                 float* HWY_RESTRICT a, float* HWY_RESTRICT b,
                                 uint32_t* HWY_RESTRICT codes) {
  using G = GridSubLanes<Type>;
  using VF = hn::Vec<DF>;
  constexpr size_t kHalf = G::kRun / 2;
  constexpr size_t kLast = G::kMaskRuns - 1;
  const hn::RebindToUnsigned<DF> du;
  const size_t lanes = hn::Lanes(df);
  for (size_t first = 0; first < G::kRuns; first += G::kMaskRuns) {
    const auto parity = hn::Load(df, g.odd + first * G::kRun / 8 * lanes);
    const auto turns = G::kTurns ? parity : hn::Set(df, 1.0f);
    for (size_t r = 0; r < G::kMaskRuns; ++r) {
      const float* HWY_RESTRICT w = g.w + (first + r) * G::kRun * lanes;
      const float* HWY_RESTRICT wx = g.wx + (first + r) * G::kRun * lanes;
      FillHalfLanes<G::kRun, G::kParity>(df, halves.first, halves.values, w, wx, turns, g.first[r]);
      FillHalfLanes<G::kRun, G::kParity>(df, halves.second, halves.values, w + kHalf * lanes,
                                         wx + kHalf * lanes, turns, g.second[r]);
    }
    const auto is_odd = hn::Gt(parity, hn::Zero(df));
    for (size_t t0 = 0; t0 < num_scales; t0 += kScales) {
      VF u[kScales];
      HWY_UNROLL(4)
      for (size_t t = 0; t < kScales; ++t) {
        u[t] = hn::Div(hn::Set(df, 2.0f), hn::Load(df, scales + (t0 + t) * lanes));
      }
      LaneChoices<DF, kScales> even[G::kMaskRuns];
      LaneChoices<DF, kScales> odd[G::kMaskRuns];
      HWY_UNROLL(2)
      for (size_t r = 0; r < G::kMaskRuns; ++r) {
        SearchRunLanes<Type, kScales>(df, halves, r, u, g, even[r], odd[r]);
      }
      HWY_UNROLL(4)
      for (size_t t = 0; t < kScales; ++t) {
        const size_t at = (t0 + t) * lanes;
        auto sum_a = first == 0 ? hn::Zero(df) : hn::Load(df, a + at);
        auto sum_b = first == 0 ? hn::Zero(df) : hn::Load(df, b + at);
        // Of two runs with one sign to turn over together, the one that costs less.
        auto in_second = hn::MaskFromVec(hn::Zero(df));
        if constexpr (G::kParity && !G::kTurns) {
          in_second = hn::Lt(hn::Add(even[0].cost[t], odd[kLast].cost[t]),
                             hn::Add(odd[0].cost[t], even[kLast].cost[t]));
        }
        HWY_UNROLL(2)
        for (size_t r = 0; r < G::kMaskRuns; ++r) {
          auto turned = hn::MaskFromVec(hn::Zero(df));
          auto code = even[r].Code(t);
          if constexpr (G::kTurns) {
            turned = hn::Eq(parity, parity);
            code = odd[r].Code(t);
          } else if constexpr (G::kParity) {
            turned = r == 0 ? hn::AndNot(in_second, is_odd) : hn::And(in_second, is_odd);
            code = hn::IfThenElse(hn::RebindMask(du, turned), odd[r].Code(t), code);
          }
          AddMomentsLanes<Type>(df, code, turned, r, g, sum_a, sum_b);
          if constexpr (kCodes) {
            hn::Store(code, du, codes + ((t0 + t) * G::kRuns + first + r) * lanes);
          }
        }
        hn::Store(sum_a, df, a + at);
        hn::Store(sum_b, df, b + at);
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
