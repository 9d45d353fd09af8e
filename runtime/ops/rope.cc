#include "runtime/ops/rope.h"

#include <algorithm>
#include <cmath>

namespace gguf {
namespace {

constexpr double kPi = 3.14159265358979323846;

// The pair, as a fraction, that turns `beta` times within the original context.
double CorrectionPair(const RopeConfig& rope, float base, float beta) {
  return rope.dims * std::log(rope.original_context / (2 * kPi * beta)) / (2 * std::log(base));
}

}  // namespace

std::vector<float> RopeFrequencies(const RopeConfig& rope, float base, RopeScaling scaling,
                                   absl::Span<const float> factors) {
  std::vector<float> frequencies(rope.dims / 2);
  const double low = std::max(0.0, std::floor(CorrectionPair(rope, base, rope.beta_fast)));
  const double high =
      std::min(rope.dims - 1.0, std::ceil(CorrectionPair(rope, base, rope.beta_slow)));
  for (size_t i = 0; i < frequencies.size(); ++i) {
    float frequency = 1.0f / static_cast<float>(std::pow(base, 2.0 * i / rope.dims));
    if (!factors.empty()) frequency /= factors[i];
    if (scaling == RopeScaling::kLinear) frequency /= rope.factor;
    if (scaling == RopeScaling::kYarn) {
      const double ramp = std::clamp((i - low) / std::max(0.001, high - low), 0.0, 1.0);
      const float kept = static_cast<float>((1.0 - ramp) * rope.extrapolation);
      frequency = frequency / rope.factor * (1.0f - kept) + frequency * kept;
    }
    frequencies[i] = frequency;
  }
  return frequencies;
}

void RopeTable::Fill(absl::Span<const int32_t> positions, absl::Span<const float> frequencies,
                     float magnitude) {
  pairs_ = frequencies.size();
  cos_.resize(positions.size() * pairs_);
  sin_.resize(positions.size() * pairs_);
  for (size_t p = 0; p < positions.size(); ++p) {
    for (size_t i = 0; i < pairs_; ++i) {
      const float angle = static_cast<float>(positions[p]) * frequencies[i];
      cos_[p * pairs_ + i] = std::cos(angle) * magnitude;
      sin_[p * pairs_ + i] = std::sin(angle) * magnitude;
    }
  }
}

void RopeTable::Rotate(size_t index, RopeLayout layout, size_t num_heads, size_t head_size,
                       float* heads) const {
  if (layout == RopeLayout::kNone) return;
  const float* cosines = &cos_[index * pairs_];
  const float* sines = &sin_[index * pairs_];
  const size_t step = layout == RopeLayout::kPairs ? 2 : 1;
  const size_t distance = layout == RopeLayout::kPairs ? 1 : pairs_;
  for (size_t h = 0; h < num_heads; ++h) {
    float* head = heads + h * head_size;
    for (size_t i = 0; i < pairs_; ++i) {
      float& a = head[i * step];
      float& b = head[i * step + distance];
      const float turned = a * cosines[i] - b * sines[i];
      b = a * sines[i] + b * cosines[i];
      a = turned;
    }
  }
}

}  // namespace gguf
