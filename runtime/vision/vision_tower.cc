#include "runtime/vision/vision_tower.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gguf/base/parallel.h"
#include "gguf/base/sizes.h"
#include "runtime/memory.h"
#include "runtime/ops/activation.h"
#include "runtime/ops/matmul.h"
#include "runtime/ops/norm.h"
#include "runtime/vision/patch_attention.h"

namespace gguf {
namespace {

// Patches whose products are computed at once: enough to keep them busy, few enough that the
// feed-forward part's rows stay small.
constexpr size_t kChunk = 512;

// body(first, count) for pieces of `total` rows.
template <typename Body>
void ForChunks(size_t total, const Body& body) {
  for (size_t first = 0; first < total; first += kChunk) {
    body(first, std::min(kChunk, total - first));
  }
}

}  // namespace

VisionTower::VisionTower(const VisionModel& model, const VisionOptions& options)
    : config_(model.config()),
      weights_(model.weights()),
      options_(options),
      products_(options.threads, options.activations, nullptr),
      ones_(config_.feed_forward, 1.0f) {}

absl::StatusOr<std::unique_ptr<VisionTower>> VisionTower::Create(const VisionModel& model,
                                                                 const VisionOptions& options) {
  const uint64_t buffers = BufferBytes(model.config());
  const uint64_t available = AvailableMemory();
  if (options.checks_memory && model.weight_bytes() + buffers > available) {
    return absl::ResourceExhaustedError(
        absl::StrCat(model.path(), " needs ", FormatSize(model.weight_bytes() + buffers),
                     " of memory for its vision tower (weights ", FormatSize(model.weight_bytes()),
                     ", buffers ", FormatSize(buffers), "), but ", FormatSize(available),
                     " are available: use a tower in a smaller type"));
  }
  VisionOptions checked = options;
  checked.threads = std::max(1, options.threads);
  return std::unique_ptr<VisionTower>(new VisionTower(model, checked));
}

uint64_t VisionTower::BufferBytes(const VisionConfig& c) {
  const uint64_t e = c.embedding;
  const uint64_t widest = std::max<uint64_t>({e, c.feed_forward, c.patch_values()});
  // Residual, queries, keys, values, attended and positions; of a chunk: normed, inner and added
  // rows, and the packed activations; rows of tokens; the projection.
  return sizeof(float) * (c.num_patches() * 6 * e + kChunk * (2 * e + widest) +
                          c.num_tokens() * (2 * e + c.projection) + c.projection * e) +
         kPackedBytes * kChunk * widest;
}

void VisionTower::ForRows(size_t count, absl::FunctionRef<void(size_t)> body) const {
  (void)ParallelFor(count, count < 8 ? 1 : options_.threads, [&](uint64_t row, int) {
    body(row);
    return absl::OkStatus();
  });
}

void VisionTower::Normalise(const Norm& norm, size_t first, size_t count, float* out) const {
  const size_t e = config_.embedding;
  ForRows(count, [&](size_t i) {
    LayerNorm(x_ + (first + i) * e, norm.weight.data(), norm.bias.data(), e, config_.norm_epsilon,
              out + i * e);
  });
}

void VisionTower::AddToResidual(size_t first, size_t count, const float* out) {
  const size_t e = config_.embedding;
  float* x = x_ + first * e;
  ForRows(count, [&](size_t i) {
    for (size_t j = i * e; j < (i + 1) * e; ++j) x[j] += out[j];
  });
}

void VisionTower::EmbedPatches(absl::Span<const float> pixels) {
  const size_t e = config_.embedding, side = config_.image_size, p = config_.patch_size;
  const size_t grid = config_.grid(), values = config_.patch_values();
  x_ = hidden_.Get(config_.num_patches() * e);
  ForChunks(config_.num_patches(), [&](size_t first, size_t count) {
    float* patches = inner_.Get(count * values);
    ForRows(count, [&](size_t i) {
      const size_t top = (first + i) / grid * p, left = (first + i) % grid * p;
      float* next = patches + i * values;
      for (size_t row = 0; row < 3 * p; ++row) {  // rows of red, of green, of blue
        const size_t y = row / p * side + top + row % p;
        next = std::copy_n(pixels.data() + y * side + left, p, next);
      }
    });
    products_.Run(patches, count, {{&weights_.patch, x_ + first * e}});
    AddToResidual(first, count, weights_.positions.data() + first * e);
  });
}

void VisionTower::RunAttention(const VisionLayer& w) {
  const size_t e = config_.embedding, patches = config_.num_patches();
  float* q = queries_.Get(patches * e);
  float* k = keys_.Get(patches * e);
  float* v = values_.Get(patches * e);
  ForChunks(patches, [&](size_t first, size_t count) {
    float* n = normed_.Get(count * e);
    Normalise(w.attn_norm, first, count, n);
    const size_t at = first * e;
    products_.Run(n, count, {{&w.q, q + at}, {&w.k, k + at}, {&w.v, v + at}});
  });
  float* attended = attended_.Get(patches * e);
  AttendPatches({q, k, v, patches, config_.num_heads, e / config_.num_heads, attended},
                options_.activations, options_.threads);
  ForChunks(patches, [&](size_t first, size_t count) {
    float* out = out_.Get(count * e);
    products_.Run(attended + first * e, count, {{&w.output, out}});
    AddToResidual(first, count, out);
  });
}

void VisionTower::RunFeedForward(const VisionLayer& w) {
  const size_t e = config_.embedding, f = config_.feed_forward;
  ForChunks(config_.num_patches(), [&](size_t first, size_t count) {
    float* n = normed_.Get(count * e);
    float* inner = inner_.Get(count * f);
    float* out = out_.Get(count * e);
    Normalise(w.ffn_norm, first, count, n);
    products_.Run(n, count, {{&w.up, inner}});
    ForRows(count,
            [&](size_t i) { Activate(Activation::kGeluTanh, inner + i * f, ones_.data(), f); });
    products_.Run(inner, count, {{&w.down, out}});
    AddToResidual(first, count, out);
  });
}

std::vector<float> VisionTower::Project() {
  const size_t e = config_.embedding, k = config_.pooling, grid = config_.grid();
  const size_t tokens = config_.num_tokens(), side = grid / k;
  Normalise(weights_.post_norm, 0, config_.num_patches(), x_);
  float* pooled = out_.Get(tokens * e);
  ForRows(tokens, [&](size_t t) {
    float* sum = pooled + t * e;
    std::fill_n(sum, e, 0.0f);
    for (size_t i = 0; i < k * k; ++i) {
      const size_t patch = (t / side * k + i / k) * grid + t % side * k + i % k;
      for (size_t j = 0; j < e; ++j) sum[j] += x_[patch * e + j];
    }
    for (size_t j = 0; j < e; ++j) sum[j] /= static_cast<float>(k * k);
    RmsNorm(sum, weights_.soft_norm.data(), e, config_.norm_epsilon, sum);
  });
  std::vector<float> rows(tokens * config_.projection);
  Activations activations;
  activations.Assign(pooled, tokens, e);
  const MatrixProduct product = {
      {TensorType::kF32, reinterpret_cast<const uint8_t*>(weights_.projection.data()),
       config_.projection, e},
      nullptr,
      rows.data(),
      config_.projection};
  Multiply(&activations, {&product, 1}, options_.threads);
  return rows;
}

absl::StatusOr<std::vector<float>> VisionTower::Embed(absl::Span<const float> pixels) {
  const size_t expected = size_t{3} * config_.image_size * config_.image_size;
  if (pixels.size() != expected) {
    return absl::InvalidArgumentError(absl::StrCat("an image of ", pixels.size(),
                                                   " values, expected 3 times ", config_.image_size,
                                                   " by ", config_.image_size, " pixels"));
  }
  EmbedPatches(pixels);
  for (const VisionLayer& layer : weights_.layers) {
    if (options_.is_cancelled != nullptr && options_.is_cancelled()) {
      return absl::CancelledError("interrupted");
    }
    RunAttention(layer);
    RunFeedForward(layer);
  }
  return Project();
}

}  // namespace gguf
