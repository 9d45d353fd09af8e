#include "quantize/encode/refine/level_fit.h"

#include "formats/codec/codebooks/iq4nl.h"
#include "quantize/encode/signed_search.h"

namespace gguf {
namespace {

// The best scale so far, and its sum w*x*level squared over sum w*level^2.
struct BestScale {
  float scale;
  float score;

  void Try(float inverse, const float* x, const float* weights) {
    const LevelMoments sums = MomentsOfInverse(inverse, x, weights);
    if (sums.l2 > 0.0f && sums.xl * sums.xl > score * sums.l2) {
      scale = sums.xl / sums.l2;
      score = scale * sums.xl;
    }
  }
};

}  // namespace

LevelMoments MomentsOfInverse(float inverse, const float* x, const float* weights) {
  LevelMoments sums;
  for (size_t i = 0; i < kLevelValues; ++i) {
    const float level = static_cast<float>(kIq4nl[NearestLevel(inverse * x[i])]);
    const float wl = weights[i] * level;
    sums.xl += wl * x[i];
    sums.l2 += wl * level;
  }
  return sums;
}

float ErrorOfScale(float scale, const float* x, const float* weights) {
  const float inverse = InverseOfScale(scale);
  float sum = 0.0f;
  for (size_t i = 0; i < kLevelValues; ++i) {
    const float level = static_cast<float>(kIq4nl[NearestLevel(inverse * x[i])]);
    const float error = x[i] - scale * level;
    sum += (weights[i] * error) * error;
  }
  return std::isnan(sum) ? std::numeric_limits<float>::infinity() : sum;
}

float SearchTrials(const LevelTrials& trials, float start, const float* x, const float* weights) {
  const float largest = FirstLargest(x, kLevelValues);
  if (std::fabs(largest) < kTinyMagnitude) return start;
  BestScale best = {start, 0.0f};
  best.Try(InverseOfScale(start), x, weights);
  for (int i = 0; i < trials.count; ++i) {
    const float inverse = (trials.first + trials.step * static_cast<float>(i)) / largest;
    best.Try(inverse, x, weights);
    best.Try(-inverse, x, weights);
  }
  for (int i = 0; i < kLevelDescents; ++i) best.Try(InverseOfScale(best.scale), x, weights);
  return best.scale;
}

}  // namespace gguf
