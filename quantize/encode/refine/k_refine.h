// Lowers the error of a block of Q2_K, Q4_K or Q5_K that the reference has made, by searching the
// numbers as they are stored: binary16 d and dmin, integer scale and minimum of every sub-block.
//
// RefineKBlock defines the bytes; k_refine-inl.h does the same for one block per SIMD lane. All
// arithmetic is binary32 without contraction, sums run in element order. On top of ggml's search:
// neighbours of the integer scales, least squares for d and dmin over the whole block, several
// starting values.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_K_REFINE_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_K_REFINE_H_

#include <array>
#include <cfloat>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "gguf/base/float16.h"
#include "quantize/encode/k_affine.h"
#include "quantize/encode/refine/stored_scale.h"

namespace gguf {

// How far the search goes. Each is a type, so that the loops know the constants.
//
// After another search, First, if that is not void: a higher effort is never worse than a lower.
// Every sub-block tries the scales within kFirstReach of its own. Then, kRounds times, other pairs
// of d and dmin: the sub-blocks' parabolas judge kScaleFactors * kMinimumFactors of them, and from
// the kStarts best all scales within kReach are tried. At last those within kLastReach of the best.
struct KStandardSearch {
  using First = void;
  static constexpr int kFirstReach = 4;
  static constexpr int kScaleFactors = 21;
  static constexpr int kMinimumFactors = 9;
  static constexpr int kStarts = 4;
  static constexpr int kReach = 1;
  static constexpr int kRounds = 1;
  static constexpr int kLastReach = 7;
};

struct KMaxSearch {
  using First = KStandardSearch;
  static constexpr int kFirstReach = 0;
  static constexpr int kScaleFactors = 25;
  static constexpr int kMinimumFactors = 11;
  static constexpr int kStarts = 5;
  static constexpr int kReach = 4;
  static constexpr int kRounds = 2;
  static constexpr int kLastReach = 10;
};

// For the coarser scales of Q2_K, and its twice as many sub-blocks.
struct K2BitStandardSearch {
  using First = void;
  static constexpr int kFirstReach = 4;
  static constexpr int kScaleFactors = 15;
  static constexpr int kMinimumFactors = 7;
  static constexpr int kStarts = 3;
  static constexpr int kReach = 1;
  static constexpr int kRounds = 1;
  static constexpr int kLastReach = 6;
};

struct K2BitMaxSearch {
  using First = K2BitStandardSearch;
  static constexpr int kFirstReach = 0;
  static constexpr int kScaleFactors = 15;
  static constexpr int kMinimumFactors = 7;
  static constexpr int kStarts = 6;
  static constexpr int kReach = 3;
  static constexpr int kRounds = 2;
  static constexpr int kLastReach = 12;
};

// The factor number `i` of `count` (> 1) by which d, or dmin, is changed. More up than down: a
// larger d only makes the scales coarser, a smaller one cannot reach the largest of them.
constexpr float KScaleFactor(int i, int count) {
  return 0.88f + 0.3f * static_cast<float>(i) / static_cast<float>(count - 1);
}
constexpr float KMinimumFactor(int i, int count) {
  return 0.92f + 0.2f * static_cast<float>(i) / static_cast<float>(count - 1);
}

// Values and weights of a block, and sums over its sub-blocks.
template <class Shape>
struct KInput {
  const float* x;
  float weights[kKValues];
  float sum_w[Shape::kSubBlocks];
  float sum_wx[Shape::kSubBlocks];
};

// A block as it would be stored, with the error that it decodes to.
template <class Shape>
struct KState {
  float d, dmin, error;
  // Integers, as floats.
  float scales[Shape::kSubBlocks], minimums[Shape::kSubBlocks];
  float errors[Shape::kSubBlocks];
};

// Around the codes of a state: the error of sub-block j for another real scale s and minimum m is
// a constant + ll * (s - scale)^2 - 2 * l * (s - scale) * (m - minimum) + sum_w * (m - minimum)^2.
template <class Shape>
struct KParabolas {
  float l[Shape::kSubBlocks];     // sum weight * code
  float ll[Shape::kSubBlocks];    // sum weight * code * code
  float mean[Shape::kSubBlocks];  // weighted mean of the codes
  float scale[Shape::kSubBlocks], minimum[Shape::kSubBlocks];
};

// Value (x + minimum) / scale of x is rounded to a code. A scale of zero has code 0 only.
struct KRounding {
  KRounding(float scale, float minimum, int max_code)
      : unit(scale > 0.0f ? scale : 1.0f),
        inverse(1.0f / unit),
        base(minimum * inverse),
        limit(scale > 0.0f ? static_cast<float>(max_code) : 0.0f) {}

