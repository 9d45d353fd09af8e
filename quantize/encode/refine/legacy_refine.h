// Lowers the error of a block of Q4_1 or Q5_1 that the reference has made: x ~ d * code + m with d
// and m as binary16.
//
// Scales and offsets on a grid are judged by the least squares line through their codes; the best
// lines are improved by moving single codes to the other side of their rounding, and measured as
// they would be stored. RefineLegacyBlock defines the bytes; legacy_refine-inl.h does the same for
// one block per SIMD lane. All arithmetic is binary32 without contraction, sums run in element
// order.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_LEGACY_REFINE_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_LEGACY_REFINE_H_

#include <array>
#include <cfloat>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "gguf/base/float16.h"
#include "quantize/encode/legacy_affine.h"
#include "quantize/encode/refine/stored_scale.h"

namespace gguf {

// How far the search goes: kScales scales, from kFirst to kLast times that which spreads the codes
// over all values, each with kOffsets offsets; the kStarts best lines are improved in kPasses
// passes over the codes; all that after another search, First, if that is not void: a higher effort
// is never worse than a lower. Plain is the search without importance.
struct LegacyStandardSearch {
  using First = void;
  using Plain = LegacyStandardSearch;
  static constexpr int kScales = 10;
  static constexpr float kFirst = 0.7f, kLast = 1.15f;
  static constexpr int kOffsets = 3;
  static constexpr int kStarts = 4;
  static constexpr int kPasses = 1;
};

// Less than ten times as slow as ggml's quantizer, which only divides the range.
struct LegacyPlainMaxSearch : LegacyStandardSearch {
  static constexpr int kStarts = 8;
};

struct LegacyMaxSearch {
  using First = LegacyStandardSearch;
  using Plain = LegacyPlainMaxSearch;
  static constexpr int kScales = 32;
  static constexpr float kFirst = 0.5f, kLast = 1.4f;
  static constexpr int kOffsets = 6;
  static constexpr int kStarts = 20;
  static constexpr int kPasses = 2;
};

// Factor number `i` of the range of scales.
template <class Search>
constexpr float LegacyScaleFactor(int i) {
  return Search::kFirst +
         (Search::kLast - Search::kFirst) * static_cast<float>(i) / (Search::kScales - 1.0f);
}

// Where offset number `i` lies between its two ends.
template <class Search>
constexpr float LegacyOffsetPart(int i) {
  return (static_cast<float>(i) + 0.5f) / static_cast<float>(Search::kOffsets);
}

// x ~ scale * code + offset, and how much of the weighted square of the values around their mean
// it explains.
struct LegacyLine {
  float gain, scale, offset;
};

// One block. `centred` holds weight * (x - mean), with the weighted mean.
template <class Shape>
struct LegacyInput {
  static constexpr float kMaxCode = static_cast<float>(Shape::kMaxCode);
  // Codes are counted from here in sums, so that these stay small.
  static constexpr float kMiddle = static_cast<float>(Shape::kMaxCode / 2);

  const float* x;
  float weights[kLegacyValues];
  float centred[kLegacyValues];
  float inverse_weight;  // 1 / sum of weights
  float mean, lowest, highest;
};

// sum weight * l, sum weight * l * l, sum l * centred for codes l counted from the middle.
struct LegacySums {
  float l = 0.0f, ll = 0.0f, lx = 0.0f;

  // The weighted square of the codes around their mean.
  float Spread(float inverse_weight) const { return ll - l * l * inverse_weight; }

  // The least squares line; a gain of 0 if there is none.
  template <class Shape>
  LegacyLine Line(const LegacyInput<Shape>& input) const {
    const float spread = Spread(input.inverse_weight);
    const bool fits = spread > 0.0f && lx > 0.0f;
    const float scale = lx / spread;
    const float middle = l * input.inverse_weight + LegacyInput<Shape>::kMiddle;
    return {fits ? lx * scale : 0.0f, scale, input.mean - scale * middle};
  }
};

// The position of x between the codes of `line`, and the nearest code.
template <class Shape>
struct LegacyRounding {
  LegacyRounding(float scale, float offset) : inverse(1.0f / scale), base(offset * inverse) {}

