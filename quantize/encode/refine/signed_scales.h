// Scalar definition of a search for super-blocks of 16 sub-blocks of 16 values, x ~ d * s * l: a
// binary16 scale d, an integer s per sub-block, a code l in -kMax .. kMax - 1 per value (Q3_K,
// Q6_K). signed_scales-inl.h does the same with one sub-block per SIMD lane.
//
// The error of codes l is a parabola in the real scale d * s, so that codes found once are
// candidates at every d and s. The search finds the nearest codes at a few real scales of each
// sub-block (trials), keeps the two coefficients of their parabolas, and then has the best trial
// and integer of a sub-block for any d at the cost of a few operations; many d are tried, and each
// is fitted by least squares. In the end the codes are found anew for what is stored.
//
// Arithmetic is binary32 without contraction; sums run over the values of a sub-block, then over
// the sub-blocks, in order. What is stored is compared: d after rounding, never a real scale.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_SIGNED_SCALES_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_SIGNED_SCALES_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "gguf/base/float16.h"
#include "quantize/encode/refine/usable_scale.h"

namespace gguf {

inline constexpr size_t kScaleSubBlocks = 16;
inline constexpr size_t kScaleSubValues = 16;
inline constexpr size_t kScaleValues = kScaleSubBlocks * kScaleSubValues;

// Largest values of a sub-block below kMax times this count as zero: no reciprocal overflows.
inline constexpr float kLeastScaleUnit = 1e-30f;

// How far a search goes.
struct ScalePlan {
  static constexpr size_t kMaxTrials = 64;
  static constexpr size_t kMaxStarts = 32;

  // Trials: the reciprocals of real scales, in units of that of the scale which maps the largest
  // value of a sub-block to -kMax. Negative ones map it to the other side.
  size_t num_trials = 0;
  float trials[kMaxTrials] = {};
  // Factors of the reference's d.
  size_t num_starts = 0;
  float starts[kMaxStarts] = {};
  // Each start is fitted at most so often.
  int num_fits = 0;
  // In the end: integers tried to both sides of those found.
  int radius = 1;
};

struct ScaleRange {
  float low;
  float high;
  size_t count;
};

// Trials and starts evenly spread. With both_signs, trials also negative: they differ from least
// on, below no code is at an end of its range.
constexpr ScalePlan MakeScalePlan(ScaleRange trials, bool both_signs, ScaleRange starts,
                                  int num_fits, int radius) {
  constexpr float kLeastNegative = 0.62f;  // (4 - 1.5) / 4, the least for any kMax
  ScalePlan plan;
  for (size_t k = 0; k < trials.count; ++k) {
    const float step = (trials.high - trials.low) / static_cast<float>(trials.count - 1);
    const float trial = trials.low + static_cast<float>(k) * step;
    plan.trials[plan.num_trials++] = trial;
    if (both_signs && trial >= kLeastNegative) plan.trials[plan.num_trials++] = -trial;
  }
  for (size_t k = 0; k < starts.count; ++k) {
    const float step = (starts.high - starts.low) / static_cast<float>(starts.count - 1);
    plan.starts[plan.num_starts++] = starts.low + static_cast<float>(k) * step;
  }
  plan.num_fits = num_fits;
  plan.radius = radius;
  return plan;
}

// Without importance, and with it: it makes smaller scales worth a trial, as the largest value of a
// sub-block may have little.
struct ScalePlans {
  ScalePlan plain;
  ScalePlan weighted;

