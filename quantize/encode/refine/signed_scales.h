// Scalar definition of a descent for super-blocks of 16 sub-blocks of 16 values, x ~ d * s * l: a
// binary16 scale d, an integer s per sub-block, a code l in -kMax .. kMax - 1 per value (Q3_K,
// Q6_K). signed_scales-inl.h does the same with one sub-block per SIMD lane.
//
// With d fixed, the sub-blocks are independent, and a sub-block has few integers s worth a trial:
// all of them are tried, each with the nearest codes, which are optimal. With codes and integers
// fixed, d is a weighted least squares fit. Several d to start with, as the error has many minima.
//
// Arithmetic is binary32 without contraction; sums run over the values of a sub-block, then over
// the sub-blocks, in order. What is stored is compared: d after rounding, never a real scale.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_SIGNED_SCALES_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_SIGNED_SCALES_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "gguf/base/float16.h"
#include "quantize/encode/refine/usable_scale.h"

namespace gguf {

inline constexpr size_t kScaleSubBlocks = 16;
inline constexpr size_t kScaleSubValues = 16;
inline constexpr size_t kScaleValues = kScaleSubBlocks * kScaleSubValues;

// How far a search goes.
struct ScalePlan {
  static constexpr size_t kMaxStarts = 8;
  static constexpr size_t kMaxMoves = 8;

  // Scans try the integers between these multiples of the one that maps a sub-block's largest value
  // to -kMax, with both signs or with its own.
  float low;
  float high;
  bool both_signs;
  // Factors of the reference's d, a scan for each.
  size_t num_starts;
  float starts[kMaxStarts];
  // After a scan, d is fitted at most so often, each time with neighbours of the integers.
  int fits;
  // In the end: factors of the best d so far, with integers as near to the real scales there.
  size_t num_moves = 0;
  float moves[kMaxMoves] = {};
};

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

// The number of integers that a scan tries: from floor(low * |unit|) of each sub-block on, `unit`
// being the real scale over d that maps its largest value to -kMax, as many as the largest needs.
inline int ScanLength(const ScalePlan& plan, const float* units, int limit) {
  float largest = 0.0f;
  for (size_t b = 0; b < kScaleSubBlocks; ++b) largest = std::max(largest, std::fabs(units[b]));
  const float steps = std::min(largest, static_cast<float>(limit)) * (plan.high - plan.low);
  return static_cast<int>(steps) + 2;
}

inline float SumOfSubBlocks(const float* sums) {
  float sum = 0.0f;
  for (size_t b = 0; b < kScaleSubBlocks; ++b) sum += sums[b];
  return sum;
}

// Descends from a choice for one block at a time. kMax: as above; kLow..kHigh: the integers.
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
  bool Improve(const ScalePlan& plan, ScaleChoice& choice) const {
    State best;
    best.half = choice.d;
    for (size_t b = 0; b < kScaleSubBlocks; ++b) {
      best.scales[b] = static_cast<float>(choice.scales[b]);
    }
    TryNeighbours(0, best, best);
    const float reference = best.total;
    const float d = F16ToF32(choice.d);
    for (size_t k = 0; k < plan.num_starts; ++k) {
      State state;
      state.half = F32ToF16(d * plan.starts[k]);
      if (!IsUsableScale(state.half)) continue;
      Scan(plan, state);
      for (int fit = 0; fit < plan.fits; ++fit) {
        State fitted;
        fitted.half = F32ToF16(FittedScale(state));
        if (!IsUsableScale(fitted.half) || fitted.half == state.half) break;
        TryNeighbours(1, state, fitted);
        if (!(fitted.total < state.total)) break;
        state = fitted;
      }
      if (state.total < best.total) best = state;
    }
    for (size_t k = 0; k < plan.num_moves; ++k) {
      State state;
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
  struct State {
    uint16_t half = 0;
    float scales[kScaleSubBlocks];
    float errors[kScaleSubBlocks];
    float total = 0.0f;
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

  // The best integers for state.half.
  void Scan(const ScalePlan& plan, State& state) const {
    const float d = F16ToF32(state.half);
    float units[kScaleSubBlocks];
    for (size_t b = 0; b < kScaleSubBlocks; ++b) units[b] = largest_[b] / d;
    const int length = ScanLength(plan, units, -kLow);
    for (size_t b = 0; b < kScaleSubBlocks; ++b) {
      const float first = std::floor(plan.low * std::min(std::fabs(units[b]), 1.0f * -kLow));
      const float sign = std::copysign(1.0f, units[b]);
      state.scales[b] = 0.0f;
      state.errors[b] = zero_errors_[b];
      for (int k = 0; k < length; ++k) {
        const float magnitude = std::min(first + static_cast<float>(k), 1.0f * kHigh);
        Try(b, d, sign * magnitude, state);
        if (plan.both_signs) Try(b, d, -sign * magnitude, state);
      }
    }
    state.total = SumOfSubBlocks(state.errors);
  }

  // Integers up to `radius` from those that come nearest to the real scales of `from`, for to.half.
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

  // The real d that is best for the integers and codes of `state`.
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
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_SIGNED_SCALES_H_
