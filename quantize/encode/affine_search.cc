#include "quantize/encode/affine_search.h"

#include <cmath>

#include "quantize/encode/rounding.h"

namespace gguf {
namespace {

struct Block {
  size_t num_values;
  const float* x;
  const float* weights;
  int max_code;
  bool absolute_error;
};

void RoundToCodes(const Block& block, float inverse_scale, float offset, uint8_t* codes) {
  for (size_t i = 0; i < block.num_values; ++i) {
    codes[i] =
        static_cast<uint8_t>(RoundToCode(inverse_scale * (block.x[i] - offset), block.max_code));
  }
}

float WeightedError(const Block& block, float scale, float offset, const uint8_t* codes) {
  float sum = 0.0f;
  for (size_t i = 0; i < block.num_values; ++i) {
    const float error = scale * static_cast<float>(codes[i]) + offset - block.x[i];
    sum += block.weights[i] * (block.absolute_error ? std::fabs(error) : error * error);
  }
  return sum;
}

struct Moments {
  float w, x;  // sum w, sum w*x

  // The weighted least squares line through (code, x), its offset at most 0.
  bool Fit(const Block& block, const uint8_t* codes, float& scale, float& offset) const {
    float sum_l = 0.0f, sum_l2 = 0.0f, sum_xl = 0.0f;
    for (size_t i = 0; i < block.num_values; ++i) {
      const float l = static_cast<float>(codes[i]);
      const float wl = block.weights[i] * l;
      sum_l += wl;
      sum_l2 += wl * l;
      sum_xl += wl * block.x[i];
    }
    const float determinant = w * sum_l2 - sum_l * sum_l;
    if (!(determinant > 0.0f)) return false;
    scale = (w * sum_xl - x * sum_l) / determinant;
    offset = (sum_l2 * x - sum_l * sum_xl) / determinant;
    if (offset > 0.0f) {
      offset = 0.0f;
      scale = sum_xl / sum_l2;
    }
    return true;
  }
};

}  // namespace

AffineFit FitAffine(const AffineGrid& grid, size_t num_values, const float* x, const float* weights,
                    uint8_t* codes) {
  const Block block = {num_values, x, weights, grid.max_code, grid.absolute_error};
  // Starting from the first element, not from zero, decides the sign of a zero sum.
  Moments moments = {weights[0], weights[0] * x[0]};
  float min = x[0];
  float max = x[0];
  for (size_t i = 1; i < num_values; ++i) {
    if (x[i] < min) min = x[i];
    if (x[i] > max) max = x[i];
    moments.w += weights[i];
    moments.x += weights[i] * x[i];
  }
  if (min > 0.0f) min = 0.0f;
  if (max <= min) {
    for (size_t i = 0; i < num_values; ++i) codes[i] = 0;
    return {0.0f, -min};
  }

  const float max_code = static_cast<float>(grid.max_code);
  float offset = min;
  const float first_inverse = max_code / (max - min);
  float scale = 1.0f / first_inverse;
  RoundToCodes(block, first_inverse, offset, codes);
  float best = WeightedError(block, scale, offset, codes);
  uint8_t trial[32];
  for (int i = 0; i <= grid.last_step; ++i) {
    // The range starts at the last accepted offset, not at the smallest value.
    const float inverse =
        (grid.first + grid.step * static_cast<float>(i) + max_code) / (max - offset);
    RoundToCodes(block, inverse, offset, trial);
    float trial_scale, trial_offset;
    if (!moments.Fit(block, trial, trial_scale, trial_offset)) continue;
    const float error = WeightedError(block, trial_scale, trial_offset, trial);
    if (error < best) {
      best = error;
      scale = trial_scale;
      offset = trial_offset;
      for (size_t j = 0; j < num_values; ++j) codes[j] = trial[j];
    }
  }
  return {scale, -offset};
}

}  // namespace gguf
