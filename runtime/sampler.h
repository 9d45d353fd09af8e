// Choosing the next token from logits.

#ifndef GGUF_TOOLCHAIN_RUNTIME_SAMPLER_H_
#define GGUF_TOOLCHAIN_RUNTIME_SAMPLER_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace gguf {

// Filters act one after the other: top_k, top_p, min_p, then temperature and the draw.
struct SamplerOptions {
  float temperature = 0.8f;  // 0: always the likeliest token
  int32_t top_k = 40;        // the likeliest only; 0: all
  float top_p = 0.95f;       // the fewest likeliest whose probabilities reach it; 1: all
  float min_p = 0.05f;       // those at least this part as likely as the likeliest; 0: all
  uint64_t seed = 0;
};

// The same seed and logits give the same tokens on every machine. Not thread-safe.
class Sampler {
 public:
  explicit Sampler(const SamplerOptions& options) : options_(options), state_(options.seed) {}

  // Index of the token chosen; `logits` is not empty. -1 when none of them is a finite number.
  // O(n log k).
  int32_t Sample(absl::Span<const float> logits);

 private:
  struct Candidate {
    int32_t id;
    float logit;
    double weight;  // exp(logit - largest)
  };
  void Collect(absl::Span<const float> logits);
  void Filter();
  double Uniform();  // in [0, 1)

  const SamplerOptions options_;
  uint64_t state_;
  std::vector<Candidate> candidates_;  // likeliest first, the lower id of equals
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_SAMPLER_H_
