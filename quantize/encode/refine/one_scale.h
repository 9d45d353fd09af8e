// Scalar definition of the search for the scale of a block that has no other, x ~ d * l with codes
// l in -kMax .. kMax - 1 (Q4_0, Q5_0). one_scale-inl.h does the same with one block per SIMD lane.
//
// The error over all scales is a chain of parabolas: between two scales at which a value changes
// its code, the codes are fixed and the best scale is a weighted least squares fit. A trial at one
// scale finds the minimum of the parabola there; trials as dense as the changes find them all. Both
// signs are tried, because the range of the codes is not symmetric. In the end d is rounded to
// binary16, the codes are the nearest for it, and their error decides.
//
// Arithmetic is binary32 without contraction, sums run in element order.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_ONE_SCALE_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_ONE_SCALE_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "gguf/base/float16.h"
#include "gguf/tensor_type.h"
#include "quantize/encode/error_weights.h"
#include "quantize/encode/refine/usable_scale.h"

namespace gguf {

inline constexpr size_t kOneScaleValues = 32;

// Trials of inverse scales: first multiples of the one that maps the largest value to -kMax, then
// multiples of the best of those.
struct TrialPlan {
  static constexpr size_t kMaxTrials = 160;
  size_t num_trials = 0;
  float trials[kMaxTrials] = {};
  size_t num_details = 0;
  float details[kMaxTrials] = {};
  bool polish = true;  // a fit to the codes for the rounded scale, and its neighbours

  // `count` trials from `first` on, `step` apart, times `sign`.
  constexpr void Add(float first, float step, int count, float sign) {
    for (int k = 0; k < count; ++k) {
      trials[num_trials++] = sign * (first + step * static_cast<float>(k));
    }
  }

  // `count` details on either side.
  constexpr void AddDetails(float step, int count) {
    for (int k = 1; k <= count; ++k) {
      details[num_details++] = 1.0f + step * static_cast<float>(k);
      details[num_details++] = 1.0f - step * static_cast<float>(k);
    }
  }
};

// No code of a trial leaves the range below this multiple, with room for rounding.
template <int kMax>
inline constexpr float kInsideLimit = (static_cast<float>(kMax) - 0.51f) / static_cast<float>(kMax);

template <int kMax>
class OneScale {
 public:
  // x: 32 values, weights: of their squared errors.
  OneScale(const float* x, const float* weights) : x_(x), weights_(weights) {}

  // A scale of less error than `half`, or `half`, which is usable.
  uint16_t Improve(const TrialPlan& plan, uint16_t half) const {
    float largest = 0.0f;
    for (size_t i = 0; i < kOneScaleValues; ++i) {
      if (std::fabs(x_[i]) > std::fabs(largest)) largest = x_[i];
    }
    const float unit = -static_cast<float>(kMax) / largest;
    Fit fit;
    for (size_t k = 0; k < plan.num_trials; ++k) Try(unit * plan.trials[k], fit);
    const float middle = fit.inverse;
    for (size_t k = 0; k < plan.num_details; ++k) Try(middle * plan.details[k], fit);

    float error = Error(F16ToF32(half));
    uint16_t best = TryRounded(fit.scale, half, error);
    if (!plan.polish) return best;
    Fit again;
    Try(1.0f / F16ToF32(best), again);
    best = TryRounded(again.scale, best, error);
    const uint16_t nearest = best;
    best = TryHalf(nearest + 1, best, error);
    return TryHalf(nearest - 1, best, error);
  }

  // Codes 0 .. 2 * kMax - 1 for a usable scale.
  void Codes(uint16_t half, uint8_t* codes) const {
    const float inverse = 1.0f / F16ToF32(half);
    for (size_t i = 0; i < kOneScaleValues; ++i) {
      codes[i] = static_cast<uint8_t>(static_cast<int>(Code(inverse * x_[i])) + kMax);
    }
  }

 private:
  struct Fit {
    float gain = 0.0f;     // by how much the error falls below that of zeros
    float inverse = 0.0f;  // of the trial
    float scale = 0.0f;    // fitted
  };

  static float Code(float v) {
    const float rounded = (v + 12582912.0f) - 12582912.0f;
    const float low = -static_cast<float>(kMax);
    const float high = static_cast<float>(kMax - 1);
    return std::min(std::max(rounded, low), high);
  }

  void Try(float inverse, Fit& fit) const {
    float xl = 0.0f;
    float l2 = 0.0f;
    for (size_t i = 0; i < kOneScaleValues; ++i) {
      const float l = Code(inverse * x_[i]);
      const float wl = weights_[i] * l;
      xl += wl * x_[i];
      l2 += wl * l;
    }
    if (!(l2 > 0.0f && xl * xl > fit.gain * l2)) return;
    fit.scale = xl / l2;
    fit.gain = fit.scale * xl;
    fit.inverse = inverse;
  }

  float Error(float d) const {
    const float inverse = 1.0f / d;
    float sum = 0.0f;
    for (size_t i = 0; i < kOneScaleValues; ++i) {
      const float v = inverse * x_[i];
      const float rest = v - Code(v);
      sum += weights_[i] * rest * rest;
    }
    return sum * (d * d);
  }

  // The better of `half`, whose error is `error`, and the rounded `scale`.
  uint16_t TryRounded(float scale, uint16_t half, float& error) const {
    return TryHalf(F32ToF16(scale), half, error);
  }

  uint16_t TryHalf(int candidate, uint16_t half, float& error) const {
    const uint16_t pattern = static_cast<uint16_t>(candidate);
    if (!IsUsableScale(pattern)) return half;
    const float candidate_error = Error(F16ToF32(pattern));
    if (!(candidate_error < error)) return half;
    error = candidate_error;
    return pattern;
  }

  const float* x_;
  const float* weights_;
};

// Whole rows as ImproveOneScaleRows: `blocks` are those of the reference for the same arguments.
template <int kMax, class Block, class Pack>
void ImproveOneScaleRowsScalar(TensorType type, const TrialPlan& plan, const float* rows,
                               size_t num_rows, size_t columns, const float* importance,
                               const Pack& pack, Block* blocks) {
  std::vector<float> weights(columns);
  for (size_t r = 0; r < num_rows; ++r) {
    const float* row = rows + r * columns;
    ErrorWeights(type, row, columns, importance, weights.data());
    for (size_t c = 0; c < columns; c += kOneScaleValues, ++blocks) {
      if (!IsUsableScale(blocks->d)) continue;
      const OneScale<kMax> search(row + c, weights.data() + c);
      uint8_t codes[kOneScaleValues];
      blocks->d = search.Improve(plan, blocks->d);
      search.Codes(blocks->d, codes);
      pack(codes, *blocks);
    }
  }
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_ONE_SCALE_H_