  float Position(float x) const { return x * inverse + base; }
  float Code(float position) const { return RoundToInteger(Limit(position, 0.0f, limit)); }

  float unit, inverse, base, limit;
};

template <class Shape>
float SubBlockError(const KInput<Shape>& input, size_t j, float scale, float minimum) {
  const KRounding rounding(scale, minimum, Shape::PlainSearch::kMaxCode);
  float sum = 0.0f;
  for (size_t i = j * Shape::kSubValues; i < (j + 1) * Shape::kSubValues; ++i) {
    const float position = rounding.Position(input.x[i]);
    const float error = rounding.Code(position) - position;
    sum += input.weights[i] * (error * error);
  }
  return rounding.unit * rounding.unit * sum;
}

template <class Shape>
void MeasureK(const KInput<Shape>& input, KState<Shape>& state) {
  state.error = 0.0f;
  for (size_t j = 0; j < Shape::kSubBlocks; ++j) {
    state.errors[j] =
        SubBlockError(input, j, state.d * state.scales[j], state.dmin * state.minimums[j]);
    state.error += state.errors[j];
  }
}

// Normal equations of x ~ d * (scale * code) - dmin * minimum over a block.
struct KNormal {
  float aa = 0.0f, ab = 0.0f, bb = 0.0f, ax = 0.0f, bx = 0.0f;

  // The least squares d and dmin as binary16, or those given if there are none of use.
  void Solve(float& d, float& dmin) const {
    const float determinant = aa * bb - ab * ab;
    const bool both = determinant > 1e-6f * (aa * bb);
    const float fitted_d = RoundToF16(both ? (ax * bb - ab * bx) / determinant : ax / aa);
    const float fitted_dmin = both ? RoundToF16((ab * ax - aa * bx) / determinant) : dmin;
    if (!(fitted_d > 0.0f && fitted_d <= kF16Max)) return;
    if (!(fitted_dmin >= 0.0f && fitted_dmin <= kF16Max)) return;
    d = fitted_d;
    dmin = fitted_dmin;
  }
};

// The parabolas of `state`, and its d and dmin fitted to its codes if that lowers the error.
template <class Shape>
void FitK(const KInput<Shape>& input, KState<Shape>& state, KParabolas<Shape>& parabolas) {
  KNormal normal;
  for (size_t j = 0; j < Shape::kSubBlocks; ++j) {
    const float scale = state.d * state.scales[j];
    const float minimum = state.dmin * state.minimums[j];
    const KRounding rounding(scale, minimum, Shape::PlainSearch::kMaxCode);
    float l = 0.0f, ll = 0.0f, lx = 0.0f;
    for (size_t i = j * Shape::kSubValues; i < (j + 1) * Shape::kSubValues; ++i) {
      const float code = rounding.Code(rounding.Position(input.x[i]));
      const float wl = input.weights[i] * code;
      l += wl;
      ll += wl * code;
      lx += wl * input.x[i];
    }
    const float w = input.sum_w[j], wx = input.sum_wx[j];
    const float determinant = w * ll - l * l;
    const bool fits = determinant > 1e-6f * (w * ll);
    parabolas.l[j] = l;
    parabolas.ll[j] = ll;
    parabolas.mean[j] = w > 0.0f ? l / w : 0.0f;
    parabolas.scale[j] = fits ? (w * lx - l * wx) / determinant : scale;
    parabolas.minimum[j] = fits ? (l * lx - ll * wx) / determinant : minimum;
    const float a = state.scales[j], b = state.minimums[j];
    normal.aa += a * a * ll;
    normal.ab += a * b * l;
    normal.bb += b * b * w;
    normal.ax += a * lx;
    normal.bx += b * wx;
  }
  KState<Shape> fitted = state;
  normal.Solve(fitted.d, fitted.dmin);
  MeasureK(input, fitted);
  if (fitted.error < state.error) state = fitted;
}

// Every sub-block takes the best of the scales within `reach` of its own, each with the minimum
// that keeps the middle of its values in place and that one's neighbours.
template <class Shape>
void SweepK(const KInput<Shape>& input, int reach, const KParabolas<Shape>& parabolas,
            KState<Shape>& state) {
  constexpr float kMax = static_cast<float>(Shape::kMaxSubCode);
  const float ratio = state.dmin > 0.0f ? state.d / state.dmin : 0.0f;
  state.error = 0.0f;
  for (size_t j = 0; j < Shape::kSubBlocks; ++j) {
    const float old_scale = state.scales[j], old_minimum = state.minimums[j];
    for (int step = -reach; step <= reach; ++step) {
      const float scale = Limit(old_scale + static_cast<float>(step), 0.0f, kMax);
      const float shift = (scale - old_scale) * (parabolas.mean[j] * ratio);
      const float middle = old_minimum + RoundToInteger(Limit(shift, -kMax, kMax));
      for (int side = -1; side <= 1; ++side) {
        const float minimum = Limit(middle + static_cast<float>(side), 0.0f, kMax);
        const float error = SubBlockError(input, j, state.d * scale, state.dmin * minimum);
        if (error < state.errors[j]) {
          state.errors[j] = error;
          state.scales[j] = scale;
          state.minimums[j] = minimum;
        }
      }
    }
    state.error += state.errors[j];
  }
}

// A pair of d and dmin to search from, and what the parabolas promise of it.
struct KStart {
  KStart() = default;
  KStart(float d, float dmin) : d(d), dmin(dmin), inverse_d(1.0f / d), inverse_dmin(1.0f / dmin) {}

