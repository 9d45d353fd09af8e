// OneScale of one_scale.h with one block per SIMD lane.
//
// Transposed arrays hold value i of the block in lane b at [i * Lanes(df) + b].

// Per-target include guard
#if defined(GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_ONE_SCALE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_ONE_SCALE_INL_H_
#undef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_ONE_SCALE_INL_H_
#else
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_ONE_SCALE_INL_H_
#endif

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "quantize/encode/float16-inl.h"
#include "quantize/encode/refine/one_scale.h"
#include "quantize/encode/signed_search-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// F16ToF32 of finite binary16 patterns in the low halves of 32-bit lanes.
template <class DF>
HWY_INLINE hn::Vec<DF> FromF16Bits(DF df, hn::Vec<hn::RebindToSigned<DF>> bits) {
  const hn::RebindToSigned<DF> di;
  const auto magnitude = hn::ShiftLeft<13>(hn::And(bits, hn::Set(di, 0x7FFF)));
  const auto sign = hn::ShiftLeft<16>(hn::And(bits, hn::Set(di, 0x8000)));
  // The exponents differ by 112 in their bias; exact, subnormals included.
  const auto value = hn::Mul(hn::BitCast(df, magnitude), hn::Set(df, 0x1p112f));
  return hn::BitCast(df, hn::Or(hn::BitCast(di, value), sign));
}

// kWeighted: false if all weights are 1, so that no product with them is needed.
template <int kMax, bool kWeighted>
class OneScaleLanes {
 public:
  using DF = LaneTag;
  using VF = hn::Vec<DF>;
  using VI = hn::Vec<hn::RebindToSigned<DF>>;

  // Where the caller puts the transposed values, and the weights when kWeighted.
  float* values() { return x_; }
  float* weights() { return w_; }

  // halves: of every lane, in and out. Lanes with unusable ones keep them.
  void Improve(const TrialPlan& plan, int32_t* HWY_RESTRICT halves) const {
    const DF df;
    const hn::RebindToSigned<DF> di;
    VF largest, magnitude;
    FirstLargestLanes(df, kOneScaleValues, x_, largest, magnitude);
    const auto unit = hn::Div(hn::Set(df, -static_cast<float>(kMax)), largest);
    Fit fit = NoFit(df);
    size_t inside = 0;
    while (inside < plan.num_trials && std::fabs(plan.trials[inside]) < kInsideLimit<kMax>) {
      ++inside;
    }
    TryAll<true>(df, unit, plan.trials, 0, inside, fit);
    TryAll<false>(df, unit, plan.trials, inside, plan.num_trials, fit);
    TryAll<false>(df, fit.inverse, plan.details, 0, plan.num_details, fit);

    const auto given = hn::Load(di, halves);
    auto best = hn::IfThenElse(IsUsable(di, given), given, hn::Set(di, 0x3C00));
    auto error = Error(df, FromF16Bits(df, best));
    TryRounded(df, fit.scale, best, error);
    if (plan.polish) {
      Fit again = NoFit(df);
      const float factor[1] = {1.0f};
      TryAll<false>(df, hn::Div(hn::Set(df, 1.0f), FromF16Bits(df, best)), factor, 0, 1, again);
      TryRounded(df, again.scale, best, error);
      const auto nearest = best;
      TryHalf(df, hn::Add(nearest, hn::Set(di, 1)), best, error);
      TryHalf(df, hn::Sub(nearest, hn::Set(di, 1)), best, error);
    }
    hn::Store(hn::IfThenElse(IsUsable(di, given), best, given), di, halves);
  }

 private:
  struct Fit {
    VF gain;
    VF inverse;
    VF scale;
  };

  static HWY_INLINE Fit NoFit(DF df) { return {hn::Zero(df), hn::Zero(df), hn::Zero(df)}; }

  template <class DI>
  static HWY_INLINE hn::Mask<DI> IsUsable(DI di, VI half) {
    const auto magnitude = hn::And(half, hn::Set(di, 0x7FFF));
    return hn::And(hn::Gt(magnitude, hn::Zero(di)), hn::Lt(magnitude, hn::Set(di, 0x7C00)));
  }

