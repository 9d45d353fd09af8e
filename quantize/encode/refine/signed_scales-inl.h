// SignedScales of signed_scales.h with one sub-block per SIMD lane.
//
// Transposed arrays hold value i of sub-block b at [b / lanes * 16 * lanes + i * lanes + b %
// lanes].

// Per-target include guard
#if defined(GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_SIGNED_SCALES_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_SIGNED_SCALES_INL_H_
#undef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_SIGNED_SCALES_INL_H_
#else
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_SIGNED_SCALES_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "gguf/base/float16.h"
#include "hwy/highway.h"
#include "quantize/encode/lanes-inl.h"
#include "quantize/encode/refine/signed_scales.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <int kMax, int kLow, int kHigh>
class SignedScalesLanes {
 public:
  using DF = hn::CappedTag<float, kScaleSubBlocks>;
  using VF = hn::Vec<DF>;

  // Where the caller puts the transposed values and weights.
  float* values() { return x_; }
  float* weights() { return w_; }

  // After values and weights were written.
  void Prepare() {
    const DF df;
    const size_t lanes = hn::Lanes(df);
    for (size_t b = 0; b < kScaleSubBlocks; b += lanes) {
      auto largest = hn::Zero(df);
      auto magnitude = hn::Zero(df);
      auto sum = hn::Zero(df);
      for (size_t i = 0; i < kScaleSubValues; ++i) {
        const auto v = hn::Load(df, x_ + b * kScaleSubValues + i * lanes);
        const auto w = hn::Load(df, w_ + b * kScaleSubValues + i * lanes);
        sum = hn::Add(sum, hn::Mul(hn::Mul(w, v), v));
        const auto larger = hn::Gt(hn::Abs(v), magnitude);
        magnitude = hn::IfThenElse(larger, hn::Abs(v), magnitude);
        largest = hn::IfThenElse(larger, v, largest);
      }
      hn::Store(sum, df, zero_errors_ + b);
      hn::Store(hn::Div(largest, hn::Set(df, -static_cast<float>(kMax))), df, largest_ + b);
    }
  }

  bool Improve(const ScalePlan& plan, ScaleChoice& choice) {
    State best;
    State state;
    State fitted;
    best.half = choice.d;
    for (size_t b = 0; b < kScaleSubBlocks; ++b) {
      best.scales[b] = static_cast<float>(choice.scales[b]);
    }
    TryNeighbours(0, best, best);
    const float reference = best.total;
    const float d = F16ToF32(choice.d);
    for (size_t k = 0; k < plan.num_starts; ++k) {
      state.half = F32ToF16(d * plan.starts[k]);
      if (!IsUsableScale(state.half)) continue;
      Scan(plan, state);
      for (int fit = 0; fit < plan.fits; ++fit) {
        fitted.half = F32ToF16(FittedScale(state));
        if (!IsUsableScale(fitted.half) || fitted.half == state.half) break;
        TryNeighbours(1, state, fitted);
        if (!(fitted.total < state.total)) break;
        state = fitted;
      }
      if (state.total < best.total) best = state;
    }
    for (size_t k = 0; k < plan.num_moves; ++k) {
      state.half = F32ToF16(F16ToF32(best.half) * plan.moves[k]);
      if (!IsUsableScale(state.half)) continue;
      TryNeighbours(1, best, state);
      if (state.total < best.total) best = state;
    }
    if (!(best.total < reference)) return false;
    choice.d = best.half;
    for (size_t b = 0; b < kScaleSubBlocks; ++b) {
      choice.scales[b] = static_cast<int8_t>(best.scales[b]);
    }
    return true;
  }

  // Codes of a choice; x: the values in their order.
  void Codes(const float* HWY_RESTRICT x, const ScaleChoice& choice,
             uint8_t* HWY_RESTRICT codes) const {
    const DF df;
    const hn::RebindToSigned<DF> di;
    const hn::Rebind<uint8_t, DF> d8;
    const float d = F16ToF32(choice.d);
    for (size_t b = 0; b < kScaleSubBlocks; ++b) {
      const float scale = d * static_cast<float>(choice.scales[b]);
      const auto inverse = hn::Set(df, scale != 0.0f ? 1.0f / scale : 0.0f);
      for (size_t i = b * kScaleSubValues; i < (b + 1) * kScaleSubValues; i += hn::Lanes(df)) {
        const auto code = Code(df, hn::Mul(inverse, hn::LoadU(df, x + i)));
        const auto shifted = hn::Add(code, hn::Set(df, static_cast<float>(kMax)));
        hn::StoreU(hn::DemoteTo(d8, hn::ConvertTo(di, shifted)), d8, codes + i);
      }
    }
  }

 private:
  struct State {
    HWY_ALIGN float scales[kScaleSubBlocks];
    HWY_ALIGN float errors[kScaleSubBlocks];
    float total = 0.0f;
    uint16_t half = 0;
  };

