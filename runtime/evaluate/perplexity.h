// Perplexity: exp of the mean negative log-likelihood of a text's tokens.

#ifndef GGUF_TOOLCHAIN_RUNTIME_EVALUATE_PERPLEXITY_H_
#define GGUF_TOOLCHAIN_RUNTIME_EVALUATE_PERPLEXITY_H_

#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/decoder.h"
#include "runtime/evaluate/logits_base.h"
#include "runtime/evaluate/statistics.h"
#include "runtime/evaluate/text_windows.h"

namespace gguf {

struct PerplexityResult {
  RunningMean nll;  // of counted tokens, natural logarithm
  uint32_t windows = 0;

  double perplexity() const;
  // perplexity * standard error of the mean, to first order.
  double standard_error() const;
};

// Called with the result so far after each window; ends the run when it returns an error.
using PerplexityProgress = std::function<absl::Status(const PerplexityResult&)>;

// Over all windows; `base` (may be null) gets every counted row. Errors as VisitWindows, and
// FailedPrecondition when a token's probability is no number. The result does not depend on
// `threads`.
absl::StatusOr<PerplexityResult> MeasurePerplexity(const TextWindows& windows, Decoder* decoder,
                                                   int threads, LogitsBaseWriter* base,
                                                   const PerplexityProgress& progress);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_EVALUATE_PERPLEXITY_H_
