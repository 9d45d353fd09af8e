#include "runtime/evaluate/statistics.h"

#include <algorithm>
#include <cmath>

namespace gguf {

void RunningMean::Add(double value) {
  ++count_;
  const double delta = value - mean_;
  mean_ += delta / static_cast<double>(count_);
  squares_ += delta * (value - mean_);
}

double RunningMean::standard_error() const {
  if (count_ < 2) return 0.0;
  const double n = static_cast<double>(count_);
  return std::sqrt(std::max(0.0, squares_) / n / (n - 1.0));
}

double Percentile(absl::Span<const float> sorted, double fraction) {
  if (sorted.empty()) return 0.0;
  const double place = std::min(1.0, std::max(0.0, fraction)) * (sorted.size() - 1);
  const size_t below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  const double part = place - static_cast<double>(below);
  return (1.0 - part) * sorted[below] + part * sorted[above];
}

Proportion ProportionOf(uint64_t successes, uint64_t total) {
  Proportion result;
  if (total == 0) return result;
  constexpr double kZ = 1.959963984540054;  // two-sided 95 % of the normal distribution
  const double n = static_cast<double>(total);
  const double p = static_cast<double>(successes) / n;
  result.value = p;
  if (total > 1) result.standard_error = std::sqrt(p * (1.0 - p) / (n - 1.0));
  const double scale = 1.0 + kZ * kZ / n;
  const double middle = (p + kZ * kZ / (2.0 * n)) / scale;
  const double half = kZ / scale * std::sqrt(p * (1.0 - p) / n + kZ * kZ / (4.0 * n * n));
  result.low = std::max(0.0, middle - half);
  result.high = std::min(1.0, middle + half);
  return result;
}

}  // namespace gguf