  static HWY_INLINE VF Round(DF df, VF v) {
    const auto magic = hn::Set(df, 12582912.0f);
    return hn::Sub(hn::Add(v, magic), magic);
  }

  static HWY_INLINE VF Code(DF df, VF v) {
    const auto low = hn::Set(df, -static_cast<float>(kMax));
    const auto high = hn::Set(df, static_cast<float>(kMax - 1));
    return hn::Min(hn::Max(Round(df, v), low), high);
  }

  static HWY_INLINE VF Clamp(DF df, VF scale) {
    const auto low = hn::Set(df, static_cast<float>(kLow));
    const auto high = hn::Set(df, static_cast<float>(kHigh));
    return hn::Min(hn::Max(scale, low), high);
  }

  // Sum of weight * (v - code)^2, v = inverse * x. kInside: no v rounds to a code out of range.
  template <bool kInside>
  HWY_INLINE VF ScaledError(DF df, size_t b, VF inverse) const {
    const size_t lanes = hn::Lanes(df);
    const float* HWY_RESTRICT x = x_ + b * kScaleSubValues;
    const float* HWY_RESTRICT w = w_ + b * kScaleSubValues;
    auto sum = hn::Zero(df);
    HWY_UNROLL(8)
    for (size_t i = 0; i < kScaleSubValues; ++i) {
      const auto v = hn::Mul(inverse, hn::Load(df, x + i * lanes));
      const auto rest = hn::Sub(v, kInside ? Round(df, v) : Code(df, v));
      sum = hn::Add(sum, hn::Mul(hn::Mul(hn::Load(df, w + i * lanes), rest), rest));
    }
    return sum;
  }

  // Error of the sub-blocks from b on.
  HWY_INLINE VF Error(DF df, size_t b, VF d, VF scale) const {
    const auto real = hn::Mul(d, scale);
    const auto inverse = hn::Div(hn::Set(df, 1.0f), real);
    const auto reach = hn::Abs(hn::Mul(inverse, hn::Load(df, largest_ + b)));
    // largest_ is over kMax: codes stay inside below (kMax - 0.5) / kMax, with room for rounding.
    const auto limit = hn::Set(df, (static_cast<float>(kMax) - 0.51f) / static_cast<float>(kMax));
    const auto sum = hn::AllTrue(df, hn::Lt(reach, limit)) ? ScaledError<true>(df, b, inverse)
                                                           : ScaledError<false>(df, b, inverse);
    return hn::IfThenElse(hn::Eq(real, hn::Zero(df)), hn::Load(df, zero_errors_ + b),
                          hn::Mul(sum, hn::Mul(real, real)));
  }

  static HWY_INLINE void Keep(DF /* df */, VF scale, VF candidate, VF& best, VF& error) {
    const auto better = hn::Lt(candidate, error);
    error = hn::IfThenElse(better, candidate, error);
    best = hn::IfThenElse(better, scale, best);
  }

  HWY_INLINE void Try(DF df, size_t b, VF d, VF scale, VF& best, VF& error) const {
    Keep(df, scale, Error(df, b, d, scale), best, error);
  }

  // Try for `scale`, then for -scale: the same codes but for those at the ends of the range.
  HWY_INLINE void TryBothSigns(DF df, size_t b, VF d, VF scale, VF& best, VF& error) const {
    const size_t lanes = hn::Lanes(df);
    const float* HWY_RESTRICT x = x_ + b * kScaleSubValues;
    const float* HWY_RESTRICT w = w_ + b * kScaleSubValues;
    const auto real = hn::Mul(d, scale);
    const auto inverse = hn::Div(hn::Set(df, 1.0f), real);
    const auto reach = hn::Abs(hn::Mul(inverse, hn::Load(df, largest_ + b)));
    constexpr float kBothInside = (static_cast<float>(kMax) - 1.51f) / static_cast<float>(kMax);
    if (hn::AllTrue(df, hn::Lt(reach, hn::Set(df, kBothInside)))) {  // no such code: one error
      return Try(df, b, d, scale, best, error);
    }
    auto sum = hn::Zero(df);
    auto other = hn::Zero(df);
    const auto near = hn::Set(df, static_cast<float>(kMax - 1));
    const auto far = hn::Set(df, static_cast<float>(kMax));
    HWY_UNROLL(4)
    for (size_t i = 0; i < kScaleSubValues; ++i) {
      const auto v = hn::Mul(inverse, hn::Load(df, x + i * lanes));
      const auto weight = hn::Load(df, w + i * lanes);
      const auto rounded = Round(df, v);
      const auto rest = hn::Sub(v, hn::Min(hn::Max(rounded, hn::Neg(far)), near));
      const auto mirrored = hn::Sub(v, hn::Min(hn::Max(rounded, hn::Neg(near)), far));
      sum = hn::Add(sum, hn::Mul(hn::Mul(weight, rest), rest));
      other = hn::Add(other, hn::Mul(hn::Mul(weight, mirrored), mirrored));
    }
    const auto square = hn::Mul(real, real);
    const auto is_zero = hn::Eq(real, hn::Zero(df));
    const auto zero_error = hn::Load(df, zero_errors_ + b);
    Keep(df, scale, hn::IfThenElse(is_zero, zero_error, hn::Mul(sum, square)), best, error);
    Keep(df, hn::Neg(scale), hn::IfThenElse(is_zero, zero_error, hn::Mul(other, square)), best,
         error);
  }

