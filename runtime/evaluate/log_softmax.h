// Logits as probabilities.

#ifndef GGUF_TOOLCHAIN_RUNTIME_EVALUATE_LOG_SOFTMAX_H_
#define GGUF_TOOLCHAIN_RUNTIME_EVALUATE_LOG_SOFTMAX_H_

#include <cstddef>

#include "absl/types/span.h"

namespace gguf {

// What turns logits into natural log-probabilities: log p[i] = logits[i] - log_sum.
struct LogNormalizer {
  float max = 0.0f;      // the largest logit
  size_t argmax = 0;     // its index, the lowest of equals
  double log_sum = 0.0;  // log sum exp(logits[i]); not finite when a logit is NaN or +infinity
};

// `logits` is not empty. Terms are summed in double, in order.
LogNormalizer Normalize(absl::Span<const float> logits);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_EVALUATE_LOG_SOFTMAX_H_