  const ScalePlan& For(const float* importance) const {
    return importance != nullptr ? weighted : plain;
  }
};

// The scales of a block; the codes follow from them.
struct ScaleChoice {
  uint16_t d;
  int8_t scales[kScaleSubBlocks];
};

// In four parts, which wait for each other less.
inline float SumOfSubBlocks(const float* sums) {
  float parts[4] = {};
  for (size_t b = 0; b < kScaleSubBlocks; ++b) parts[b % 4] += sums[b];
  return (parts[0] + parts[1]) + (parts[2] + parts[3]);
}

// Codes l of a sub-block at any real scale s: their error is error + l2 * (s - optimum)^2. (Not by
// sums of w*x*l and w*x*x alone: where one value is much larger than the others, nothing of their
// error would be left in binary32.)
struct ScaleTrial {
  float error;
  float l2;  // sum w*l*l
  float optimum;
};

// The order of the search, for the scalar form below and the vector one alike.
template <class Search>
bool ImproveScales(const ScalePlan& plan, Search& search, ScaleChoice& choice) {
  typename Search::State reference;
  reference.half = choice.d;
  for (size_t b = 0; b < kScaleSubBlocks; ++b) {
    reference.scales[b] = static_cast<float>(choice.scales[b]);
  }
  search.TryNeighbours(0, reference, reference);
  search.FindTrials(plan);
  typename Search::State best;
  if (!search.Search(plan, F16ToF32(choice.d), best)) return false;
  search.TryNeighbours(plan.radius, best, best);
  typename Search::State fitted;
  fitted.half = F32ToF16(search.FittedScale(best));
  if (IsUsableScale(fitted.half)) {
    search.TryNeighbours(1, best, fitted);
    if (fitted.total < best.total) best = fitted;
  }
  if (!(best.total < reference.total)) return false;
  choice.d = best.half;
  for (size_t b = 0; b < kScaleSubBlocks; ++b) {
    choice.scales[b] = static_cast<int8_t>(best.scales[b]);
  }
  return true;
}

// Searches one block at a time. kMax: as above; kLow..kHigh: the integers.
template <int kMax, int kLow, int kHigh>
class SignedScales {
 public:
  // x: 256 values, weights: of their squared errors.
  SignedScales(const float* x, const float* weights) : x_(x), weights_(weights) {
    for (size_t b = 0; b < kScaleSubBlocks; ++b) {
      float largest = 0.0f;
      zero_errors_[b] = 0.0f;
      for (size_t i = b * kScaleSubValues; i < (b + 1) * kScaleSubValues; ++i) {
        zero_errors_[b] += weights_[i] * x_[i] * x_[i];
        if (std::fabs(x_[i]) > std::fabs(largest)) largest = x_[i];
      }
      largest_[b] = largest / -static_cast<float>(kMax);
    }
  }

  // Replaces `choice` by a better one; false when there is none. choice.d is usable.
  bool Improve(const ScalePlan& plan, ScaleChoice& choice) {
    return ImproveScales(plan, *this, choice);
  }

  // Codes 0 .. 2 * kMax - 1 of a choice.
  void Codes(const ScaleChoice& choice, uint8_t* codes) const {
    const float d = F16ToF32(choice.d);
    for (size_t i = 0; i < kScaleValues; ++i) {
      const float scale = d * static_cast<float>(choice.scales[i / kScaleSubValues]);
      const float code = scale != 0.0f ? Code((1.0f / scale) * x_[i]) : 0.0f;
      codes[i] = static_cast<uint8_t>(static_cast<int>(code) + kMax);
    }
  }

 private:
  template <class Search>
  friend bool ImproveScales(const ScalePlan&, Search&, ScaleChoice&);

  struct State {
    uint16_t half = 0;
    float scales[kScaleSubBlocks];
    float errors[kScaleSubBlocks];
    float total = std::numeric_limits<float>::max();
    ScaleTrial trials[kScaleSubBlocks];
  };

  static float Code(float v) {
    const float rounded = (v + 12582912.0f) - 12582912.0f;
    const float low = -static_cast<float>(kMax);
    const float high = static_cast<float>(kMax - 1);
    return std::min(std::max(rounded, low), high);
  }

  static float Clamp(float scale) {
    return std::min(std::max(scale, static_cast<float>(kLow)), static_cast<float>(kHigh));
  }

  void FindTrials(const ScalePlan& plan) {
    for (size_t b = 0; b < kScaleSubBlocks; ++b) {
      const bool is_zero = std::fabs(largest_[b]) < kLeastScaleUnit;
      const float inverse = is_zero ? 0.0f : 1.0f / largest_[b];
      float y[kScaleSubValues];
      for (size_t i = 0; i < kScaleSubValues; ++i) y[i] = inverse * x_[b * kScaleSubValues + i];
      for (size_t k = 0; k < plan.num_trials; ++k) {
        const float* w = weights_ + b * kScaleSubValues;
        float xl = 0.0f;
        float l2 = 0.0f;
        float sum = 0.0f;
        for (size_t i = 0; i < kScaleSubValues; ++i) {
          const float v = plan.trials[k] * y[i];
          const float l = Code(v);
          const float rest = v - l;
          const float wl = w[i] * l;
          xl += wl * x_[b * kScaleSubValues + i];
          l2 += wl * l;
          sum += w[i] * rest * rest;
        }
        const float scale = largest_[b] / plan.trials[k];
        const float optimum = xl / l2;
        const bool is_usable = std::fabs(optimum) < std::numeric_limits<float>::max();
        ScaleTrial& trial = trials_[k][b];
        trial.optimum = is_usable ? optimum : 0.0f;
        trial.l2 = l2;
        const float shift = scale - trial.optimum;
        trial.error = sum * (scale * scale) - l2 * shift * shift;
      }
    }
  }

