// Running a model on tokens: logits of any of them, hidden states and embeddings of an encoder.
//
//   GGUF_ASSIGN_OR_RETURN(auto model, Model::Open("model.gguf"));
//   GGUF_ASSIGN_OR_RETURN(auto decoder, Decoder::Create(*model, {.context = 512}));
//   GGUF_ASSIGN_OR_RETURN(std::vector<float> logits, decoder->Decode(ids, Outputs::kLast));

#ifndef GGUF_TOOLCHAIN_RUNTIME_DECODER_H_
#define GGUF_TOOLCHAIN_RUNTIME_DECODER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "runtime/cuda/device.h"
#include "runtime/forward.h"
#include "runtime/kv_cache.h"
#include "runtime/memory.h"
#include "runtime/model.h"
#include "runtime/products.h"

namespace gguf {

struct DecoderOptions {
  uint32_t context = 0;    // tokens of all sequences together; 0: what the model was trained for
  uint32_t batch = 512;    // tokens of a prompt worked on at once; bounds memory
  uint32_t sequences = 1;  // most sequences at a time
  int threads = 1;
  TensorType key_type = TensorType::kF32;  // of the cache: F32 adds no error to the weights'
  TensorType value_type = TensorType::kF32;
  bool allows_quantized_sinks = false;  // of the cache; see CheckCacheTypes
  ActivationType activations = ActivationType::kF32;
  bool checks_memory = true;  // refuse when weights, cache and buffers exceed what is available
  ProductObserver observer;   // of every matrix product; may be null
  // Runs the last layers; null: all run on the CPU.
  std::shared_ptr<const Device> device;
  bool may_leave_device = false;  // all on the CPU where the device cannot do the model
  // How many of them; all, and more, include the output. Unset: as many as fit.
  absl::optional<uint32_t> device_layers;
};

// Which tokens of a call logits are wanted of.
enum class Outputs { kNone, kLast, kAll };

// Not thread-safe; one per model in use, works on `threads` threads. Results do not depend on
// threads. How a prompt is cut into calls moves logits by less than 1e-5 of their standard deviation
// with activations that are kF32, whatever the type of the weights; by up to 0.1 with others.
// On a device prompts are multiplied as pairs of bfloat16: less than 1e-3.
class Decoder {
 public:
  // `model` must outlive the decoder. Errors: a missing or misshapen tensor (FindWeights), a cache
  // type that does not fit (CheckCacheTypes), Unimplemented for what the device cannot do
  // (CheckDevice), and ResourceExhausted when memory will not suffice, of host or device.
  static absl::StatusOr<std::unique_ptr<Decoder>> Create(const Model& model,
                                                         const DecoderOptions& options);

  const Model& model() const { return model_; }
  uint32_t context() const { return options_.context; }
  size_t vocabulary() const { return weights_.vocabulary(); }
  // Layers that run on options' device.
  uint32_t device_layers() const { return device_layers_; }

  // Appends `tokens` to `sequence` and returns logits [outputs][vocabulary] in the tokens' order.
  // InvalidArgument for a token outside the vocabulary; ResourceExhausted ("no slot") when the
  // cache is full. A failed call leaves the sequence as it was, except after the first full batch.
  absl::StatusOr<std::vector<float>> Decode(absl::Span<const int32_t> tokens, Outputs outputs,
                                            int32_t sequence = 0);

  // As above with logits of tokens[i] where wanted[i] != 0. wanted.size() == tokens.size(). Logits
  // are given out batch by batch, so that those of a long text need not be held at once:
  // `sink(index, logits)` once per wanted token, in order.
  absl::Status Decode(
      absl::Span<const int32_t> tokens, absl::Span<const uint8_t> wanted, int32_t sequence,
      const std::function<void(size_t index, absl::Span<const float> logits)>& sink);

  // Both with rows in place of some tokens' embeddings (an image's), which are worked on at once:
  // spans are ascending and apart, each inside `tokens` and of at most options' batch tokens,
  // otherwise InvalidArgument. The tokens there are not looked at; they take positions as others
  // do.
  absl::Status Decode(
      absl::Span<const int32_t> tokens, absl::Span<const EmbeddedSpan> embedded,
      absl::Span<const uint8_t> wanted, int32_t sequence,
      const std::function<void(size_t index, absl::Span<const float> logits)>& sink);
  absl::StatusOr<std::vector<float>> Decode(absl::Span<const int32_t> tokens,
                                            absl::Span<const EmbeddedSpan> embedded,
                                            Outputs outputs, int32_t sequence = 0);

  // Encoders: hidden states [tokens][embedding] of a whole text of at most context() tokens.
  absl::StatusOr<std::vector<float>> Encode(absl::Span<const int32_t> tokens);

  // Encoders: one vector [embedding], pooled as the model says (mean when it does not) and scaled
  // to length 1.
  absl::StatusOr<std::vector<float>> Embed(absl::Span<const int32_t> tokens);

  // Sequences and what is known of them. Null for encoders.
  KvCache* cache() { return cache_.has_value() ? &*cache_ : nullptr; }

 private:
  Decoder(const Model& model, DecoderOptions options, ModelWeights weights);
  // Puts layers on options' device and takes their part out of *cache.
  absl::Status PlaceOnDevice(CacheOptions* cache);
  // Memory that the layers of the host need, whose part of the cache `cache` says.
  MemoryNeed HostNeed(const CacheOptions& cache) const;
  absl::Status CheckTokens(absl::Span<const int32_t> tokens,
                           absl::Span<const EmbeddedSpan> embedded = {}) const;
  // Where a batch that begins at `first` ends: before a span that it would cut.
  size_t BatchEnd(size_t first, size_t num_tokens, absl::Span<const EmbeddedSpan> embedded) const;

  const Model& model_;
  const DecoderOptions options_;
  const ModelWeights weights_;
  Forward forward_;
  absl::optional<KvCache> cache_;
  uint32_t device_layers_ = 0;
  Scratch wanted_, logits_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_DECODER_H_