  template <bool kInside>
  static HWY_INLINE VF Code(DF df, VF v) {
    const auto magic = hn::Set(df, 12582912.0f);
    const auto rounded = hn::Sub(hn::Add(v, magic), magic);
    if constexpr (kInside) return rounded;
    const auto low = hn::Set(df, -static_cast<float>(kMax));
    const auto high = hn::Set(df, static_cast<float>(kMax - 1));
    return hn::Min(hn::Max(rounded, low), high);
  }

  template <bool kInside>
  static HWY_INLINE void AddMoments(DF df, VF inverse, VF x, VF w, VF& xl, VF& l2) {
    const auto l = Code<kInside>(df, hn::Mul(inverse, x));
    const auto wl = kWeighted ? hn::Mul(w, l) : l;
    xl = hn::Add(xl, hn::Mul(wl, x));
    l2 = hn::Add(l2, hn::Mul(wl, l));
  }

  // Trials first .. last - 1 of the multiples of `unit`; two share their loads.
  template <bool kInside>
  HWY_INLINE void TryAll(DF df, VF unit, const float* HWY_RESTRICT factors, size_t first,
                         size_t last, Fit& fit) const {
    const size_t lanes = hn::Lanes(df);
    for (size_t k = first; k < last; k += 2) {
      const bool pair = k + 1 < last;
      const auto trial0 = hn::Mul(unit, hn::Set(df, factors[k]));
      const auto trial1 = hn::Mul(unit, hn::Set(df, factors[pair ? k + 1 : k]));
      auto xl0 = hn::Zero(df), l20 = hn::Zero(df), xl1 = hn::Zero(df), l21 = hn::Zero(df);
      HWY_UNROLL(4)
      for (size_t i = 0; i < kOneScaleValues; ++i) {
        const auto x = hn::Load(df, x_ + i * lanes);
        const auto w = kWeighted ? hn::Load(df, w_ + i * lanes) : x;
        AddMoments<kInside>(df, trial0, x, w, xl0, l20);
        AddMoments<kInside>(df, trial1, x, w, xl1, l21);
      }
      KeepBetter(df, trial0, xl0, l20, fit.scale, fit.inverse, fit.gain);
      if (pair) KeepBetter(df, trial1, xl1, l21, fit.scale, fit.inverse, fit.gain);
    }
  }

  HWY_INLINE VF Error(DF df, VF d) const {
    const size_t lanes = hn::Lanes(df);
    const auto inverse = hn::Div(hn::Set(df, 1.0f), d);
    auto sum = hn::Zero(df);
    for (size_t i = 0; i < kOneScaleValues; ++i) {
      const auto v = hn::Mul(inverse, hn::Load(df, x_ + i * lanes));
      const auto rest = hn::Sub(v, Code<false>(df, v));
      const auto weighted = kWeighted ? hn::Mul(hn::Load(df, w_ + i * lanes), rest) : rest;
      sum = hn::Add(sum, hn::Mul(weighted, rest));
    }
    return hn::Mul(sum, hn::Mul(d, d));
  }

  HWY_INLINE void TryRounded(DF df, VF scale, VI& best, VF& error) const {
    TryHalf(df, F16Bits(df, scale), best, error);
  }

  HWY_INLINE void TryHalf(DF df, VI half, VI& best, VF& error) const {
    const hn::RebindToSigned<DF> di;
    const auto usable = IsUsable(di, half);
    const auto candidate =
        Error(df, FromF16Bits(df, hn::IfThenElse(usable, half, hn::Set(di, 0x3C00))));
    const auto better = hn::And(hn::Lt(candidate, error), hn::RebindMask(df, usable));
    error = hn::IfThenElse(better, candidate, error);
    best = hn::IfThenElse(hn::RebindMask(di, better), half, best);
  }

  HWY_ALIGN float x_[kOneScaleValues * kMaxLanes];
  HWY_ALIGN float w_[kWeighted ? kOneScaleValues * kMaxLanes : 1];
};

