#include "runtime/forward.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/status/status.h"
#include "formats/codec/codec.h"
#include "gguf/base/parallel.h"
#include "runtime/ops/activation.h"
#include "runtime/ops/attention.h"
#include "runtime/ops/gemm.h"
#include "runtime/ops/matmul.h"
#include "runtime/ops/norm.h"

namespace gguf {

Forward::Forward(const ModelConfig& config, const ModelWeights& weights, uint32_t context,
                 int threads, ActivationType activations, ProductObserver observer)
    : config_(config),
      weights_(weights),
      threads_(threads),
      products_(threads, activations, std::move(observer)) {
  if (config.family->rope == RopeLayout::kNone) return;
  const RopeConfig& rope = config.rope;
  absl::Span<const float> factors = weights.rope_factors;
  if (!weights.rope_factors_short.empty()) {
    factors =
        context > rope.original_context ? weights.rope_factors_long : weights.rope_factors_short;
  }
  frequencies_ = RopeFrequencies(rope, rope.base, rope.scaling, factors);
  sliding_frequencies_ = config.family->has_unscaled_sliding_rope
                             ? RopeFrequencies(rope, rope.sliding_base, RopeScaling::kNone, {})
                             : RopeFrequencies(rope, rope.sliding_base, rope.scaling, factors);
}

void Forward::ForTokens(absl::FunctionRef<void(size_t)> body) const {
  (void)ParallelFor(count_, count_ < 8 ? 1 : threads_, [&](uint64_t token, int) {
    body(token);
    return absl::OkStatus();
  });
}

void Forward::Normalise(const Norm& norm, const float* x, float* out) const {
  const size_t e = config_.embedding;
  if (config_.family->is_encoder) {
    LayerNorm(x, norm.weight.data(), norm.bias.data(), e, config_.norm_epsilon, out);
  } else {
    RmsNorm(x, norm.weight.data(), e, config_.norm_epsilon, out);
  }
}

void Forward::Embed(absl::Span<const int32_t> tokens, absl::Span<const EmbeddedSpan> embedded) {
  const size_t e = config_.embedding;
  x_ = hidden_.Get(count_ * e);
  n_ = normed_.Get(count_ * e);
  const WeightMatrix embedding = weights_.embedding.matrix();
  const size_t row_bytes = weights_.embedding.tensor->data.size() / embedding.rows;
  const auto decode = CodecOf(embedding.type).decode;
  std::vector<const float*> given(count_);
  for (const EmbeddedSpan& span : embedded) {
    for (size_t i = 0; i < span.count; ++i) given[span.first + i] = span.rows + i * e;
  }
  ForTokens([&](size_t i) {
    float* x = x_ + i * e;
    if (given[i] != nullptr) {
      std::copy_n(given[i], e, x);
      return;
    }
    decode(embedding.data + static_cast<size_t>(tokens[i]) * row_bytes, e, x);
    if (config_.embedding_scale != 1.0f) {
      for (size_t j = 0; j < e; ++j) x[j] *= config_.embedding_scale;
    }
    if (!weights_.positions.empty()) {
      for (size_t j = 0; j < e; ++j) x[j] += weights_.positions[i * e + j];
    }
    if (!weights_.token_type.empty()) {
      for (size_t j = 0; j < e; ++j) x[j] += weights_.token_type[j];
    }
    if (!weights_.embedding_norm.weight.empty()) Normalise(weights_.embedding_norm, x, x);
  });
}

void Forward::PrepareRope(absl::Span<const int32_t> positions) {
  if (config_.family->rope == RopeLayout::kNone) return;
  rope_.Fill(positions, frequencies_, config_.rope.magnitude);
  const float magnitude = config_.family->has_unscaled_sliding_rope ? 1.0f : config_.rope.magnitude;
  sliding_rope_.Fill(positions, sliding_frequencies_, magnitude);
}

// Separates fused rows, normalises and turns heads.
void Forward::SplitHeads(const LayerWeights& w, uint32_t layer) {
  const ModelConfig& c = config_;
  const size_t q = c.query_width(), k = c.key_width(), v = c.value_width();
  const float* fused = w.qkv ? qkv_.Get(count_ * (q + k + v)) : nullptr;
  const RopeTable& rope = c.windows[layer] != 0 ? sliding_rope_ : rope_;
  // A norm as wide as a head normalises each head, one as wide as the row all together.
  const auto normalise = [&](const Norm& norm, size_t width, float* values) {
    const size_t size = norm.weight.size();
    for (size_t at = 0; size != 0 && at < width; at += size) {
      RmsNorm(values + at, norm.weight.data(), size, c.norm_epsilon, values + at);
    }
  };
  ForTokens([&](size_t i) {
    float* queries = q_ + i * q;
    float* keys = k_ + i * k;
    if (fused != nullptr) {
      const float* row = fused + i * (q + k + v);
      std::copy_n(row, q, queries);
      std::copy_n(row + q, k, keys);
      std::copy_n(row + q + k, v, v_ + i * v);
    }
    normalise(w.q_norm, q, queries);
    normalise(w.k_norm, k, keys);
    rope.Rotate(i, c.family->rope, c.num_heads, c.key_length, queries);
    rope.Rotate(i, c.family->rope, c.num_kv_heads, c.key_length, keys);
  });
}

void Forward::RunAttention(uint32_t layer, KvCache* cache) {
  const ModelConfig& c = config_;
  const LayerWeights& w = weights_.layers[layer];
  const size_t e = c.embedding, k = c.key_width(), v = c.value_width();
  const float* x = x_;
  if (!w.attn_norm.weight.empty()) {
    ForTokens([&](size_t i) { Normalise(w.attn_norm, x_ + i * e, n_ + i * e); });
    x = n_;
  }
  q_ = queries_.Get(count_ * c.query_width());
  k_ = keys_.Get(count_ * k);
  v_ = values_.Get(count_ * v);
  if (w.qkv) {
    products_.Run(x, count_, {{&w.qkv, qkv_.Get(count_ * w.qkv.rows)}});
  } else {
    products_.Run(x, count_, {{&w.q, q_}, {&w.k, k_}, {&w.v, v_}});
  }
  SplitHeads(w, layer);

  AttentionInput input;
  if (cache != nullptr) {
    ForTokens([&](size_t i) { cache->Store(layer, i, k_ + i * k, v_ + i * v); });
    cache->View(layer, &input);
  } else {
    input.keys = {TensorType::kF32, reinterpret_cast<const uint8_t*>(k_), k * sizeof(float),
                  c.key_length * sizeof(float)};
    input.values = {TensorType::kF32, reinterpret_cast<const uint8_t*>(v_), v * sizeof(float),
                    c.value_length * sizeof(float)};
    input.query_positions = positions_;
    input.cells = cells_;
    input.cell_positions = positions_;
  }
  input.queries = q_;
  input.count = count_;
  input.num_heads = c.num_heads;
  input.num_kv_heads = c.num_kv_heads;
  input.key_length = c.key_length;
  input.value_length = c.value_length;
  input.scale = c.attention_scale;
  input.cap = c.attention_cap;
  input.window = c.windows[layer];
  input.is_causal = !c.family->is_encoder;
  input.spans = spans_;
  input.sinks = w.sinks.empty() ? nullptr : w.sinks.data();
  input.out = attended_.Get(count_ * c.num_heads * c.value_length);
  Attend(input, threads_);

  float* out = out_.Get(count_ * e);
  products_.Run(input.out, count_, {{&w.output, out}});
  AddToResidual(w.attn_post_norm, out);
}

void Forward::AddToResidual(const Norm& post, const float* out) {
  const size_t e = config_.embedding;
  const bool is_encoder = config_.family->is_encoder;
  const float scale = config_.residual_scale;
  ForTokens([&](size_t i) {
    float* x = x_ + i * e;
    const float* added = out + i * e;
    if (!is_encoder && !post.weight.empty()) {
      Normalise(post, added, n_ + i * e);
      added = n_ + i * e;
    }
    for (size_t j = 0; j < e; ++j) x[j] += scale * added[j];
    if (is_encoder) Normalise(post, x, x);
  });
}

void Forward::RunDense(const LayerWeights& w, const float* x, float* out) {
  const size_t f = config_.feed_forward;
  const Activation activation = config_.family->activation;
  float* up = up_.Get(count_ * w.up.rows);
  float* gate = up;
  if (w.gate) {
    gate = gate_.Get(count_ * f);
    products_.Run(x, count_, {{&w.gate, gate}, {&w.up, up}});
    ForTokens([&](size_t i) { Activate(activation, gate + i * f, up + i * f, f); });
  } else {
    products_.Run(x, count_, {{&w.up, up}});
    if (w.up.rows == 2 * f) {  // fused: gate rows first
      gate = gate_.Get(count_ * f);
      ForTokens([&](size_t i) {
        std::copy_n(up + i * 2 * f, f, gate + i * f);
        Activate(activation, gate + i * f, up + i * 2 * f + f, f);
      });
    } else {
      ForTokens([&](size_t i) { Activate(activation, gate + i * f, nullptr, f); });
    }
  }
  products_.Run(gate, count_, {{&w.down, out}});
}

void Forward::RunFeedForward(const LayerWeights& w) {
  const size_t e = config_.embedding;
  const float* x = x_;
  if (!w.ffn_norm.weight.empty()) {
    ForTokens([&](size_t i) { Normalise(w.ffn_norm, x_ + i * e, n_ + i * e); });
    x = n_;
  }
  float* out = out_.Get(count_ * e);
  if (w.router) {
    experts_.Run(config_, w, x, count_, &products_, out);
  } else {
    RunDense(w, x, out);
  }
  AddToResidual(w.ffn_post_norm, out);
}

const float* Forward::Run(absl::Span<const int32_t> tokens, KvCache* cache,
                          absl::Span<const EmbeddedSpan> embedded) {
  count_ = tokens.size();
  if (cache != nullptr) {
    positions_.assign(cache->positions().begin(), cache->positions().end());
  } else {
    positions_.resize(count_);
    std::iota(positions_.begin(), positions_.end(), 0);
    cells_.assign(positions_.begin(), positions_.end());
  }
  spans_.clear();
  for (const EmbeddedSpan& span : embedded) {
    if (span.count == 0) continue;
    spans_.push_back({positions_[span.first], positions_[span.first + span.count - 1] + 1});
  }
  Embed(tokens, embedded);
  PrepareRope(positions_);
  const uint32_t end = device_ != nullptr ? device_->first_layer() : config_.num_layers;
  for (uint32_t layer = 0; layer < end; ++layer) {
    RunAttention(layer, cache);
    RunFeedForward(weights_.layers[layer]);
  }
  if (device_ != nullptr) {
    device_status_ =
        device_->Run({positions_, spans_, frequencies_, sliding_frequencies_, cache}, x_);
  }
  return x_;
}

void Forward::Logits(const float* hidden, size_t count, float* logits) {
  if (device_ != nullptr && device_->has_output()) {
    device_status_ = device_->Logits(hidden, count, logits);
    return;
  }
  const size_t e = config_.embedding;
  count_ = count;
  n_ = normed_.Get(count * e);
  ForTokens([&](size_t i) { Normalise(weights_.output_norm, hidden + i * e, n_ + i * e); });
  products_.Run(n_, count, {{&weights_.output, logits}});
  const size_t vocabulary = weights_.output.rows;
  if (config_.logit_divisor != 1.0f) {
    ForTokens([&](size_t i) {
      float* row = logits + i * vocabulary;
      for (size_t v = 0; v < vocabulary; ++v) row[v] /= config_.logit_divisor;
    });
  }
  if (config_.logit_cap > 0.0f) {
    ForTokens([&](size_t i) { SoftCap(config_.logit_cap, logits + i * vocabulary, vocabulary); });
  }
}

uint64_t Forward::BufferBytes(const ModelConfig& c, uint32_t batch) {
  const uint64_t attention = 3 * c.query_width() + 2 * (uint64_t{c.key_width()} + c.value_width());
  const uint64_t widest = std::max<uint64_t>(
      {c.feed_forward, c.expert_feed_forward, c.shared_feed_forward, c.embedding});
  // Residual, normed and added rows, gate and up, and the widest packed activations.
  return batch * (sizeof(float) * (attention + 4 * uint64_t{c.embedding} + 2 * widest) +
                  kPackedBytes * widest);
}

}  // namespace gguf
