#include "runtime/cuda/device_sizes.h"

#include <algorithm>

namespace gguf {
namespace {

// As the attention kernel divides: lanes of a block, and cells that are worth one.
constexpr uint64_t kLanes = 16;
constexpr uint64_t kLeastCells = 256;
// Left free, for the driver's own needs and fragmentation.
constexpr uint64_t kSpareBytes = uint64_t{256} << 20;

uint64_t CeilDiv(uint64_t a, uint64_t b) { return (a + b - 1) / b; }

// Blocks that work at the same time, two per processor.
uint64_t BlocksAtOnce(int num_processors) {
  return 2 * static_cast<uint64_t>(std::max(1, num_processors));
}

uint64_t BytesOf(const Linear& linear) {
  if (!linear) return 0;
  return linear.tensor->data.size() + linear.bias.size() * sizeof(float);
}

uint64_t BytesOf(const Norm& norm) {
  return (norm.weight.size() + norm.bias.size()) * sizeof(float);
}

}  // namespace

uint32_t AttentionSplits(const ModelConfig& config, uint32_t count, uint32_t num_cells,
                         int num_processors) {
  const uint64_t blocks = CeilDiv(uint64_t{count} * config.group(), kLanes) * config.num_kv_heads;
  const uint64_t wanted = BlocksAtOnce(num_processors) / blocks;
  const uint64_t useful = CeilDiv(num_cells, kLeastCells);
  return static_cast<uint32_t>(std::max<uint64_t>(1, std::min(wanted, useful)));
}

PositionSpan SeenFrom(int32_t position, uint32_t window, absl::Span<const PositionSpan> spans) {
  const int64_t oldest = window == 0 ? 0 : int64_t{position} + 1 - window;
  PositionSpan seen = {static_cast<int32_t>(std::max<int64_t>(0, oldest)), position + 1};
  for (const PositionSpan& span : spans) {
    if (position < span.begin || position >= span.end) continue;
    seen.begin = std::min(seen.begin, span.begin);
    seen.end = span.end;
  }
  return seen;
}

DeviceBufferSizes BufferSizesOf(const ModelConfig& c, const ModelWeights& weights, uint32_t batch,
                                int num_processors) {
  const uint64_t b = batch;
  const uint64_t slots = b * c.num_experts_used;
  DeviceBufferSizes sizes;
  sizes.hidden = b * c.embedding;
  sizes.qkv = b * (uint64_t{c.query_width()} + c.key_width() + c.value_width());
  sizes.queries = b * c.query_width();
  sizes.keys = b * c.key_width();
  sizes.values = b * c.value_width();
  sizes.attended = b * c.num_heads * c.value_length;
  // More than one part only where blocks are fewer than work at once.
  const uint64_t rows = std::max(b * c.num_heads, BlocksAtOnce(num_processors) * kLanes);
  sizes.parts = rows * (uint64_t{c.value_length} + 2);
  const uint64_t widest = std::max<uint64_t>(
      {b * c.feed_forward, slots * c.expert_feed_forward, b * c.shared_feed_forward});
  sizes.feed_forward = widest;
  sizes.up = std::max(widest, 2 * b * c.feed_forward);
  sizes.expert_rows = c.num_experts == 0 ? 0 : std::max(slots, b) * c.embedding;
  sizes.router = b * std::max<uint64_t>(1, c.num_experts);
  if (weights.output) {
    sizes.logits = std::min<uint64_t>(kDeviceLogitRows, b) * weights.output.rows;
  }
  return sizes;
}

uint64_t LayerWeightBytes(const LayerWeights& w) {
  uint64_t bytes = w.sinks.size() * sizeof(float);
  for (const Linear* linear : {&w.qkv, &w.q, &w.k, &w.v, &w.output, &w.gate, &w.up, &w.down,
                               &w.router, &w.expert_gate, &w.expert_up, &w.expert_down,
                               &w.shared_router, &w.shared_gate, &w.shared_up, &w.shared_down}) {
    bytes += BytesOf(*linear);
  }
  for (const Norm* norm :
       {&w.attn_norm, &w.q_norm, &w.k_norm, &w.attn_post_norm, &w.ffn_norm, &w.ffn_post_norm}) {
    bytes += BytesOf(*norm);
  }
  return bytes;
}

uint64_t DeviceLayerBytes(const ModelConfig& config, const ModelWeights& weights, uint32_t layer,
                          const CacheOptions& cache) {
  const uint64_t bytes = LayerWeightBytes(weights.layers[layer]);
  if (config.family->is_encoder) return bytes;
  return bytes + CacheCells(config.windows[layer], cache) *
                     (CacheRowBytes(cache.key_type, config.key_width()) +
                      CacheRowBytes(cache.value_type, config.value_width()));
}

uint64_t DeviceOutputBytes(const ModelWeights& weights) {
  return BytesOf(weights.output) + BytesOf(weights.output_norm);
}

uint32_t MostDeviceLayers(const ModelConfig& config, const ModelWeights& weights,
                          const CacheOptions& cache, uint32_t batch, const GgufCudaDevice& device) {
  uint64_t left = device.free_bytes;
  const auto take = [&left](uint64_t bytes) {
    const bool fits = bytes <= left;
    if (fits) left -= bytes;
    return fits;
  };
  const uint64_t buffers =
      BufferSizesOf(config, weights, batch, device.num_processors).total() * sizeof(float);
  if (!take(kSpareBytes) || !take(buffers)) return 0;
  uint32_t count = 0;
  while (count < config.num_layers) {
    const uint32_t layer = config.num_layers - 1 - count;
    if (!take(DeviceLayerBytes(config, weights, layer, cache))) break;
    if (layer == 0 && !take(DeviceOutputBytes(weights))) break;
    ++count;
  }
  return count;
}

}  // namespace gguf
