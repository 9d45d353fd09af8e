// How far a model's predictions are from those of a base: Kullback-Leibler divergence of their
// distributions, agreement on the likeliest token, change of the right token's probability.

#ifndef GGUF_TOOLCHAIN_RUNTIME_EVALUATE_DIVERGENCE_H_
#define GGUF_TOOLCHAIN_RUNTIME_EVALUATE_DIVERGENCE_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "runtime/decoder.h"
#include "runtime/evaluate/logits_base.h"
#include "runtime/evaluate/statistics.h"
#include "runtime/evaluate/text_windows.h"

namespace gguf {

// Of one counted token. p is the base's distribution, q the model's; natural logarithms.
struct TokenDivergence {
  double kld = 0.0;       // sum p log(p / q), never negative
  double nll = 0.0;       // -log q of the right token
  double base_nll = 0.0;  // -log p
  bool same_top = false;  // the likeliest tokens agree
};

// `base` holds log-probabilities that add up to 1, as long as `logits`; the right token counts as
// `floor` where it has none.
TokenDivergence Diverge(absl::Span<const float> logits, absl::Span<const float> base, float floor,
                        int32_t target);

class DivergenceResult {
 public:
  void Add(const TokenDivergence& token);

  const RunningMean& kld() const { return kld_; }
  const RunningMean& nll() const { return nll_; }
  const RunningMean& base_nll() const { return base_nll_; }
  // log(perplexity / perplexity of the base); the error is far below that of either.
  const RunningMean& log_ratio() const { return log_ratio_; }
  // q - p of the right token.
  const RunningMean& delta_p() const { return delta_p_; }
  // sqrt of the mean of (q - p)^2, and its standard error to first order.
  double rms_delta_p() const;
  double rms_delta_p_stderr() const;
  Proportion top1_agreement() const { return ProportionOf(same_top_, kld_.count()); }
  // All divergences in ascending order.
  std::vector<float> SortedKld() const;

 private:
  RunningMean kld_, nll_, base_nll_, log_ratio_, delta_p_, delta_p_squared_;
  uint64_t same_top_ = 0;
  std::vector<float> values_;  // 4 bytes per counted token, for percentiles
};

using DivergenceProgress = std::function<absl::Status(const DivergenceResult&, uint32_t windows)>;

// Compares with all rows of `base`, of which none has been read; it has passed CheckModel, and
// `windows` are its own with the token that stands in for the first one. Errors as VisitWindows and
// LogitsBaseReader. The result does not depend on `threads`.
absl::StatusOr<DivergenceResult> MeasureDivergence(const TextWindows& windows,
                                                   LogitsBaseReader* base, Decoder* decoder,
                                                   int threads, const DivergenceProgress& progress);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_EVALUATE_DIVERGENCE_H_