  float Position(float x) const { return x * inverse - base; }
  static float Code(float position) {
    return RoundToInteger(Limit(position, 0.0f, LegacyInput<Shape>::kMaxCode));
  }

  float inverse, base;
};

template <class Shape>
LegacyInput<Shape> LegacyInputOf(const float* x, const float* weights) {
  LegacyInput<Shape> input;
  input.x = x;
  input.lowest = input.highest = x[0];
  float sum_w = 0.0f, sum_wx = 0.0f;
  for (size_t i = 0; i < kLegacyValues; ++i) {
    input.weights[i] = weights[i];
    sum_w += weights[i];
    sum_wx += weights[i] * x[i];
    input.lowest = x[i] < input.lowest ? x[i] : input.lowest;
    input.highest = x[i] > input.highest ? x[i] : input.highest;
  }
  input.inverse_weight = 1.0f / sum_w;
  input.mean = sum_wx * input.inverse_weight;
  for (size_t i = 0; i < kLegacyValues; ++i) {
    input.centred[i] = weights[i] * (x[i] - input.mean);
  }
  return input;
}

// The code of x in a block with this scale (> 0) and offset.
template <class Shape>
float LegacyCode(float x, float inverse_scale, float offset) {
  return LegacyRounding<Shape>::Code((x - offset) * inverse_scale);
}

// The error of such a block.
template <class Shape>
float LegacyError(const LegacyInput<Shape>& input, float scale, float offset) {
  const float inverse = 1.0f / scale;
  float sum = 0.0f;
  for (size_t i = 0; i < kLegacyValues; ++i) {
    const float error =
        scale * LegacyCode<Shape>(input.x[i], inverse, offset) - (input.x[i] - offset);
    sum += input.weights[i] * (error * error);
  }
  return sum;
}

// The least squares line through the codes that `scale` and `offset` give.
template <class Shape>
LegacyLine FitLegacy(const LegacyInput<Shape>& input, float scale, float offset) {
  const LegacyRounding<Shape> rounding(scale, offset);
  LegacySums sums;
  for (size_t i = 0; i < kLegacyValues; ++i) {
    const float l = rounding.Code(rounding.Position(input.x[i])) - LegacyInput<Shape>::kMiddle;
    const float wl = input.weights[i] * l;
    sums.l += wl;
    sums.ll += wl * l;
    sums.lx += l * input.centred[i];
  }
  return sums.Line(input);
}

// The best lines of the grid, and that through the codes of (scale, offset), the best first.
template <class Shape, class Search>
std::array<LegacyLine, Search::kStarts> ChooseLines(const LegacyInput<Shape>& input, float scale,
                                                    float offset) {
  std::array<LegacyLine, Search::kStarts> lines;
  lines.fill({0.0f, scale, offset});
  lines[0] = FitLegacy(input, scale, offset);
  const float range = input.highest - input.lowest;
  const float even = range / LegacyInput<Shape>::kMaxCode;
  for (int i = 0; i < Search::kScales; ++i) {
    // Offsets from where the lowest value is half a step above the first code to where the
    // highest is half a step below the last.
    const float step = even * LegacyScaleFactor<Search>(i);
    const float first = input.lowest - 0.5f * step;
    const float way = range - (LegacyInput<Shape>::kMaxCode - 1.0f) * step;
    for (int k = 0; k < Search::kOffsets; ++k) {
      LegacyLine line = FitLegacy(input, step, first + way * LegacyOffsetPart<Search>(k));
      for (LegacyLine& other : lines) {
        if (line.gain > other.gain) std::swap(line, other);
      }
    }
  }
  return lines;
}

// The line after kPasses over the codes, in which each one is moved by one, to the other side of
// its value, if that raises the gain.
template <class Shape, class Search>
LegacyLine MoveCodes(const LegacyInput<Shape>& input, const LegacyLine& line) {
  using Input = LegacyInput<Shape>;
  const LegacyRounding<Shape> rounding(line.scale, line.offset);
  float codes[kLegacyValues], moves[kLegacyValues];
  LegacySums sums;
  for (size_t i = 0; i < kLegacyValues; ++i) {
    const float position = rounding.Position(input.x[i]);
    const float code = rounding.Code(position);
    const float move = position > code ? 1.0f : -1.0f;
    moves[i] = code + move >= 0.0f && code + move <= Input::kMaxCode ? move : 0.0f;
    codes[i] = code - Input::kMiddle;
    const float wl = input.weights[i] * codes[i];
    sums.l += wl;
    sums.ll += wl * codes[i];
    sums.lx += codes[i] * input.centred[i];
  }
  float spread = sums.Spread(input.inverse_weight);
  for (int pass = 0; pass < Search::kPasses; ++pass) {
    for (size_t i = 0; i < kLegacyValues; ++i) {
      const float move = moves[i];
      const float moved = input.weights[i] * move;
      LegacySums other;
      other.l = sums.l + moved;
      other.ll = sums.ll + moved * (codes[i] + codes[i] + move);
      other.lx = sums.lx + move * input.centred[i];
      const float other_spread = other.Spread(input.inverse_weight);
      if (!(other.lx * other.lx * spread > sums.lx * sums.lx * other_spread)) continue;
      if (!(other_spread > 0.0f)) continue;
      sums = other;
      spread = other_spread;
      codes[i] += move;
      moves[i] = -move;
    }
  }
  return sums.Line(input);
}

// Searches from d and m, whose error is `best`; all three become those of the best found.
template <class Shape, class Search>
void SearchLegacy(const LegacyInput<Shape>& input, float& d, float& m, float& best) {
  if constexpr (!std::is_void_v<typename Search::First>) {
    SearchLegacy<Shape, typename Search::First>(input, d, m, best);
  }
  for (const LegacyLine& start : ChooseLines<Shape, Search>(input, d, m)) {
    const LegacyLine line = MoveCodes<Shape, Search>(input, start);
    const float scale = RoundToF16(line.scale);
    const float offset = RoundSignedToF16(line.offset);
    if (!(line.gain > 0.0f && scale > 0.0f && scale <= kF16Max)) continue;
    if (!(std::fabs(offset) <= kF16Max)) continue;
    const float error = LegacyError(input, scale, offset);
    if (error < best) {
      best = error;
      d = scale;
      m = offset;
    }
  }
}

// The weights of a row with importance, as the reference's.
inline void ImportantLegacyWeights(const float* x, size_t columns, const float* importance,
                                   float* weights) {
  float sigma2 = 0.0f;
  for (size_t i = 0; i < columns; ++i) sigma2 += x[i] * x[i];
  sigma2 /= static_cast<float>(columns);
  for (size_t i = 0; i < columns; ++i) {
    weights[i] = importance[i] * std::sqrt(sigma2 + x[i] * x[i]);
  }
}

// Lowers the error of `block`, which encodes `x` (32 values), or leaves it as it is.
template <class Shape, class Search>
void RefineLegacyBlock(const float* x, const float* weights, typename Shape::Block& block) {
  float d = F16ToF32(block.d);
  float m = F16ToF32(block.m);
  if (!(d > 0.0f && d <= kF16Max && std::fabs(m) <= kF16Max)) return;
  const LegacyInput<Shape> input = LegacyInputOf<Shape>(x, weights);
  float error = LegacyError(input, d, m);
  if (!(error <= FLT_MAX)) return;
  SearchLegacy<Shape, Search>(input, d, m, error);
  uint8_t codes[kLegacyValues];
  const float inverse = 1.0f / d;
  for (size_t i = 0; i < kLegacyValues; ++i) {
    codes[i] = static_cast<uint8_t>(LegacyCode<Shape>(x[i], inverse, m));
  }
  block.d = F32ToF16(d);
  block.m = F32ToF16(m);
  Shape::PackCodes(codes, block);
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_LEGACY_REFINE_H_
