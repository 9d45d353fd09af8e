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

// v less the nearest integer, ties to even; |v| <= 4194303.
template <class DF>
HWY_INLINE hn::Vec<DF> RestOfRounding(DF df, hn::Vec<DF> v) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  // One instruction for three.
  if constexpr (hn::MaxLanes(df) == 16) return hn::Vec<DF>{_mm512_reduce_ps(v.raw, 8)};
#endif
  const auto magic = hn::Set(df, 12582912.0f);
  return hn::Sub(v, hn::Sub(hn::Add(v, magic), magic));
}

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
    return ImproveScales(plan, *this, choice);
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
  template <class Search>
  friend bool gguf::ImproveScales(const ScalePlan&, Search&, ScaleChoice&);

  struct State {
    HWY_ALIGN float scales[kScaleSubBlocks];
    HWY_ALIGN float errors[kScaleSubBlocks];
    HWY_ALIGN float l2[kScaleSubBlocks];  // of the trials
    HWY_ALIGN float optima[kScaleSubBlocks];
    float total = 0.0f;
    uint16_t half = 0;
  };

  struct Trial {  // ScaleTrial
    HWY_ALIGN float errors[kScaleSubBlocks];
    HWY_ALIGN float l2[kScaleSubBlocks];
    HWY_ALIGN float optima[kScaleSubBlocks];
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
      const auto rest = kInside ? RestOfRounding(df, v) : hn::Sub(v, Code(df, v));
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

  // Codes at a trial's scales, y being the values over the units. kInside as in ScaledError.
  template <bool kInside>
  HWY_INLINE void FindTrial(DF df, size_t b, float factor, const float* HWY_RESTRICT y,
                            Trial& trial) const {
    const size_t lanes = hn::Lanes(df);
    const float* HWY_RESTRICT x = x_ + b * kScaleSubValues;
    const float* HWY_RESTRICT w = w_ + b * kScaleSubValues;
    const auto inverse = hn::Set(df, factor);
    auto xl = hn::Zero(df);
    auto l2 = hn::Zero(df);
    auto sum = hn::Zero(df);
    HWY_UNROLL(8)
    for (size_t i = 0; i < kScaleSubValues; ++i) {
      const auto v = hn::Mul(inverse, hn::Load(df, y + i * lanes));
      const auto weight = hn::Load(df, w + i * lanes);
      const auto l = kInside ? Round(df, v) : Code(df, v);
      const auto rest = hn::Sub(v, l);
      const auto wl = hn::Mul(weight, l);
      xl = hn::Add(xl, hn::Mul(wl, hn::Load(df, x + i * lanes)));
      l2 = hn::Add(l2, hn::Mul(wl, l));
      sum = hn::Add(sum, hn::Mul(hn::Mul(weight, rest), rest));
    }
    const auto scale = hn::Div(hn::Load(df, largest_ + b), inverse);
    const auto fitted = hn::Div(xl, l2);
    const auto is_usable = hn::Lt(hn::Abs(fitted), hn::Set(df, hwy::HighestValue<float>()));
    const auto optimum = hn::IfThenElseZero(is_usable, fitted);
    const auto shift = hn::Sub(scale, optimum);
    const auto gain = hn::Mul(hn::Mul(l2, shift), shift);
    hn::Store(hn::Sub(hn::Mul(sum, hn::Mul(scale, scale)), gain), df, trial.errors + b);
    hn::Store(l2, df, trial.l2 + b);
    hn::Store(optimum, df, trial.optima + b);
  }

  void FindTrials(const ScalePlan& plan) {
    const DF df;
    const size_t lanes = hn::Lanes(df);
    constexpr float kInside = (static_cast<float>(kMax) - 0.51f) / static_cast<float>(kMax);
    HWY_ALIGN float y[kScaleSubValues * kScaleSubBlocks];
    for (size_t b = 0; b < kScaleSubBlocks; b += lanes) {
      const auto unit = hn::Load(df, largest_ + b);
      const auto is_zero = hn::Lt(hn::Abs(unit), hn::Set(df, kLeastScaleUnit));
      const auto inverse = hn::IfThenZeroElse(is_zero, hn::Div(hn::Set(df, 1.0f), unit));
      for (size_t i = 0; i < kScaleSubValues; ++i) {
        const auto x = hn::Load(df, x_ + b * kScaleSubValues + i * lanes);
        hn::Store(hn::Mul(inverse, x), df, y + i * lanes);
      }
      for (size_t k = 0; k < plan.num_trials; ++k) {
        const float factor = plan.trials[k];
        if (factor < kInside && -factor < kInside) {
          FindTrial<true>(df, b, factor, y, trials_[k]);
        } else {
          FindTrial<false>(df, b, factor, y, trials_[k]);
        }
      }
    }
  }

  void Choose(const ScalePlan& plan, State& state) const {
    const DF df;
    const float value = F16ToF32(state.half);
    const auto d = hn::Set(df, value);
    const auto inverse = hn::Set(df, 1.0f / value);
    for (size_t b = 0; b < kScaleSubBlocks; b += hn::Lanes(df)) {
      auto best = hn::Zero(df);
      auto least = hn::Load(df, zero_errors_ + b);
      auto best_l2 = hn::Zero(df);
      auto best_optimum = hn::Zero(df);
      for (size_t k = 0; k < plan.num_trials; ++k) {
        const auto l2 = hn::Load(df, trials_[k].l2 + b);
        const auto optimum = hn::Load(df, trials_[k].optima + b);
        const auto scale = Clamp(df, Round(df, hn::Mul(inverse, optimum)));
        const auto shift = hn::Sub(hn::Mul(d, scale), optimum);
        const auto more = hn::Mul(hn::Mul(l2, shift), shift);
        const auto error = hn::Add(hn::Load(df, trials_[k].errors + b), more);
        const auto better = hn::Lt(error, least);
        best = hn::IfThenElse(better, scale, best);
        best_l2 = hn::IfThenElse(better, l2, best_l2);
        best_optimum = hn::IfThenElse(better, optimum, best_optimum);
        least = hn::Min(error, least);  // not a blend: that would wait for the comparison
      }
      hn::Store(best, df, state.scales + b);
      hn::Store(least, df, state.errors + b);
      hn::Store(best_l2, df, state.l2 + b);
      hn::Store(best_optimum, df, state.optima + b);
    }
    state.total = SumOfSubBlocks(state.errors);
  }

  static float FittedStart(const State& state) {
    const DF df;
    HWY_ALIGN float xl[kScaleSubBlocks];
    HWY_ALIGN float l2[kScaleSubBlocks];
    for (size_t b = 0; b < kScaleSubBlocks; b += hn::Lanes(df)) {
      const auto scale = hn::Load(df, state.scales + b);
      const auto sl2 = hn::Mul(scale, hn::Load(df, state.l2 + b));
      hn::Store(hn::Mul(sl2, hn::Load(df, state.optima + b)), df, xl + b);
      hn::Store(hn::Mul(sl2, scale), df, l2 + b);
    }
    return SumOfSubBlocks(xl) / SumOfSubBlocks(l2);
  }

  bool Search(const ScalePlan& plan, float d, State& best) const {
    bool found = false;
    State state;
    State fitted;
    for (size_t k = 0; k < plan.num_starts; ++k) {
      state.half = F32ToF16(d * plan.starts[k]);
      if (!IsUsableScale(state.half)) continue;
      Choose(plan, state);
      for (int fit = 0; fit < plan.num_fits; ++fit) {
        fitted.half = F32ToF16(FittedStart(state));
        if (!IsUsableScale(fitted.half) || fitted.half == state.half) break;
        Choose(plan, fitted);
        if (!(fitted.total < state.total)) break;
        state = fitted;
      }
      if (!found || state.total < best.total) best = state;
      found = true;
    }
    return found;
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
  Trial trials_[ScalePlan::kMaxTrials];
};

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
