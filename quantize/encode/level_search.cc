#include "quantize/encode/level_search.h"

#include <cmath>

#include "formats/codec/codebooks/iq4nl.h"
#include "quantize/encode/signed_search.h"

namespace gguf {
namespace {

constexpr int kLastLevel = 15;

struct Moments {
  float xl = 0.0f;  // sum of w * level * x
  float l2 = 0.0f;  // sum of w * level * level
};

Moments MomentsOf(float inverse, const float* x, const float* weights) {
  Moments sums;
  for (size_t i = 0; i < kLevelValues; ++i) {
    const float level = static_cast<float>(kIq4nl[NearestLevel(inverse * x[i])]);
    sums.xl += weights[i] * level * x[i];
    sums.l2 += weights[i] * level * level;
  }
  return sums;
}

}  // namespace

int NearestLevel(float v) {
  if (v <= kIq4nl[0]) return 0;
  int m = 1;
  while (m < kLastLevel && !(v < kIq4nl[m])) ++m;
  if (v >= kIq4nl[kLastLevel]) return kLastLevel;
  return v - kIq4nl[m - 1] < kIq4nl[m] - v ? m - 1 : m;
}

float SearchLevels(const float* x, const float* weights) {
  const float largest = FirstLargest(x, kLevelValues);
  if (std::fabs(largest) < kTinyMagnitude) return 0.0f;
  const float first_level = kIq4nl[0];
  Moments sums = MomentsOf(1.0f / (-largest / first_level), x, weights);
  float scale = sums.l2 > 0.0f ? sums.xl / sums.l2 : 0.0f;
  float best = scale * sums.xl;
  for (int step = -7; step <= 7; ++step) {
    sums = MomentsOf((static_cast<float>(step) + first_level) / largest, x, weights);
    if (sums.l2 > 0.0f && sums.xl * sums.xl > best * sums.l2) {
      scale = sums.xl / sums.l2;
      best = scale * sums.xl;
    }
  }
  return scale;
}

void LevelWeights(const float* x, const float* importance, float sigma2, float* weights) {
  for (size_t i = 0; i < kLevelValues; ++i) {
    weights[i] =
        importance != nullptr ? ImportanceWeight(importance[i], sigma2, x[i]) : x[i] * x[i];
  }
}

void PackLevels(const float* x, float inverse, uint8_t* qs) {
  for (size_t j = 0; j < kLevelValues / 2; ++j) {
    const int low = NearestLevel(x[j] * inverse);
    const int high = NearestLevel(x[j + kLevelValues / 2] * inverse);
    qs[j] = static_cast<uint8_t>(low | high << 4);
  }
}

}  // namespace gguf
