// The forward pass that all families share: what a family's row and a model's tensors leave open is
// decided here, layer by layer, on a batch of tokens of one sequence.

#ifndef GGUF_TOOLCHAIN_RUNTIME_FORWARD_H_
#define GGUF_TOOLCHAIN_RUNTIME_FORWARD_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "runtime/config.h"
#include "runtime/cuda/device_layers.h"
#include "runtime/experts.h"
#include "runtime/kv_cache.h"
#include "runtime/ops/attention.h"
#include "runtime/ops/rope.h"
#include "runtime/ops/scratch.h"
#include "runtime/products.h"
#include "runtime/weights.h"

namespace gguf {

// Rows that stand in place of the embeddings of tokens [first, first + count) of a call: what an
// image became (runtime/vision). They are not scaled, and see each other in both directions.
struct EmbeddedSpan {
  size_t first = 0;
  size_t count = 0;
  const float* rows = nullptr;  // [count][embedding]
};

// Not thread-safe; works on `threads` threads. `config` and `weights` must outlive it.
class Forward {
 public:
  // `context`: tokens in use, which decides between long and short rotary factors.
  Forward(const ModelConfig& config, const ModelWeights& weights, uint32_t context, int threads,
          ActivationType activations, ProductObserver observer);

  // The last layers run on a device from now on; the output too when all do.
  void UseDevice(std::unique_ptr<DeviceLayers> device) { device_ = std::move(device); }

  // What the device said in Run or Logits, whose results are worthless unless it is OK.
  const absl::Status& device_status() const { return device_status_; }

  // Hidden states [tokens.size()][embedding] after the last layer, before the output norm. Tokens
  // are below the vocabulary. The cache has reserved cells for them; encoders need none (null) and
  // see all tokens at once. Spans (ascending, apart) lie inside the batch; the tokens there are not
  // looked at. The result is valid until the next call.
  const float* Run(absl::Span<const int32_t> tokens, KvCache* cache,
                   absl::Span<const EmbeddedSpan> embedded = {});

  // Logits [count][vocabulary] of hidden states [count][embedding].
  void Logits(const float* hidden, size_t count, float* logits);

  // Bytes of all buffers for batches of `batch` tokens.
  static uint64_t BufferBytes(const ModelConfig& config, uint32_t batch);

 private:
  void Embed(absl::Span<const int32_t> tokens, absl::Span<const EmbeddedSpan> embedded);
  void PrepareRope(absl::Span<const int32_t> positions);
  void RunAttention(uint32_t layer, KvCache* cache);
  void SplitHeads(const LayerWeights& w, uint32_t layer);
  void RunFeedForward(const LayerWeights& w);
  void RunDense(const LayerWeights& w, const float* x, float* out);
  // residual += scale * out, normalised before (by `post`, when it is not empty) or after
  // (encoders)
  void AddToResidual(const Norm& post, const float* out);
  void Normalise(const Norm& norm, const float* x, float* out) const;
  void ForTokens(absl::FunctionRef<void(size_t)> body) const;

  const ModelConfig& config_;
  const ModelWeights& weights_;
  const int threads_;
  Products products_;
  Experts experts_;
  std::unique_ptr<DeviceLayers> device_;  // null: all layers are here
  absl::Status device_status_;
  std::vector<float> frequencies_, sliding_frequencies_;
  RopeTable rope_, sliding_rope_;
  size_t count_ = 0;  // tokens of the batch
  std::vector<int32_t> positions_;
  std::vector<PositionSpan> spans_;  // of the batch
  std::vector<uint32_t> cells_;      // encoders: the batch's own keys
  Scratch hidden_, normed_, qkv_, queries_, keys_, values_, attended_, out_, gate_, up_;
  float *x_ = nullptr, *n_ = nullptr;  // residual, normed [count][embedding]
  float *q_ = nullptr, *k_ = nullptr, *v_ = nullptr;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_FORWARD_H_
