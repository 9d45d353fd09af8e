// Scalar fits of levels of IQ4_NL and IQ4_XS, 32 values x ~ scale * level: a wider search for the
// scale than the reference's, and the error of a scale as it is decoded.
//
// These define the bytes; level_fit-inl.h does the same for one group of values per SIMD lane.
// Binary32, sums in element order. Weighted throughout.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_LEVEL_FIT_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_LEVEL_FIT_H_

#include <cmath>
#include <cstddef>
#include <limits>

#include "quantize/encode/level_search.h"
#include "quantize/encode/refine/binary16_scale.h"

namespace gguf {

// Trial scales map the largest magnitude to first, first + step, ... and to the negatives: both
// ends of the levels, -127 and 113, can serve it, beyond them it is clipped, and well below, where
// levels are denser, all values may fit better.
struct LevelTrials {
  float first;
  float step;
  int count;
};

// Wider or denser trials lower the error by less than 0.1 %, save for values of great magnitude and
// small importance.
inline constexpr LevelTrials kLevelTrials = {67.0f, 5.0f, 25};
inline constexpr LevelTrials kManyLevelTrials = {47.0f, 3.5f, 64};

// How often the best scale of a search is replaced by the least squares one of its own codes.
inline constexpr int kLevelDescents = 3;

struct LevelMoments {
  float xl = 0.0f;  // sum of w * level * x
  float l2 = 0.0f;  // sum of w * level * level
};

// 1 / scale, or 0 where that is not finite.
inline float InverseOfScale(float scale) {
  const float inverse = 1.0f / scale;
  return std::fabs(inverse) <= std::numeric_limits<float>::max() ? inverse : 0.0f;
}

// v rounded to binary16, of magnitude 65504 at most; keeps the sign of 0.
inline float SignedBinary16Scale(float v) { return std::copysign(Binary16Scale(std::fabs(v)), v); }

// Of the levels nearest to inverse * x.
LevelMoments MomentsOfInverse(float inverse, const float* x, const float* weights);

// Sum of w * (x - scale * level)^2 with the levels nearest to x / scale; infinite instead of NaN.
float ErrorOfScale(float scale, const float* x, const float* weights);

// The scale with the largest (sum w*x*level)^2 / sum w*level^2 of `trials`, `start` and descents;
// `start` when all |x| are below 1e-15.
float SearchTrials(const LevelTrials& trials, float start, const float* x, const float* weights);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_LEVEL_FIT_H_
