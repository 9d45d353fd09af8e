// The last layers of a model, run on a device: what Forward does on the host, in the device's
// kernels, with weights, keys and values in its memory.

#ifndef GGUF_TOOLCHAIN_RUNTIME_CUDA_DEVICE_LAYERS_H_
#define GGUF_TOOLCHAIN_RUNTIME_CUDA_DEVICE_LAYERS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "runtime/config.h"
#include "runtime/cuda/device.h"
#include "runtime/kv_cache.h"
#include "runtime/ops/activation_type.h"
#include "runtime/ops/attention.h"
#include "runtime/products.h"
#include "runtime/weights.h"

namespace gguf {

struct DeviceLayersOptions {
  uint32_t first_layer = 0;  // from here on to the last; the output too when it is 0
  uint32_t batch = 512;      // most tokens at once
  CacheOptions cache;
  ActivationType activations = ActivationType::kF32;
  ProductObserver observer;  // activations are brought to the host for it; may be null
};

// Tokens of one sequence on their way through the layers.
struct DeviceBatch {
  absl::Span<const int32_t> positions;                       // one per token, ascending
  absl::Span<const PositionSpan> spans;                      // see AttentionInput
  absl::Span<const float> frequencies, sliding_frequencies;  // of the rotation
  const KvCache* cache = nullptr;  // that has reserved the tokens' cells; null: an encoder
};

// Not thread-safe. `config` and `weights` must outlive it.
class DeviceLayers {
 public:
  // Copies weights to the device and takes all memory that runs will need. ResourceExhausted when
  // it has not as much; its types have been checked by CheckDevice.
  static absl::StatusOr<std::unique_ptr<DeviceLayers>> Create(std::shared_ptr<const Device> device,
                                                              const ModelConfig& config,
                                                              const ModelWeights& weights,
                                                              const DeviceLayersOptions& options);

  uint32_t first_layer() const { return options_.first_layer; }
  bool has_output() const { return options_.first_layer == 0; }

  // hidden [positions.size()][embedding]: from what the layers before gave to what the last gives.
  absl::Status Run(const DeviceBatch& batch, float* hidden);

  // See Forward::Logits; has_output().
  absl::Status Logits(const float* hidden, size_t count, float* logits);

 private:
  struct DeviceLinear {
    const Linear* linear = nullptr;  // null: the layer has none
    const GgufCudaTypeKernels* kernels = nullptr;
    DeviceMemory weights, bias;
    uint64_t matrix_bytes = 0;

    explicit operator bool() const { return linear != nullptr; }
  };
  struct DeviceNorm {
    DeviceMemory weight, bias;
    uint32_t size = 0;  // 0: the layer has none
    bool has_bias = false;
  };
  struct Layer {
    DeviceNorm attn_norm, q_norm, k_norm, attn_post_norm, ffn_norm, ffn_post_norm;
    DeviceLinear qkv, q, k, v, output, gate, up, down;
    DeviceLinear router, expert_gate, expert_up, expert_down;
    DeviceLinear shared_router, shared_gate, shared_up, shared_down;
    DeviceMemory sinks, keys, values;
    bool has_sinks = false;
  };
  // What the tokens of a batch may see in the layers of one window.
  struct View {
    DeviceMemory reserved, cells, cell_positions, seen_begin, seen_end;
    uint32_t num_cells = 0;
    bool has_cells = false;  // otherwise cell i is i
  };
  // Which tokens meet which experts.
  struct Routing {
    std::vector<uint32_t> rows, matrix, first;  // token per slot; expert and first slot per group
    std::vector<uint32_t> slots;                // [count][used]
    std::vector<float> weights;                 // likewise
    uint32_t largest = 0;
  };

  DeviceLayers(std::shared_ptr<const Device> device, const ModelConfig& config,
               const ModelWeights& weights, DeviceLayersOptions options)
      : device_(std::move(device)),
        config_(config),
        weights_(weights),
        options_(std::move(options)) {}

  absl::StatusOr<DeviceLinear> CopyLinear(const Linear& linear) const;
  absl::StatusOr<DeviceNorm> CopyNorm(const Norm& norm) const;
  absl::Status CopyLayer(uint32_t index, Layer* layer);
  absl::Status AllocateBuffers();

  // Sets *memory to a copy of `values` in at least as much room as it has.
  template <class T>
  absl::Status Put(absl::Span<const T> values, DeviceMemory* memory) const;
  absl::Status PrepareViews(const DeviceBatch& batch);
  absl::Status PrepareRotation(const DeviceBatch& batch);

  absl::Status RunAttention(uint32_t index, const Layer& layer, const DeviceBatch& batch);
  absl::Status SplitHeads(uint32_t index, const Layer& layer);
  absl::Status Attend(uint32_t index, const Layer& layer, const DeviceBatch& batch);
  absl::Status RunFeedForward(const Layer& layer);
  absl::Status RunDense(const Layer& layer, const float* x);
  absl::Status RunExperts(const Layer& layer, const float* x);
  absl::Status RunShared(const Layer& layer, const float* x);
  absl::StatusOr<Routing> Route(const Layer& layer, const float* x);
  absl::Status AddToResidual(const DeviceNorm& post);

  absl::Status Multiply(const DeviceLinear& linear, const float* x, uint32_t count, float* out,
                        const Routing* routing = nullptr);
  absl::Status Observe(const DeviceLinear& linear, const float* x, uint32_t count,
                       const Routing* routing);
  absl::Status Normalise(const DeviceNorm& norm, const float* x, uint32_t rows, float* out) const;
  absl::Status Activate(const float* gate, uint32_t gate_stride, const float* up,
                        uint32_t up_stride, uint32_t width, uint32_t count, float* out) const;
  float* Buffer(const DeviceMemory& memory) const { return memory.as<float>(); }

  const std::shared_ptr<const Device> device_;
  const ModelConfig& config_;
  const ModelWeights& weights_;
  const DeviceLayersOptions options_;
  std::vector<Layer> layers_;  // from first_layer on
  DeviceNorm output_norm_;
  DeviceLinear output_;
  std::map<uint32_t, View> views_;  // by window
  DeviceMemory cosines_, sines_, sliding_cosines_, sliding_sines_;
  DeviceMemory group_rows_, group_matrix_, group_first_, slots_, slot_weights_;
  DeviceMemory x_, n_, qkv_, q_, k_, v_, attended_, scratch_, out_, gate_, up_, rows_, down_,
      router_, logits_;
  uint32_t count_ = 0;  // tokens of the batch
  std::vector<float> host_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_CUDA_DEVICE_LAYERS_H_