// Codes 0 .. 2 * kMax - 1 of a block for a usable scale.
template <int kMax>
HWY_INLINE void OneScaleCodes(const float* HWY_RESTRICT x, uint16_t half,
                              uint8_t* HWY_RESTRICT codes) {
  const LaneTag df;
  const hn::RebindToSigned<LaneTag> di;
  const hn::Rebind<uint8_t, LaneTag> d8;
  const auto inverse = hn::Set(df, 1.0f / F16ToF32(half));
  const auto magic = hn::Set(df, 12582912.0f);
  for (size_t i = 0; i < kOneScaleValues; i += hn::Lanes(df)) {
    const auto v = hn::Mul(inverse, hn::LoadU(df, x + i));
    const auto rounded = hn::Sub(hn::Add(v, magic), magic);
    const auto shifted = hn::Add(rounded, hn::Set(df, static_cast<float>(kMax)));
    const auto code =
        hn::Min(hn::Max(shifted, hn::Zero(df)), hn::Set(df, static_cast<float>(2 * kMax - 1)));
    hn::StoreU(hn::DemoteTo(d8, hn::ConvertTo(di, code)), d8, codes + i);
  }
}

// Whole rows: the reference's blocks, improved in place. kPack stores 32 codes in a block. The
// blocks of up to 16 rows make one run, so that lanes are full for short rows.
template <int kMax, bool kWeighted, class Block, void (*kPack)(const uint8_t*, Block&)>
HWY_INLINE void ImproveOneScaleRows(const TrialPlan& plan, const float* HWY_RESTRICT rows,
                                    size_t num_rows, size_t columns,
                                    const float* HWY_RESTRICT importance,
                                    Block* HWY_RESTRICT blocks) {
  constexpr size_t kRows = 16;
  const LaneTag df;
  const size_t lanes = hn::Lanes(df);
  OneScaleLanes<kMax, kWeighted> search;
  HWY_ALIGN float row_sigma2[kRows] = {};
  HWY_ALIGN float sigma2[kMaxLanes] = {};
  HWY_ALIGN int32_t halves[kMaxLanes] = {};
  HWY_ALIGN uint8_t codes[kOneScaleValues];
  const float* block_importance[kMaxLanes];
  for (size_t r = 0; r < num_rows; r += kRows) {
    const size_t count = HWY_MIN(kRows, num_rows - r);
    const float* HWY_RESTRICT x = rows + r * columns;
    Block* HWY_RESTRICT run = blocks + r * columns / kOneScaleValues;
    if (kWeighted) {
      SumsOfSquares(df, x, columns, count, columns, row_sigma2);
      for (size_t k = 0; k < count; ++k) row_sigma2[k] /= static_cast<float>(columns);
    }
    const size_t num_blocks = count * columns / kOneScaleValues;
    for (size_t b = 0; b < num_blocks; b += lanes) {
      const size_t used = HWY_MIN(lanes, num_blocks - b);
      for (size_t k = 0; k < lanes; ++k) {
        const size_t block = b + HWY_MIN(k, used - 1);
        halves[k] = run[block].d;
        if (!kWeighted) continue;
        sigma2[k] = row_sigma2[block * kOneScaleValues / columns];
        block_importance[k] = importance + block * kOneScaleValues % columns;
      }
      LoadBlocksToLanes(df, x + b * kOneScaleValues, kOneScaleValues, used, kOneScaleValues,
                        search.values());
      if (kWeighted) {
        TransposeToLanes(df, block_importance, kOneScaleValues, search.weights());
        const auto mean_square = hn::Load(df, sigma2);
        for (size_t i = 0; i < kOneScaleValues * lanes; i += lanes) {
          const auto v = hn::Load(df, search.values() + i);
          const auto root = hn::Sqrt(hn::Add(mean_square, hn::Mul(v, v)));
          hn::Store(hn::Mul(hn::Load(df, search.weights() + i), root), df, search.weights() + i);
        }
      }
      search.Improve(plan, halves);
      for (size_t k = 0; k < used; ++k) {
        const uint16_t half = static_cast<uint16_t>(halves[k]);
        if (!IsUsableScale(half)) continue;
        OneScaleCodes<kMax>(x + (b + k) * kOneScaleValues, half, codes);
        run[b + k].d = half;
        kPack(codes, run[b + k]);
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
