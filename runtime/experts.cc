#include "runtime/experts.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "runtime/ops/activation.h"

namespace gguf {

std::vector<SelectedExpert> SelectExperts(absl::Span<const float> logits, size_t used,
                                          ExpertWeights weights) {
  std::vector<uint32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::partial_sort(order.begin(), order.begin() + used, order.end(), [&](uint32_t a, uint32_t b) {
    return logits[a] != logits[b] ? logits[a] > logits[b] : a < b;
  });
  const float maximum = logits[order[0]];
  std::vector<SelectedExpert> selected;
  float selected_total = 0.0f;
  for (size_t i = 0; i < used; ++i) {
    selected.push_back({order[i], std::exp(logits[order[i]] - maximum)});
    selected_total += selected.back().weight;
  }
  float total = selected_total;
  if (weights == ExpertWeights::kSoftmax) {
    total = 0.0f;
    for (const float logit : logits) total += std::exp(logit - maximum);
  }
  // Dividing softmax weights by their sum cancels the sum over the others.
  for (SelectedExpert& expert : selected) expert.weight /= total;
  return selected;
}

void Experts::RunOne(const ModelConfig& config, const LayerWeights& weights, size_t expert,
                     absl::Span<const Routed> routed, const float* x, Products* products,
                     float* out) {
  const size_t n = routed.size(), e = config.embedding, f = config.expert_feed_forward;
  float* rows = rows_.Get(n * e);
  for (size_t i = 0; i < n; ++i) std::copy_n(x + routed[i].token * e, e, rows + i * e);
  float* gate = gate_.Get(n * f);
  float* up = up_.Get(n * f);
  float* down = down_.Get(n * e);
  products->Run(rows, n, {{&weights.expert_gate, gate, expert}, {&weights.expert_up, up, expert}});
  Activate(config.family->activation, gate, up, n * f);
  products->Run(gate, n, {{&weights.expert_down, down, expert}});
  for (size_t i = 0; i < n; ++i) {
    float* sum = out + routed[i].token * e;
    for (size_t j = 0; j < e; ++j) sum[j] += routed[i].weight * down[i * e + j];
  }
}

void Experts::RunShared(const ModelConfig& config, const LayerWeights& weights, const float* x,
                        size_t count, Products* products, float* out) {
  const size_t e = config.embedding, s = config.shared_feed_forward;
  float* router = logits_.Get(count);
  float* gate = gate_.Get(count * s);
  float* up = up_.Get(count * s);
  float* down = down_.Get(count * e);
  products->Run(
      x, count,
      {{&weights.shared_router, router}, {&weights.shared_gate, gate}, {&weights.shared_up, up}});
  Activate(config.family->activation, gate, up, count * s);
  products->Run(gate, count, {{&weights.shared_down, down}});
  for (size_t i = 0; i < count; ++i) {
    const float weight = 1.0f / (1.0f + std::exp(-router[i]));
    for (size_t j = 0; j < e; ++j) out[i * e + j] += weight * down[i * e + j];
  }
}

void Experts::Run(const ModelConfig& config, const LayerWeights& weights, const float* x,
                  size_t count, Products* products, float* out) {
  std::fill_n(out, count * config.embedding, 0.0f);
  float* logits = logits_.Get(count * config.num_experts);
  products->Run(x, count, {{&weights.router, logits}});
  std::vector<std::vector<Routed>> routed(config.num_experts);
  for (size_t i = 0; i < count; ++i) {
    const absl::Span<const float> row(logits + i * config.num_experts, config.num_experts);
    for (const SelectedExpert& selected :
         SelectExperts(row, config.num_experts_used, config.family->expert_weights)) {
      routed[selected.expert].push_back({i, selected.weight});
    }
  }
  for (size_t expert = 0; expert < routed.size(); ++expert) {
    if (routed[expert].empty()) continue;
    RunOne(config, weights, expert, routed[expert], x, products, out);
  }
  if (weights.shared_gate) RunShared(config, weights, x, count, products, out);
}

}  // namespace gguf
