#include "runtime/sampler.h"

#include <algorithm>
#include <cmath>

namespace gguf {

// SplitMix64 (Steele, Lea and Flood 2014): one multiplication chain per number, any seed is good.
double Sampler::Uniform() {
  state_ += 0x9E3779B97F4A7C15ull;
  uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  z ^= z >> 31;
  return static_cast<double>(z >> 11) * 0x1.0p-53;
}

void Sampler::Collect(absl::Span<const float> logits) {
  candidates_.clear();
  for (size_t i = 0; i < logits.size(); ++i) {
    if (std::isfinite(logits[i])) candidates_.push_back({static_cast<int32_t>(i), logits[i], 0.0});
  }
  size_t kept = candidates_.size();
  if (options_.temperature <= 0.0f) {
    kept = std::min<size_t>(kept, 1);
  } else if (options_.top_k > 0) {
    kept = std::min(kept, static_cast<size_t>(options_.top_k));
  }
  std::partial_sort(candidates_.begin(), candidates_.begin() + kept, candidates_.end(),
                    [](const Candidate& a, const Candidate& b) {
                      return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
                    });
  candidates_.resize(kept);
}

// top_p, then min_p; both keep at least one.
void Sampler::Filter() {
  const float largest = candidates_[0].logit;
  double sum = 0.0;
  for (Candidate& candidate : candidates_) {
    candidate.weight = std::exp(double{candidate.logit} - largest);
    sum += candidate.weight;
  }
  size_t kept = candidates_.size();
  if (options_.top_p < 1.0f) {
    double reached = 0.0;
    for (kept = 0; kept < candidates_.size();) {
      reached += candidates_[kept++].weight;
      if (reached >= options_.top_p * sum) break;
    }
  }
  while (kept > 1 && candidates_[kept - 1].weight < options_.min_p) --kept;
  candidates_.resize(kept);
}

int32_t Sampler::Sample(absl::Span<const float> logits) {
  Collect(logits);
  if (candidates_.empty()) return -1;
  if (candidates_.size() == 1) return candidates_[0].id;
  Filter();
  double sum = 0.0;
  for (Candidate& candidate : candidates_) {
    candidate.weight =
        std::exp((double{candidate.logit} - candidates_[0].logit) / options_.temperature);
    sum += candidate.weight;
  }
  double left = Uniform() * sum;
  for (const Candidate& candidate : candidates_) {
    left -= candidate.weight;
    if (left < 0.0) return candidate.id;
  }
  return candidates_.back().id;
}

}  // namespace gguf