  float d, dmin, inverse_d, inverse_dmin;
  float rise = 0.0f;  // of the error over the lowest points of the parabolas
};

// The scale and minimum of sub-block j for `start`, the nearest by its parabola. Returns the rise.
template <class Shape>
float NearestOnParabola(const KInput<Shape>& input, const KParabolas<Shape>& parabolas, size_t j,
                        const KStart& start, float& scale, float& minimum) {
  constexpr float kMax = static_cast<float>(Shape::kMaxSubCode);
  const float below =
      RoundToInteger(Limit(parabolas.scale[j] * start.inverse_d - 0.5f, 0.0f, kMax));
  float best = 0.0f;
  for (int k = 0; k < 2; ++k) {
    const float s = Limit(below + static_cast<float>(k), 0.0f, kMax);
    const float ds = s * start.d - parabolas.scale[j];
    const float target = (parabolas.minimum[j] + parabolas.mean[j] * ds) * start.inverse_dmin;
    const float m = RoundToInteger(Limit(target, 0.0f, kMax));
    const float dm = m * start.dmin - parabolas.minimum[j];
    const float rise = parabolas.ll[j] * (ds * ds) - 2.0f * parabolas.l[j] * (ds * dm) +
                       input.sum_w[j] * (dm * dm);
    if (k == 0 || rise < best) {
      best = rise;
      scale = s;
      minimum = m;
    }
  }
  return best;
}

// The best pairs around those of `state`, the best first.
template <class Shape, class Search>
std::array<KStart, Search::kStarts> ChooseStarts(const KInput<Shape>& input,
                                                 const KState<Shape>& state,
                                                 const KParabolas<Shape>& parabolas) {
  KStart none(state.d, state.dmin);
  none.rise = FLT_MAX;
  std::array<KStart, Search::kStarts> starts;
  starts.fill(none);
  for (int i = 0; i < Search::kScaleFactors; ++i) {
    const float d = state.d * KScaleFactor(i, Search::kScaleFactors);
    for (int k = 0; k < Search::kMinimumFactors; ++k) {
      const float dmin = state.dmin * KMinimumFactor(k, Search::kMinimumFactors);
      KStart start(Limit(RoundToF16(d), 0.0f, kF16Max), Limit(RoundToF16(dmin), 0.0f, kF16Max));
      for (size_t j = 0; j < Shape::kSubBlocks; ++j) {
        float scale, minimum;
        start.rise += NearestOnParabola(input, parabolas, j, start, scale, minimum);
      }
      for (KStart& other : starts) {
        if (start.rise < other.rise) std::swap(start, other);
      }
    }
  }
  return starts;
}

// Searches from other pairs of d and dmin; `state` and its parabolas become the best found.
template <class Shape, class Search>
void SearchStarts(const KInput<Shape>& input, KState<Shape>& state, KParabolas<Shape>& parabolas) {
  const KParabolas<Shape> around = parabolas;
  for (const KStart& start : ChooseStarts<Shape, Search>(input, state, parabolas)) {
    KState<Shape> trial;
    KParabolas<Shape> trial_parabolas = around;
    trial.d = start.d;
    trial.dmin = start.dmin;
    for (size_t j = 0; j < Shape::kSubBlocks; ++j) {
      NearestOnParabola(input, around, j, start, trial.scales[j], trial.minimums[j]);
    }
    MeasureK(input, trial);
    SweepK(input, Search::kReach, trial_parabolas, trial);
    FitK(input, trial, trial_parabolas);
    if (trial.error < state.error) {
      state = trial;
      parabolas = trial_parabolas;
    }
  }
}

// Lowers the error of `state`, of which `parabolas` are.
template <class Shape, class Search>
void SearchK(const KInput<Shape>& input, KState<Shape>& state, KParabolas<Shape>& parabolas) {
  if constexpr (!std::is_void_v<typename Search::First>) {
    SearchK<Shape, typename Search::First>(input, state, parabolas);
  }
  if (Search::kFirstReach > 0) {
    SweepK(input, Search::kFirstReach, parabolas, state);
    FitK(input, state, parabolas);
  }
  for (int round = 0; round < Search::kRounds; ++round) {
    SearchStarts<Shape, Search>(input, state, parabolas);
  }
  SweepK(input, Search::kLastReach, parabolas, state);
  FitK(input, state, parabolas);
}

// Searches from `state`, a block with positive d. True if the error became lower.
template <class Shape, class Search>
bool RefineK(const KInput<Shape>& input, KState<Shape>& state) {
  MeasureK(input, state);
  const float before = state.error;
  KParabolas<Shape> parabolas;
  FitK(input, state, parabolas);
  SearchK<Shape, Search>(input, state, parabolas);
  return state.error < before;
}

template <class Shape>
KInput<Shape> KInputOf(const float* x, const float* importance) {
  KInput<Shape> input;
  input.x = x;
  if (importance != nullptr) ImportantKWeights<Shape>(x, importance, input.weights);
  for (size_t j = 0; j < Shape::kSubBlocks; ++j) {
    const size_t first = j * Shape::kSubValues;
    float* weights = input.weights + first;
    if (importance == nullptr) PlainKWeights<Shape>(x + first, weights);
    input.sum_w[j] = input.sum_wx[j] = 0.0f;
    for (size_t i = 0; i < Shape::kSubValues; ++i) {
      input.sum_w[j] += weights[i];
      input.sum_wx[j] += weights[i] * x[first + i];
    }
  }
  return input;
}

// Lowers the error of `block`, which encodes `x` (256 values), or leaves it as it is. `importance`
// (256) may be null.
template <class Shape, class Search>
void RefineKBlock(const float* x, const float* importance, typename Shape::Block& block) {
  KState<Shape> state;
  state.d = F16ToF32(block.d);
  state.dmin = F16ToF32(block.dmin);
  // Beyond binary16, or nothing but minimums, which the reference gives constant blocks.
  if (!(state.d > 0.0f && state.d <= kF16Max)) return;
  if (!(state.dmin >= 0.0f && state.dmin <= kF16Max)) return;
  for (size_t j = 0; j < Shape::kSubBlocks; ++j) {
    state.scales[j] = static_cast<float>(Shape::SubScale(block, static_cast<int>(j)));
    state.minimums[j] = static_cast<float>(Shape::SubMinimum(block, static_cast<int>(j)));
  }
  const KInput<Shape> input = KInputOf<Shape>(x, importance);
  if (!RefineK<Shape, Search>(input, state)) return;

  uint8_t codes[kKValues], scales[Shape::kSubBlocks], minimums[Shape::kSubBlocks];
  for (size_t j = 0; j < Shape::kSubBlocks; ++j) {
    scales[j] = static_cast<uint8_t>(state.scales[j]);
    minimums[j] = static_cast<uint8_t>(state.minimums[j]);
    const KRounding rounding(state.d * state.scales[j], state.dmin * state.minimums[j],
                             Shape::PlainSearch::kMaxCode);
    for (size_t i = j * Shape::kSubValues; i < (j + 1) * Shape::kSubValues; ++i) {
      codes[i] = static_cast<uint8_t>(rounding.Code(rounding.Position(x[i])));
    }
  }
  Shape::PackSubCodes(scales, minimums, block);
  Shape::PackCodes(codes, block);
  block.d = F32ToF16(state.d);
  block.dmin = F32ToF16(state.dmin);
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_K_REFINE_H_
