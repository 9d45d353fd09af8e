// How much of a device a model takes, and how its attention is divided.

#ifndef GGUF_TOOLCHAIN_RUNTIME_CUDA_DEVICE_SIZES_H_
#define GGUF_TOOLCHAIN_RUNTIME_CUDA_DEVICE_SIZES_H_

#include <cstdint>

#include "absl/types/span.h"
#include "runtime/cache_types.h"
#include "runtime/config.h"
#include "runtime/cuda/backend_api.h"
#include "runtime/ops/attention.h"
#include "runtime/weights.h"

namespace gguf {

inline constexpr uint32_t kDeviceLogitRows = 128;  // computed at a time

// Floats of the buffers for batches of `batch` tokens.
struct DeviceBufferSizes {
  uint64_t hidden = 0;  // each of three
  uint64_t qkv = 0, queries = 0, keys = 0, values = 0, attended = 0;
  uint64_t parts = 0;  // of attention
  uint64_t feed_forward = 0, up = 0;
  uint64_t expert_rows = 0;  // each of two
  uint64_t router = 0;
  uint64_t logits = 0;

  uint64_t total() const {
    return 3 * hidden + qkv + queries + keys + values + attended + parts + feed_forward + up +
           2 * expert_rows + router + logits;
  }
};
DeviceBufferSizes BufferSizesOf(const ModelConfig& config, const ModelWeights& weights,
                                uint32_t batch, int num_processors);

// Parts that the cells of an attention are worked on in, so that a few queries keep all processors
// busy.
uint32_t AttentionSplits(const ModelConfig& config, uint32_t count, uint32_t num_cells,
                         int num_processors);

// Positions that a token at `position` sees (see AttentionInput).
PositionSpan SeenFrom(int32_t position, uint32_t window, absl::Span<const PositionSpan> spans);

// Bytes of a layer's weights.
uint64_t LayerWeightBytes(const LayerWeights& weights);

// Bytes of device memory: of the weights and cached keys and values of one layer, and of the output
// matrix and its norm.
uint64_t DeviceLayerBytes(const ModelConfig& config, const ModelWeights& weights, uint32_t layer,
                          const CacheOptions& cache);
uint64_t DeviceOutputBytes(const ModelWeights& weights);

// The most layers, counted from the last, that fit into the free memory of the device; all of them
// only with the output.
uint32_t MostDeviceLayers(const ModelConfig& config, const ModelWeights& weights,
                          const CacheOptions& cache, uint32_t batch, const GgufCudaDevice& device);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_CUDA_DEVICE_SIZES_H_
