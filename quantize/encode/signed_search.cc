#include "quantize/encode/signed_search.h"

namespace gguf {

float FirstLargest(const float* x, size_t num_values) {
  float largest = 0.0f;
  float magnitude = 0.0f;
  for (size_t i = 0; i < num_values; ++i) {
    const float candidate = std::fabs(x[i]);
    if (candidate > magnitude) {
      magnitude = candidate;
      largest = x[i];
    }
  }
  return largest;
}

float SumOfSquares(const float* x, size_t num_values) {
  float sum = 0.0f;
  for (size_t i = 0; i < num_values; ++i) sum += x[i] * x[i];
  return sum;
}

namespace {

void SetAll(size_t num_values, uint8_t code, uint8_t* codes) {
  for (size_t i = 0; i < num_values; ++i) codes[i] = code;
}

// The code before the shift by nmax.
int32_t SignedCode(float inverse_scale, float x, int nmax) {
  return ClampCode(RoundByBits(inverse_scale * x), -nmax, nmax - 1);
}

struct Moments {
  float xl = 0.0f;  // sum w*x*l
  float l2 = 0.0f;  // sum w*l*l
};

Moments MomentsOf(float inverse_scale, size_t num_values, int nmax, const float* x,
                  const float* weights) {
  Moments sums;
  for (size_t i = 0; i < num_values; ++i) {
    const float l = static_cast<float>(SignedCode(inverse_scale, x[i], nmax));
    const float w = weights != nullptr ? weights[i] : x[i] * x[i];
    sums.xl += w * x[i] * l;
    sums.l2 += w * l * l;
  }
  return sums;
}

}  // namespace

float SearchSigned(size_t num_values, int nmax, const float* x, const float* weights,
                   uint8_t* codes) {
  const float max = FirstLargest(x, num_values);
  if (std::fabs(max) < kTinyMagnitude) {
    SetAll(num_values, 0, codes);
    return 0.0f;
  }
  float best_inverse = -static_cast<float>(nmax) / max;
  Moments sums = MomentsOf(best_inverse, num_values, nmax, x, weights);
  float scale = sums.l2 != 0.0f ? sums.xl / sums.l2 : 0.0f;
  float best = scale * sums.xl;
  for (int step = -9; step <= 9; ++step) {
    if (step == 0) continue;
    const float inverse = -(static_cast<float>(nmax) + 0.1f * static_cast<float>(step)) / max;
    sums = MomentsOf(inverse, num_values, nmax, x, weights);
    if (sums.l2 > 0.0f && sums.xl * sums.xl > best * sums.l2) {
      best_inverse = inverse;
      scale = sums.xl / sums.l2;
      best = scale * sums.xl;
    }
  }
  for (size_t i = 0; i < num_values; ++i) {
    codes[i] = static_cast<uint8_t>(SignedCode(best_inverse, x[i], nmax) + nmax);
  }
  return scale;
}

float SearchSignedByDescent(const float* x, uint8_t* codes) {
  constexpr size_t kValues = 16;
  constexpr int kMax = 4;
  const float max = FirstLargest(x, kValues);
  if (std::fabs(max) < kTinyMagnitude) {
    SetAll(kValues, 0, codes);
    return 0.0f;
  }
  const float inverse = -static_cast<float>(kMax) / max;
  float l[kValues];
  Moments sums = MomentsOf(inverse, kValues, kMax, x, nullptr);
  for (size_t i = 0; i < kValues; ++i) l[i] = static_cast<float>(SignedCode(inverse, x[i], kMax));

  bool changed = true;
  for (int pass = 0; pass < 5 && changed; ++pass) {
    changed = false;
    for (size_t i = 0; i < kValues; ++i) {
      const float w = x[i] * x[i];
      Moments moved;
      moved.xl = sums.xl - w * x[i] * l[i];
      if (!(moved.xl > 0.0f)) continue;
      moved.l2 = sums.l2 - w * l[i] * l[i];
      const int32_t code = ClampCode(RoundByBits(x[i] * moved.l2 / moved.xl), -kMax, kMax - 1);
      const float fresh = static_cast<float>(code);
      if (fresh == l[i]) continue;
      moved.xl += w * x[i] * fresh;
      moved.l2 += w * fresh * fresh;
      if (moved.l2 > 0.0f && moved.xl * moved.xl * sums.l2 > sums.xl * sums.xl * moved.l2) {
        l[i] = fresh;
        sums = moved;
        changed = true;
      }
    }
  }
  for (size_t i = 0; i < kValues; ++i) {
    codes[i] = static_cast<uint8_t>(static_cast<int>(l[i]) + kMax);
  }
  return sums.l2 > 0.0f ? sums.xl / sums.l2 : 0.0f;
}

}  // namespace gguf
