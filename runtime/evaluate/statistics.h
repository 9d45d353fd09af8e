// Means with their standard error, percentiles, proportions.

#ifndef GGUF_TOOLCHAIN_RUNTIME_EVALUATE_STATISTICS_H_
#define GGUF_TOOLCHAIN_RUNTIME_EVALUATE_STATISTICS_H_

#include <cstdint>

#include "absl/types/span.h"

namespace gguf {

// Mean and spread of values that arrive one by one (Welford's recurrence, in double).
class RunningMean {
 public:
  void Add(double value);

  uint64_t count() const { return count_; }
  double mean() const { return mean_; }
  // sqrt(sum (x - mean)^2 / n / (n - 1)), the standard error of the mean; 0 below two values.
  double standard_error() const;

 private:
  uint64_t count_ = 0;
  double mean_ = 0.0;
  double squares_ = 0.0;  // sum (x - mean)^2
};

// The value below which `fraction` (0 to 1) of the values lie, interpolated between neighbours.
// `sorted` is in ascending order; 0 when it is empty.
double Percentile(absl::Span<const float> sorted, double fraction);

// A share of `total` trials, with the standard error sqrt(p (1 - p) / (n - 1)) and the 95 %
// interval by Wilson's formula, which stays within 0 and 1. All zero for no trials.
struct Proportion {
  double value = 0.0;
  double standard_error = 0.0;
  double low = 0.0, high = 0.0;
};
Proportion ProportionOf(uint64_t successes, uint64_t total);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_EVALUATE_STATISTICS_H_