  void Scan(const ScalePlan& plan, State& state) const {
    const DF df;
    const auto d = hn::Set(df, F16ToF32(state.half));
    HWY_ALIGN float units[kScaleSubBlocks];
    for (size_t b = 0; b < kScaleSubBlocks; b += hn::Lanes(df)) {
      hn::Store(hn::Div(hn::Load(df, largest_ + b), d), df, units + b);
    }
    const int length = ScanLength(plan, units, -kLow);
    const auto lowest = hn::Set(df, static_cast<float>(-kLow));
    const auto highest = hn::Set(df, static_cast<float>(kHigh));
    for (size_t b = 0; b < kScaleSubBlocks; b += hn::Lanes(df)) {
      const auto unit = hn::Load(df, units + b);
      const auto first = hn::Floor(hn::Mul(hn::Set(df, plan.low), hn::Min(hn::Abs(unit), lowest)));
      const auto sign = hn::CopySign(hn::Set(df, 1.0f), unit);
      auto best = hn::Zero(df);
      auto error = hn::Load(df, zero_errors_ + b);
      for (int k = 0; k < length; ++k) {
        const auto step = hn::Set(df, static_cast<float>(k));
        const auto scale = hn::Mul(sign, hn::Min(hn::Add(first, step), highest));
        if (plan.both_signs) {
          TryBothSigns(df, b, d, scale, best, error);
        } else {
          Try(df, b, d, scale, best, error);
        }
      }
      hn::Store(best, df, state.scales + b);
      hn::Store(error, df, state.errors + b);
    }
    state.total = SumOfSubBlocks(state.errors);
  }

  void TryNeighbours(int radius, const State& from, State& to) const {
    const DF df;
    const auto d = hn::Set(df, F16ToF32(to.half));
    const auto ratio = hn::Set(df, F16ToF32(from.half) / F16ToF32(to.half));
    for (size_t b = 0; b < kScaleSubBlocks; b += hn::Lanes(df)) {
      const auto middle = Clamp(df, Round(df, hn::Mul(ratio, hn::Load(df, from.scales + b))));
      auto best = middle;
      auto error = Error(df, b, d, middle);
      for (int k = 1; k <= radius; ++k) {
        const auto step = hn::Set(df, static_cast<float>(k));
        Try(df, b, d, Clamp(df, hn::Add(middle, step)), best, error);
        Try(df, b, d, Clamp(df, hn::Sub(middle, step)), best, error);
      }
      hn::Store(best, df, to.scales + b);
      hn::Store(error, df, to.errors + b);
    }
    to.total = SumOfSubBlocks(to.errors);
  }

  float FittedScale(const State& state) const {
    const DF df;
    const size_t lanes = hn::Lanes(df);
    const auto d = hn::Set(df, F16ToF32(state.half));
    HWY_ALIGN float xl[kScaleSubBlocks];
    HWY_ALIGN float l2[kScaleSubBlocks];
    for (size_t b = 0; b < kScaleSubBlocks; b += lanes) {
      const auto scale = hn::Load(df, state.scales + b);
      const auto real = hn::Mul(d, scale);
      const auto inverse =
          hn::IfThenZeroElse(hn::Eq(real, hn::Zero(df)), hn::Div(hn::Set(df, 1.0f), real));
      auto sum_xl = hn::Zero(df);
      auto sum_l2 = hn::Zero(df);
      for (size_t i = 0; i < kScaleSubValues; ++i) {
        const auto x = hn::Load(df, x_ + b * kScaleSubValues + i * lanes);
        const auto l = Code(df, hn::Mul(inverse, x));
        const auto wl = hn::Mul(hn::Load(df, w_ + b * kScaleSubValues + i * lanes), l);
        sum_xl = hn::Add(sum_xl, hn::Mul(wl, x));
        sum_l2 = hn::Add(sum_l2, hn::Mul(wl, l));
      }
      hn::Store(hn::Mul(sum_xl, scale), df, xl + b);
      hn::Store(hn::Mul(sum_l2, hn::Mul(scale, scale)), df, l2 + b);
    }
    return SumOfSubBlocks(xl) / SumOfSubBlocks(l2);
  }

  HWY_ALIGN float x_[kScaleValues];
  HWY_ALIGN float w_[kScaleValues];
  HWY_ALIGN float largest_[kScaleSubBlocks];
  HWY_ALIGN float zero_errors_[kScaleSubBlocks];
};

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
