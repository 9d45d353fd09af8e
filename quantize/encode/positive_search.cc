#include "quantize/encode/positive_search.h"

#include "quantize/encode/rounding.h"

namespace gguf {
namespace {

int32_t RoundUpTo(float v, int32_t max_code) {
  const int32_t code = RoundByBits(v);
  return code < max_code ? code : max_code;
}

// The best of the inverse scales (max_code + 0.1 * i) / max, i = -4 .. 4, 0 first.
float BestInverse(size_t num_values, int max_code, float max, const float* x,
                  const float* weights) {
  const float inverse = static_cast<float>(max_code) / max;
  const float scale = 1.0f / inverse;
  float best = 0.0f;
  for (size_t j = 0; j < num_values; ++j) {
    const uint8_t code = static_cast<uint8_t>(RoundByBits(inverse * x[j]));
    const float error = x[j] - scale * static_cast<float>(code);
    best += weights[j] * error * error;
  }
  float best_inverse = inverse;
  for (int i = -4; i <= 4; ++i) {
    if (i == 0) continue;
    const float trial = (0.1f * static_cast<float>(i) + static_cast<float>(max_code)) / max;
    const float trial_scale = 1.0f / trial;
    float sum = 0.0f;
    for (size_t j = 0; j < num_values; ++j) {
      const float error =
          x[j] - trial_scale * static_cast<float>(RoundUpTo(trial * x[j], max_code));
      sum += weights[j] * error * error;
    }
    if (sum < best) {
      best = sum;
      best_inverse = trial;
    }
  }
  return best_inverse;
}

struct Moments {
  float lx, l2;  // sum w*x*l, sum w*l*l
};

// Moves every code to its optimum given the others; false when nothing moved.
bool MoveCodes(size_t num_values, int max_code, const float* x, const float* weights,
               Moments& moments, uint8_t* codes) {
  bool moved = false;
  for (size_t j = 0; j < num_values; ++j) {
    const float wx = weights[j] * x[j];
    const float code = static_cast<float>(codes[j]);
    Moments rest = {moments.lx - wx * code, moments.l2 - weights[j] * code * code};
    if (!(rest.lx > 0.0f && rest.l2 > 0.0f)) continue;
    const int32_t new_code = RoundUpTo(x[j] * rest.l2 / rest.lx, max_code);
    if (new_code == codes[j]) continue;
    const float l = static_cast<float>(new_code);
    rest.lx += wx * l;
    rest.l2 += weights[j] * l * l;
    if (rest.lx * rest.lx * moments.l2 > moments.lx * moments.lx * rest.l2) {
      codes[j] = static_cast<uint8_t>(new_code);
      moments = rest;
      moved = true;
    }
  }
  return moved;
}

}  // namespace

float FitPositive(size_t num_values, int max_code, const float* x, const float* weights,
                  uint8_t* codes) {
  float max = 0.0f;
  for (size_t j = 0; j < num_values; ++j) max = x[j] > max ? x[j] : max;
  if (max < kPositiveSearchEpsilon) {
    for (size_t j = 0; j < num_values; ++j) codes[j] = 0;
    return 0.0f;
  }
  const float inverse = BestInverse(num_values, max_code, max, x, weights);
  Moments moments = {0.0f, 0.0f};
  for (size_t j = 0; j < num_values; ++j) {
    const int32_t code = RoundUpTo(inverse * x[j], max_code);
    const float l = static_cast<float>(code);
    codes[j] = static_cast<uint8_t>(code);
    moments.lx += weights[j] * x[j] * l;
    moments.l2 += weights[j] * l * l;
  }
  constexpr int kMaxPasses = 5;
  for (int pass = 0; pass < kMaxPasses; ++pass) {
    if (!MoveCodes(num_values, max_code, x, weights, moments, codes)) break;
  }
  return moments.l2 > 0.0f ? moments.lx / moments.l2 : 0.0f;
}

}  // namespace gguf
