// Feed-forward parts of which each token uses a few.

#ifndef GGUF_TOOLCHAIN_RUNTIME_EXPERTS_H_
#define GGUF_TOOLCHAIN_RUNTIME_EXPERTS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "runtime/config.h"
#include "runtime/ops/scratch.h"
#include "runtime/products.h"
#include "runtime/weights.h"

namespace gguf {

struct SelectedExpert {
  uint32_t expert;
  float weight;
};

// The `used` experts with the largest logits, largest first, the lower index first among equals.
std::vector<SelectedExpert> SelectExperts(absl::Span<const float> logits, size_t used,
                                          ExpertWeights weights);

// Runs the experts of a layer. Not thread-safe; buffers are kept between calls.
class Experts {
 public:
  // out [count][embedding] = the weighted sum of the selected experts of x, plus the shared one.
  // Each token's sum is over experts in order of index.
  void Run(const ModelConfig& config, const LayerWeights& weights, const float* x, size_t count,
           Products* products, float* out);

 private:
  struct Routed {
    size_t token;
    float weight;
  };
  void RunOne(const ModelConfig& config, const LayerWeights& weights, size_t expert,
              absl::Span<const Routed> routed, const float* x, Products* products, float* out);
  void RunShared(const ModelConfig& config, const LayerWeights& weights, const float* x,
                 size_t count, Products* products, float* out);

  Scratch logits_, rows_, gate_, up_, down_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_EXPERTS_H_
