#include "runtime/evaluate/log_softmax.h"

#include <cmath>

namespace gguf {

LogNormalizer Normalize(absl::Span<const float> logits) {
  LogNormalizer result;
  result.max = logits[0];
  for (size_t i = 1; i < logits.size(); ++i) {
    if (logits[i] > result.max) {
      result.max = logits[i];
      result.argmax = i;
    }
  }
  double sum = 0.0;
  for (const float logit : logits) sum += std::exp(logit - result.max);
  result.log_sum = double{result.max} + std::log(sum);
  return result;
}

}  // namespace gguf
