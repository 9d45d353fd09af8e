// The error of every matrix of a model as colours: a row per role, a column per layer.

#ifndef GGUF_TOOLCHAIN_TOOLS_REPORT_ERROR_MAP_H_
#define GGUF_TOOLCHAIN_TOOLS_REPORT_ERROR_MAP_H_

#include <string>

#include "tools/report/result.pb.h"

namespace gguf {

// The maps of all models share one logarithmic scale, that they can be compared by.
class ErrorScale {
 public:
  static constexpr int kSteps = 9;

  // From the least to the greatest relative RMSE above 0 of all matrices of all models.
  explicit ErrorScale(const gguf_toolchain::BenchmarkResult& result);

  bool is_empty() const { return greatest_ <= 0; }

  // "e0" (least) to "e8" (also what is no number), "exact" for 0.
  std::string ClassOf(double relative_rmse) const;

  // Upper end of a step.
  double EndOf(int step) const;
  double least() const { return least_; }

 private:
  double least_ = 0, greatest_ = 0;
};

// A drawing of colours and what they stand for.
std::string ErrorLegend(const ErrorScale& scale);

// Matrices that belong to no layer are as wide as all layers. Empty for a model without errors.
std::string ErrorMap(const gguf_toolchain::BenchmarkModel& model, const ErrorScale& scale);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_REPORT_ERROR_MAP_H_