  // The best trial and integer of every sub-block for state.half.
  void Choose(const ScalePlan& plan, State& state) const {
    const float d = F16ToF32(state.half);
    const float inverse = 1.0f / d;
    for (size_t b = 0; b < kScaleSubBlocks; ++b) {
      state.scales[b] = 0.0f;
      state.errors[b] = zero_errors_[b];
      state.trials[b] = {0.0f, 0.0f, 0.0f};
      for (size_t k = 0; k < plan.num_trials; ++k) {
        const ScaleTrial& trial = trials_[k][b];
        const float scale = Clamp(((inverse * trial.optimum) + 12582912.0f) - 12582912.0f);
        const float shift = d * scale - trial.optimum;
        const float error = trial.error + trial.l2 * shift * shift;
        if (error < state.errors[b]) {
          state.scales[b] = scale;
          state.errors[b] = error;
          state.trials[b] = trial;
        }
      }
    }
    state.total = SumOfSubBlocks(state.errors);
  }

  // The real d that is best for the trials and integers of `state`.
  static float FittedStart(const State& state) {
    float xl[kScaleSubBlocks];
    float l2[kScaleSubBlocks];
    for (size_t b = 0; b < kScaleSubBlocks; ++b) {
      const float sl2 = state.scales[b] * state.trials[b].l2;
      xl[b] = sl2 * state.trials[b].optimum;
      l2[b] = sl2 * state.scales[b];
    }
    return SumOfSubBlocks(xl) / SumOfSubBlocks(l2);
  }

  // False when no start is usable.
  bool Search(const ScalePlan& plan, float d, State& best) const {
    bool found = false;
    for (size_t k = 0; k < plan.num_starts; ++k) {
      State state;
      state.half = F32ToF16(d * plan.starts[k]);
      if (!IsUsableScale(state.half)) continue;
      Choose(plan, state);
      for (int fit = 0; fit < plan.num_fits; ++fit) {
        State fitted;
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

  float Error(size_t b, float d, float scale) const {
    const float real = d * scale;
    if (real == 0.0f) return zero_errors_[b];
    const float inverse = 1.0f / real;
    float sum = 0.0f;
    for (size_t i = b * kScaleSubValues; i < (b + 1) * kScaleSubValues; ++i) {
      const float v = inverse * x_[i];
      const float rest = v - Code(v);
      sum += weights_[i] * rest * rest;
    }
    return sum * (real * real);
  }

  void Try(size_t b, float d, float scale, State& state) const {
    const float error = Error(b, d, scale);
    if (error < state.errors[b]) {
      state.errors[b] = error;
      state.scales[b] = scale;
    }
  }

  // Integers up to `radius` from those that come nearest to the real scales of `from`, for to.half,
  // with the nearest codes of each.
  void TryNeighbours(int radius, const State& from, State& to) const {
    const float d = F16ToF32(to.half);
    const float ratio = F16ToF32(from.half) / d;
    for (size_t b = 0; b < kScaleSubBlocks; ++b) {
      const float middle = Clamp(((ratio * from.scales[b]) + 12582912.0f) - 12582912.0f);
      to.scales[b] = middle;
      to.errors[b] = Error(b, d, middle);
      for (int k = 1; k <= radius; ++k) {
        Try(b, d, Clamp(middle + static_cast<float>(k)), to);
        Try(b, d, Clamp(middle - static_cast<float>(k)), to);
      }
    }
    to.total = SumOfSubBlocks(to.errors);
  }

  // The real d that is best for the integers of `state` and their nearest codes.
  float FittedScale(const State& state) const {
    const float d = F16ToF32(state.half);
    float xl[kScaleSubBlocks];
    float l2[kScaleSubBlocks];
    for (size_t b = 0; b < kScaleSubBlocks; ++b) {
      const float real = d * state.scales[b];
      const float inverse = real != 0.0f ? 1.0f / real : 0.0f;
      float sum_xl = 0.0f;
      float sum_l2 = 0.0f;
      for (size_t i = b * kScaleSubValues; i < (b + 1) * kScaleSubValues; ++i) {
        const float l = Code(inverse * x_[i]);
        const float wl = weights_[i] * l;
        sum_xl += wl * x_[i];
        sum_l2 += wl * l;
      }
      xl[b] = sum_xl * state.scales[b];
      l2[b] = sum_l2 * (state.scales[b] * state.scales[b]);
    }
    return SumOfSubBlocks(xl) / SumOfSubBlocks(l2);
  }

  const float* x_;
  const float* weights_;
  float largest_[kScaleSubBlocks];      // of the values, with their sign, over -kMax
  float zero_errors_[kScaleSubBlocks];  // with scale 0
  ScaleTrial trials_[ScalePlan::kMaxTrials][kScaleSubBlocks];
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_SIGNED_SCALES_H_
