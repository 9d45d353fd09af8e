#include "runtime/cuda/device_layers.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gguf/base/sizes.h"
#include "gguf/base/status_macros.h"
#include "runtime/cuda/device_sizes.h"
#include "runtime/experts.h"

namespace gguf {

// ---- Weights and memory

absl::StatusOr<DeviceLayers::DeviceLinear> DeviceLayers::CopyLinear(const Linear& linear) const {
  DeviceLinear copy;
  if (!linear) return copy;
  copy.linear = &linear;
  copy.kernels = FindKernels(device_->libraries(), linear.tensor->type);
  if (copy.kernels == nullptr) {
    return absl::InternalError(absl::StrCat(linear.tensor->name, " has type ",
                                            NameOf(linear.tensor->type),
                                            ", which was not asked for; use --device cpu"));
  }
  copy.matrix_bytes = linear.tensor->data.size() / linear.num_experts;
  GGUF_ASSIGN_OR_RETURN(copy.weights, device_->Copy(linear.tensor->data));
  if (!linear.bias.empty()) {
    GGUF_ASSIGN_OR_RETURN(copy.bias, device_->Copy(absl::MakeConstSpan(linear.bias)));
  }
  return copy;
}

absl::StatusOr<DeviceLayers::DeviceNorm> DeviceLayers::CopyNorm(const Norm& norm) const {
  DeviceNorm copy;
  if (norm.weight.empty()) return copy;
  copy.size = static_cast<uint32_t>(norm.weight.size());
  copy.has_bias = !norm.bias.empty();
  GGUF_ASSIGN_OR_RETURN(copy.weight, device_->Copy(absl::MakeConstSpan(norm.weight)));
  if (copy.has_bias) {
    GGUF_ASSIGN_OR_RETURN(copy.bias, device_->Copy(absl::MakeConstSpan(norm.bias)));
  }
  return copy;
}

absl::Status DeviceLayers::CopyLayer(uint32_t index, Layer* layer) {
  const LayerWeights& w = weights_.layers[index];
  const std::pair<const Linear*, DeviceLinear*> linears[] = {
      {&w.qkv, &layer->qkv},
      {&w.q, &layer->q},
      {&w.k, &layer->k},
      {&w.v, &layer->v},
      {&w.output, &layer->output},
      {&w.gate, &layer->gate},
      {&w.up, &layer->up},
      {&w.down, &layer->down},
      {&w.router, &layer->router},
      {&w.expert_gate, &layer->expert_gate},
      {&w.expert_up, &layer->expert_up},
      {&w.expert_down, &layer->expert_down},
      {&w.shared_router, &layer->shared_router},
      {&w.shared_gate, &layer->shared_gate},
      {&w.shared_up, &layer->shared_up},
      {&w.shared_down, &layer->shared_down},
  };
  for (const auto& [from, to] : linears) {
    GGUF_ASSIGN_OR_RETURN(*to, CopyLinear(*from));
  }
  const std::pair<const Norm*, DeviceNorm*> norms[] = {
      {&w.attn_norm, &layer->attn_norm}, {&w.q_norm, &layer->q_norm},
      {&w.k_norm, &layer->k_norm},       {&w.attn_post_norm, &layer->attn_post_norm},
      {&w.ffn_norm, &layer->ffn_norm},   {&w.ffn_post_norm, &layer->ffn_post_norm},
  };
  for (const auto& [from, to] : norms) {
    GGUF_ASSIGN_OR_RETURN(*to, CopyNorm(*from));
  }
  layer->has_sinks = !w.sinks.empty();
  if (layer->has_sinks) {
    GGUF_ASSIGN_OR_RETURN(layer->sinks, device_->Copy(absl::MakeConstSpan(w.sinks)));
  }
  if (config_.family->is_encoder) return absl::OkStatus();
  const uint64_t cells = CacheCells(config_.windows[index], options_.cache);
  GGUF_ASSIGN_OR_RETURN(
      layer->keys,
      device_->Allocate(cells * CacheRowBytes(options_.cache.key_type, config_.key_width())));
  GGUF_ASSIGN_OR_RETURN(
      layer->values,
      device_->Allocate(cells * CacheRowBytes(options_.cache.value_type, config_.value_width())));
  return absl::OkStatus();
}

absl::Status DeviceLayers::AllocateBuffers() {
  const DeviceBufferSizes sizes =
      BufferSizesOf(config_, weights_, options_.batch, device_->info().num_processors);
  const std::pair<uint64_t, DeviceMemory*> buffers[] = {
      {sizes.hidden, &x_},
      {sizes.hidden, &n_},
      {sizes.hidden, &out_},
      {sizes.qkv, &qkv_},
      {sizes.queries, &q_},
      {sizes.keys, &k_},
      {sizes.values, &v_},
      {sizes.attended, &attended_},
      {sizes.parts, &scratch_},
      {sizes.feed_forward, &gate_},
      {sizes.up, &up_},
      {sizes.expert_rows, &rows_},
      {sizes.expert_rows, &down_},
      {sizes.router, &router_},
      {sizes.logits, &logits_},
  };
  for (const auto& [count, memory] : buffers) {
    GGUF_ASSIGN_OR_RETURN(*memory, device_->Allocate(count * sizeof(float)));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<DeviceLayers>> DeviceLayers::Create(
    std::shared_ptr<const Device> device, const ModelConfig& config, const ModelWeights& weights,
    const DeviceLayersOptions& options) {
  std::unique_ptr<DeviceLayers> layers(
      new DeviceLayers(std::move(device), config, weights, options));
  GGUF_RETURN_IF_ERROR(layers->AllocateBuffers());
  for (uint32_t i = options.first_layer; i < config.num_layers; ++i) {
    GGUF_RETURN_IF_ERROR(layers->CopyLayer(i, &layers->layers_.emplace_back()));
  }
  if (layers->has_output() && weights.output) {
    GGUF_ASSIGN_OR_RETURN(layers->output_norm_, layers->CopyNorm(weights.output_norm));
    GGUF_ASSIGN_OR_RETURN(layers->output_, layers->CopyLinear(weights.output));
  }
  return layers;
}

// ---- What a batch sees

template <class T>
absl::Status DeviceLayers::Put(absl::Span<const T> values, DeviceMemory* memory) const {
  const uint64_t num_bytes = values.size() * sizeof(T);
  if (memory->num_bytes() < num_bytes) {
    *memory = DeviceMemory();  // the old one first
    GGUF_ASSIGN_OR_RETURN(*memory, device_->Allocate(num_bytes * 2));
  }
  return device_->Check(device_->api().upload(memory->bytes(), values.data(), num_bytes),
                        "copying to it");
}

absl::Status DeviceLayers::PrepareViews(const DeviceBatch& batch) {
  for (uint32_t index = first_layer(); index < config_.num_layers; ++index) {
    const uint32_t window = config_.windows[index];
    const bool is_new =
        std::find(config_.windows.begin() + first_layer(), config_.windows.begin() + index,
                  window) == config_.windows.begin() + index;
    if (!is_new) continue;
    View& view = views_[window];
    std::vector<int32_t> begin, end;
    for (const int32_t position : batch.positions) {
      const PositionSpan seen = SeenFrom(position, window, batch.spans);
      begin.push_back(batch.cache != nullptr ? seen.begin : 0);
      end.push_back(batch.cache != nullptr ? seen.end : std::numeric_limits<int32_t>::max());
    }
    GGUF_RETURN_IF_ERROR(Put(absl::MakeConstSpan(begin), &view.seen_begin));
    GGUF_RETURN_IF_ERROR(Put(absl::MakeConstSpan(end), &view.seen_end));
    view.has_cells = batch.cache != nullptr;
    absl::Span<const int32_t> cell_positions = batch.positions;
    if (batch.cache != nullptr) {
      const KvCache::Cells cells = batch.cache->CellsOf(index);
      GGUF_RETURN_IF_ERROR(Put(cells.reserved, &view.reserved));
      GGUF_RETURN_IF_ERROR(Put(cells.visible, &view.cells));
      cell_positions = cells.visible_positions;
    }
    GGUF_RETURN_IF_ERROR(Put(cell_positions, &view.cell_positions));
    view.num_cells = static_cast<uint32_t>(cell_positions.size());
  }
  return absl::OkStatus();
}

absl::Status DeviceLayers::PrepareRotation(const DeviceBatch& batch) {
  if (config_.family->rope == RopeLayout::kNone) return absl::OkStatus();
  const auto put = [&](absl::Span<const float> frequencies, float magnitude, DeviceMemory* cosines,
                       DeviceMemory* sines) -> absl::Status {
    std::vector<float> cosine, sine;
    for (const int32_t position : batch.positions) {
      for (const float frequency : frequencies) {
        const float angle = static_cast<float>(position) * frequency;
        cosine.push_back(std::cos(angle) * magnitude);
        sine.push_back(std::sin(angle) * magnitude);
      }
    }
    GGUF_RETURN_IF_ERROR(Put(absl::MakeConstSpan(cosine), cosines));
    return Put(absl::MakeConstSpan(sine), sines);
  };
  const float magnitude = config_.rope.magnitude;
  GGUF_RETURN_IF_ERROR(put(batch.frequencies, magnitude, &cosines_, &sines_));
  return put(batch.sliding_frequencies,
             config_.family->has_unscaled_sliding_rope ? 1.0f : magnitude, &sliding_cosines_,
             &sliding_sines_);
}

// ---- Operations

absl::Status DeviceLayers::Observe(const DeviceLinear& linear, const float* x, uint32_t count,
                                   const Routing* routing) {
  if (options_.observer == nullptr) return absl::OkStatus();
  const size_t columns = linear.linear->columns;
  host_.resize(count * columns);
  GGUF_RETURN_IF_ERROR(device_->Check(
      device_->api().download(host_.data(), x, host_.size() * sizeof(float)), "copying from it"));
  const std::string& name = linear.linear->tensor->name;
  if (routing == nullptr) {
    options_.observer({name, -1, count, columns, host_.data()});
    return absl::OkStatus();
  }
  for (size_t g = 0; g < routing->matrix.size(); ++g) {
    const uint32_t first = routing->first[g];
    options_.observer({name, static_cast<int32_t>(routing->matrix[g]),
                       routing->first[g + 1] - first, columns, host_.data() + first * columns});
  }
  return absl::OkStatus();
}

absl::Status DeviceLayers::Multiply(const DeviceLinear& linear, const float* x, uint32_t count,
                                    float* out, const Routing* routing) {
  GGUF_RETURN_IF_ERROR(Observe(linear, x, count, routing));
  GgufCudaProduct product = {};
  product.weights = linear.weights.bytes();
  product.matrix_bytes = linear.matrix_bytes;
  product.bias = linear.bias.as<const float>();
  product.rows = static_cast<uint32_t>(linear.linear->rows);
  product.columns = static_cast<uint32_t>(linear.linear->columns);
  product.x = x;
  product.count = count;
  product.out = out;
  product.num_groups = 1;
  product.largest_group = count;
  if (routing != nullptr) {
    product.num_groups = static_cast<uint32_t>(routing->matrix.size());
    product.largest_group = routing->largest;
    product.group_matrix = group_matrix_.as<const uint32_t>();
    product.group_first = group_first_.as<const uint32_t>();
  }
  product.is_full = options_.activations == ActivationType::kF32;
  return device_->Check(linear.kernels->multiply(&product), linear.linear->tensor->name);
}

absl::Status DeviceLayers::Normalise(const DeviceNorm& norm, const float* x, uint32_t rows,
                                     float* out) const {
  const GgufCudaNorm args = {x,
                             norm.weight.as<const float>(),
                             norm.has_bias ? norm.bias.as<const float>() : nullptr,
                             rows,
                             norm.size,
                             config_.norm_epsilon,
                             out};
  return device_->Check(device_->api().norm(&args), "a norm");
}

absl::Status DeviceLayers::Activate(const float* gate, uint32_t gate_stride, const float* up,
                                    uint32_t up_stride, uint32_t width, uint32_t count,
                                    float* out) const {
  const GgufCudaActivation args = {static_cast<uint32_t>(config_.family->activation),
                                   gate,
                                   up,
                                   out,
                                   count,
                                   width,
                                   gate_stride,
                                   up_stride};
  return device_->Check(device_->api().activate(&args), "an activation");
}

absl::Status DeviceLayers::AddToResidual(const DeviceNorm& post) {
  const uint64_t num_values = uint64_t{count_} * config_.embedding;
  const bool is_encoder = config_.family->is_encoder;
  const float* added = Buffer(out_);
  if (!is_encoder && post.size != 0) {
    GGUF_RETURN_IF_ERROR(Normalise(post, added, count_, Buffer(n_)));
    added = Buffer(n_);
  }
  GGUF_RETURN_IF_ERROR(device_->Check(
      device_->api().add(Buffer(x_), added, config_.residual_scale, num_values), "a sum"));
  return is_encoder ? Normalise(post, Buffer(x_), count_, Buffer(x_)) : absl::OkStatus();
}

// ---- Attention

absl::Status DeviceLayers::SplitHeads(uint32_t index, const Layer& layer) {
  const uint32_t q = config_.query_width(), k = config_.key_width(), v = config_.value_width();
  const GgufCudaApi& api = device_->api();
  if (layer.qkv) {
    int error = api.copy_columns(Buffer(qkv_), q + k + v, 0, Buffer(q_), q, count_);
    if (error == 0) error = api.copy_columns(Buffer(qkv_), q + k + v, q, Buffer(k_), k, count_);
    if (error == 0) error = api.copy_columns(Buffer(qkv_), q + k + v, q + k, Buffer(v_), v, count_);
    GGUF_RETURN_IF_ERROR(device_->Check(error, "splitting heads"));
  }
  // A norm as wide as a head normalises each head, one as wide as the row all together.
  for (const auto& [norm, width, rows] :
       {std::make_tuple(&layer.q_norm, q, &q_), std::make_tuple(&layer.k_norm, k, &k_)}) {
    if (norm->size == 0) continue;
    GGUF_RETURN_IF_ERROR(
        Normalise(*norm, Buffer(*rows), count_ * (width / norm->size), Buffer(*rows)));
  }
  if (config_.family->rope == RopeLayout::kNone) return absl::OkStatus();
  const bool is_sliding = config_.windows[index] != 0;
  const bool turns_pairs = config_.family->rope == RopeLayout::kPairs;
  const uint32_t pairs = config_.rope.dims / 2;
  GgufCudaRotation rotation = {};
  rotation.cosines = Buffer(is_sliding ? sliding_cosines_ : cosines_);
  rotation.sines = Buffer(is_sliding ? sliding_sines_ : sines_);
  rotation.count = count_;
  rotation.head_size = config_.key_length;
  rotation.pairs = pairs;
  rotation.step = turns_pairs ? 2 : 1;
  rotation.distance = turns_pairs ? 1 : pairs;
  rotation.heads = Buffer(q_);
  rotation.num_heads = config_.num_heads;
  GGUF_RETURN_IF_ERROR(device_->Check(api.rotate(&rotation), "a rotation"));
  rotation.heads = Buffer(k_);
  rotation.num_heads = config_.num_kv_heads;
  return device_->Check(api.rotate(&rotation), "a rotation");
}

absl::Status DeviceLayers::Attend(uint32_t index, const Layer& layer, const DeviceBatch& batch) {
  const ModelConfig& c = config_;
  const View& view = views_[c.windows[index]];
  const GgufCudaApi& api = device_->api();
  GgufCudaAttention a = {};
  const auto rows = [&](TensorType type, const DeviceMemory& memory, uint32_t width,
                        uint32_t length) {
    return GgufCudaCacheRows{static_cast<uint32_t>(type), memory.bytes(),
                             CacheRowBytes(type, width), CacheRowBytes(type, length)};
  };
  if (batch.cache != nullptr) {
    a.keys = rows(options_.cache.key_type, layer.keys, c.key_width(), c.key_length);
    a.values = rows(options_.cache.value_type, layer.values, c.value_width(), c.value_length);
    GgufCudaStore store = {};
    store.count = count_;
    store.cells = view.reserved.as<const uint32_t>();
    for (const bool is_key : {true, false}) {
      const GgufCudaCacheRows& to = is_key ? a.keys : a.values;
      store.type = to.type;
      store.rows = Buffer(is_key ? k_ : v_);
      store.width = is_key ? c.key_width() : c.value_width();
      store.data = (is_key ? layer.keys : layer.values).bytes();
      store.row_bytes = to.row_bytes;
      GGUF_RETURN_IF_ERROR(device_->Check(api.store(&store), "storing keys and values"));
    }
  } else {
    a.keys = rows(TensorType::kF32, k_, c.key_width(), c.key_length);
    a.values = rows(TensorType::kF32, v_, c.value_width(), c.value_length);
  }
  a.queries = Buffer(q_);
  a.count = count_;
  a.num_heads = c.num_heads;
  a.num_kv_heads = c.num_kv_heads;
  a.key_length = c.key_length;
  a.value_length = c.value_length;
  a.cells = view.has_cells ? view.cells.as<const uint32_t>() : nullptr;
  a.cell_positions = view.cell_positions.as<const int32_t>();
  a.num_cells = view.num_cells;
  a.seen_begin = view.seen_begin.as<const int32_t>();
  a.seen_end = view.seen_end.as<const int32_t>();
  a.scale = c.attention_scale;
  a.cap = c.attention_cap;
  a.sinks = layer.has_sinks ? layer.sinks.as<const float>() : nullptr;
  a.num_splits = AttentionSplits(c, count_, view.num_cells, device_->info().num_processors);
  a.scratch = Buffer(scratch_);
  a.out = Buffer(attended_);
  return device_->Check(api.attend(&a), "attention");
}

absl::Status DeviceLayers::RunAttention(uint32_t index, const Layer& layer,
                                        const DeviceBatch& batch) {
  const float* x = Buffer(x_);
  if (layer.attn_norm.size != 0) {
    GGUF_RETURN_IF_ERROR(Normalise(layer.attn_norm, x, count_, Buffer(n_)));
    x = Buffer(n_);
  }
  if (layer.qkv) {
    GGUF_RETURN_IF_ERROR(Multiply(layer.qkv, x, count_, Buffer(qkv_)));
  } else {
    GGUF_RETURN_IF_ERROR(Multiply(layer.q, x, count_, Buffer(q_)));
    GGUF_RETURN_IF_ERROR(Multiply(layer.k, x, count_, Buffer(k_)));
    GGUF_RETURN_IF_ERROR(Multiply(layer.v, x, count_, Buffer(v_)));
  }
  GGUF_RETURN_IF_ERROR(SplitHeads(index, layer));
  GGUF_RETURN_IF_ERROR(Attend(index, layer, batch));
  GGUF_RETURN_IF_ERROR(Multiply(layer.output, Buffer(attended_), count_, Buffer(out_)));
  return AddToResidual(layer.attn_post_norm);
}

// ---- Feed-forward

absl::Status DeviceLayers::RunDense(const Layer& layer, const float* x) {
  const uint32_t f = config_.feed_forward;
  float* gate = Buffer(gate_);
  float* up = Buffer(up_);
  GGUF_RETURN_IF_ERROR(Multiply(layer.up, x, count_, up));
  if (layer.gate) {
    GGUF_RETURN_IF_ERROR(Multiply(layer.gate, x, count_, gate));
    GGUF_RETURN_IF_ERROR(Activate(gate, f, up, f, f, count_, gate));
  } else if (layer.up.linear->rows == 2 * size_t{f}) {  // fused: gate rows first
    GGUF_RETURN_IF_ERROR(Activate(up, 2 * f, up + f, 2 * f, f, count_, gate));
  } else {
    GGUF_RETURN_IF_ERROR(Activate(up, f, nullptr, 0, f, count_, gate));
  }
  return Multiply(layer.down, gate, count_, Buffer(out_));
}

absl::StatusOr<DeviceLayers::Routing> DeviceLayers::Route(const Layer& layer, const float* x) {
  const uint32_t n = config_.num_experts, used = config_.num_experts_used;
  GGUF_RETURN_IF_ERROR(Multiply(layer.router, x, count_, Buffer(router_)));
  std::vector<float> logits(size_t{count_} * n);
  GGUF_RETURN_IF_ERROR(device_->Check(
      device_->api().download(logits.data(), Buffer(router_), logits.size() * sizeof(float)),
      "copying from it"));
  std::vector<std::vector<SelectedExpert>> tokens_of(n);  // `expert` is the token here
  for (uint32_t i = 0; i < count_; ++i) {
    for (const SelectedExpert& selected :
         SelectExperts(absl::MakeConstSpan(logits).subspan(size_t{i} * n, n), used,
                       config_.family->expert_weights)) {
      tokens_of[selected.expert].push_back({i, selected.weight});
    }
  }
  Routing routing;
  routing.slots.resize(size_t{count_} * used);
  routing.weights.resize(size_t{count_} * used);
  std::vector<uint32_t> taken(count_);  // a token's experts so far, in order of index
  for (uint32_t expert = 0; expert < n; ++expert) {
    if (tokens_of[expert].empty()) continue;
    routing.matrix.push_back(expert);
    routing.first.push_back(static_cast<uint32_t>(routing.rows.size()));
    for (const auto& [token, weight] : tokens_of[expert]) {
      const size_t at = size_t{token} * used + taken[token]++;
      routing.slots[at] = static_cast<uint32_t>(routing.rows.size());
      routing.weights[at] = weight;
      routing.rows.push_back(token);
    }
    routing.largest = std::max(routing.largest, static_cast<uint32_t>(tokens_of[expert].size()));
  }
  routing.first.push_back(static_cast<uint32_t>(routing.rows.size()));
  return routing;
}

absl::Status DeviceLayers::RunExperts(const Layer& layer, const float* x) {
  const uint32_t e = config_.embedding, f = config_.expert_feed_forward;
  GGUF_ASSIGN_OR_RETURN(const Routing routing, Route(layer, x));
  GGUF_RETURN_IF_ERROR(Put(absl::MakeConstSpan(routing.rows), &group_rows_));
  GGUF_RETURN_IF_ERROR(Put(absl::MakeConstSpan(routing.matrix), &group_matrix_));
  GGUF_RETURN_IF_ERROR(Put(absl::MakeConstSpan(routing.first), &group_first_));
  GGUF_RETURN_IF_ERROR(Put(absl::MakeConstSpan(routing.slots), &slots_));
  GGUF_RETURN_IF_ERROR(Put(absl::MakeConstSpan(routing.weights), &slot_weights_));
  const GgufCudaApi& api = device_->api();
  const uint32_t slots = static_cast<uint32_t>(routing.rows.size());
  float* gate = Buffer(gate_);
  GGUF_RETURN_IF_ERROR(
      device_->Check(api.gather_rows(x, group_rows_.as<const uint32_t>(), slots, e, Buffer(rows_)),
                     "gathering experts' rows"));
  GGUF_RETURN_IF_ERROR(Multiply(layer.expert_gate, Buffer(rows_), slots, gate, &routing));
  GGUF_RETURN_IF_ERROR(Multiply(layer.expert_up, Buffer(rows_), slots, Buffer(up_), &routing));
  GGUF_RETURN_IF_ERROR(Activate(gate, f, Buffer(up_), f, f, slots, gate));
  GGUF_RETURN_IF_ERROR(Multiply(layer.expert_down, gate, slots, Buffer(down_), &routing));
  const GgufCudaExpertSum sum = {
      Buffer(down_), slots_.as<const uint32_t>(), slot_weights_.as<const float>(),
      count_,        config_.num_experts_used,    e,
      Buffer(out_)};
  GGUF_RETURN_IF_ERROR(device_->Check(api.sum_experts(&sum), "adding experts"));
  return layer.shared_gate ? RunShared(layer, x) : absl::OkStatus();
}

absl::Status DeviceLayers::RunShared(const Layer& layer, const float* x) {
  const uint32_t s = config_.shared_feed_forward;
  float* gate = Buffer(gate_);
  GGUF_RETURN_IF_ERROR(Multiply(layer.shared_router, x, count_, Buffer(router_)));
  GGUF_RETURN_IF_ERROR(Multiply(layer.shared_gate, x, count_, gate));
  GGUF_RETURN_IF_ERROR(Multiply(layer.shared_up, x, count_, Buffer(up_)));
  GGUF_RETURN_IF_ERROR(Activate(gate, s, Buffer(up_), s, s, count_, gate));
  GGUF_RETURN_IF_ERROR(Multiply(layer.shared_down, gate, count_, Buffer(down_)));
  return device_->Check(device_->api().add_gated(Buffer(out_), Buffer(down_), Buffer(router_),
                                                 count_, config_.embedding),
                        "adding the shared expert");
}

absl::Status DeviceLayers::RunFeedForward(const Layer& layer) {
  const float* x = Buffer(x_);
  if (layer.ffn_norm.size != 0) {
    GGUF_RETURN_IF_ERROR(Normalise(layer.ffn_norm, x, count_, Buffer(n_)));
    x = Buffer(n_);
  }
  GGUF_RETURN_IF_ERROR(layer.router ? RunExperts(layer, x) : RunDense(layer, x));
  return AddToResidual(layer.ffn_post_norm);
}

// ---- Runs

absl::Status DeviceLayers::Run(const DeviceBatch& batch, float* hidden) {
  count_ = static_cast<uint32_t>(batch.positions.size());
  const uint64_t num_bytes = uint64_t{count_} * config_.embedding * sizeof(float);
  const GgufCudaApi& api = device_->api();
  GGUF_RETURN_IF_ERROR(PrepareViews(batch));
  GGUF_RETURN_IF_ERROR(PrepareRotation(batch));
  GGUF_RETURN_IF_ERROR(device_->Check(api.upload(Buffer(x_), hidden, num_bytes), "copying to it"));
  for (uint32_t i = first_layer(); i < config_.num_layers; ++i) {
    const Layer& layer = layers_[i - first_layer()];
    GGUF_RETURN_IF_ERROR(RunAttention(i, layer, batch));
    GGUF_RETURN_IF_ERROR(RunFeedForward(layer));
  }
  return device_->Check(api.download(hidden, Buffer(x_), num_bytes), "copying from it");
}

absl::Status DeviceLayers::Logits(const float* hidden, size_t count, float* logits) {
  const size_t e = config_.embedding, vocabulary = output_.linear->rows;
  const GgufCudaApi& api = device_->api();
  const size_t step = std::min<size_t>(kDeviceLogitRows, options_.batch);
  for (size_t first = 0; first < count; first += step) {
    const uint32_t rows = static_cast<uint32_t>(std::min(step, count - first));
    GGUF_RETURN_IF_ERROR(device_->Check(
        api.upload(Buffer(x_), hidden + first * e, rows * e * sizeof(float)), "copying to it"));
    GGUF_RETURN_IF_ERROR(Normalise(output_norm_, Buffer(x_), rows, Buffer(n_)));
    GGUF_RETURN_IF_ERROR(Multiply(output_, Buffer(n_), rows, Buffer(logits_)));
    if (config_.logit_divisor != 1.0f || config_.logit_cap > 0.0f) {
      GGUF_RETURN_IF_ERROR(device_->Check(api.scale_and_cap(Buffer(logits_), config_.logit_divisor,
                                                            config_.logit_cap, rows * vocabulary),
                                          "scaling logits"));
    }
    GGUF_RETURN_IF_ERROR(device_->Check(api.download(logits + first * vocabulary, Buffer(logits_),
                                                     rows * vocabulary * sizeof(float)),
                                        "copying from it"));
  }
  return absl::OkStatus();
}

}  // namespace gguf
