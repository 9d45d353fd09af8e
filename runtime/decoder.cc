#include "runtime/decoder.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"
#include "gguf/io/zstd_file.h"
#include "runtime/cuda/device_layers.h"
#include "runtime/cuda/device_sizes.h"
#include "runtime/cuda/support.h"
#include "runtime/memory.h"

namespace gguf {
namespace {

// Logits computed at a time: enough rows to keep a product busy, few enough to stay small.
constexpr size_t kLogitRows = 128;

// Refuses a model of which any layer, or the output, could not run on the device.
absl::Status CheckModelOnDevice(const Model& model, const DecoderOptions& options) {
  const bool has_output = model.Find("output.weight") != nullptr;
  std::vector<TensorType> types;
  for (const TensorView& tensor : model.tensors()) {
    if (!IsDeviceTensor(*model.config().family, tensor.name, has_output)) continue;
    if (std::find(types.begin(), types.end(), tensor.type) == types.end()) {
      types.push_back(tensor.type);
    }
  }
  const absl::Status status = CheckDevice(options.device->libraries(), model.config(),
                                          {types, options.key_type, options.value_type});
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(model.path(), ": ", status.message()));
}

}  // namespace

Decoder::Decoder(const Model& model, DecoderOptions options, ModelWeights weights)
    : model_(model),
      options_(std::move(options)),
      weights_(std::move(weights)),
      forward_(model.config(), weights_, options_.context, options_.threads, options_.activations,
               options_.observer) {}

absl::StatusOr<std::unique_ptr<Decoder>> Decoder::Create(const Model& model,
                                                         const DecoderOptions& given) {
  const ModelConfig& config = model.config();
  DecoderOptions options = given;
  const bool is_encoder = config.family->is_encoder;
  if (options.context == 0) options.context = config.context_length;
  if (options.context > kMaxContext) {
    return absl::InvalidArgumentError(
        absl::StrCat("a context of ", options.context, " tokens, expected at most ", kMaxContext));
  }
  if (is_encoder) {  // a text is seen as a whole, and positions are learned
    options.context = std::min(options.context, config.context_length);
    options.batch = options.context;
  }
  options.batch = std::max<uint32_t>(1, std::min(options.batch, options.context));
  options.threads = std::max(1, options.threads);
  CacheOptions cache;
  cache.context = options.context;
  cache.batch = options.batch;
  cache.sequences = std::max<uint32_t>(1, options.sequences);
  cache.key_type = options.key_type;
  cache.value_type = options.value_type;
  cache.allows_quantized_sinks = options.allows_quantized_sinks;
  if (!is_encoder) GGUF_RETURN_IF_ERROR(CheckCacheTypes(config, cache));
  if (options.device != nullptr) {
    const absl::Status status = CheckModelOnDevice(model, options);
    if (!status.ok() && !options.may_leave_device) return status;
    if (!status.ok()) options.device = nullptr;
  }
  if (options.checks_memory && options.device == nullptr) {
    // What was decompressed is in memory already, and not among what is available.
    const uint64_t weights = IsZstdFile(model.path()) ? 0 : model.weight_bytes();
    const MemoryNeed need = {weights, CacheBytes(config, cache),
                             Forward::BufferBytes(config, options.batch)};
    GGUF_RETURN_IF_ERROR(CheckMemory(model.path(), need, AvailableMemory()));
  }
  GGUF_ASSIGN_OR_RETURN(ModelWeights weights, FindWeights(model));
  std::unique_ptr<Decoder> decoder(new Decoder(model, std::move(options), std::move(weights)));
  if (decoder->options_.device != nullptr) GGUF_RETURN_IF_ERROR(decoder->PlaceOnDevice(&cache));
  if (decoder->options_.device != nullptr && decoder->options_.checks_memory) {
    GGUF_RETURN_IF_ERROR(CheckMemory(model.path(), decoder->HostNeed(cache), AvailableMemory()));
  }
  if (!is_encoder) {
    GGUF_ASSIGN_OR_RETURN(decoder->cache_, KvCache::Create(config, cache));
  }
  return decoder;
}

MemoryNeed Decoder::HostNeed(const CacheOptions& cache) const {
  const ModelConfig& config = model_.config();
  uint64_t elsewhere = 0;
  for (uint32_t i = config.num_layers - device_layers_; i < config.num_layers; ++i) {
    elsewhere += LayerWeightBytes(weights_.layers[i]);
  }
  return {model_.weight_bytes() - std::min(model_.weight_bytes(), elsewhere),
          CacheBytes(config, cache), Forward::BufferBytes(config, options_.batch)};
}

absl::Status Decoder::PlaceOnDevice(CacheOptions* cache) {
  const ModelConfig& config = model_.config();
  const uint32_t most =
      MostDeviceLayers(config, weights_, *cache, options_.batch, options_.device->info());
  const uint32_t wanted = std::min(options_.device_layers.value_or(most), config.num_layers);
  if (wanted > most) {
    return absl::ResourceExhaustedError(
        absl::StrCat(model_.path(), ": ", most, " of its ", config.num_layers, " layers fit into ",
                     options_.device->info().name, ", not ", wanted, "; use --gpu-layers ", most,
                     ", a smaller context or a smaller cache type"));
  }
  device_layers_ = wanted;
  if (wanted == 0) return absl::OkStatus();
  DeviceLayersOptions layers;
  layers.first_layer = config.num_layers - wanted;
  layers.batch = options_.batch;
  layers.cache = *cache;
  layers.activations = options_.activations;
  layers.observer = options_.observer;
  GGUF_ASSIGN_OR_RETURN(std::unique_ptr<DeviceLayers> device,
                        DeviceLayers::Create(options_.device, config, weights_, layers));
  forward_.UseDevice(std::move(device));
  cache->host_layers = layers.first_layer;
  return absl::OkStatus();
}

absl::Status Decoder::CheckTokens(absl::Span<const int32_t> tokens,
                                  absl::Span<const EmbeddedSpan> embedded) const {
  size_t i = 0;
  const auto check_until = [&](size_t end) {
    for (; i < end; ++i) {
      if (tokens[i] >= 0 && static_cast<size_t>(tokens[i]) < vocabulary()) continue;
      return absl::InvalidArgumentError(absl::StrCat("token ", i, " is ", tokens[i],
                                                     ", expected 0 to ", vocabulary() - 1, " for ",
                                                     model_.path()));
    }
    return absl::OkStatus();
  };
  for (const EmbeddedSpan& span : embedded) {
    if (span.first < i || span.first > tokens.size() || span.count > tokens.size() - span.first ||
        span.count > options_.batch) {
      return absl::InvalidArgumentError(absl::StrCat(
          "embeddings for ", span.count, " tokens from token ", span.first, " of ", tokens.size(),
          ", expected them in order and no more than a batch of ", options_.batch, " at once"));
    }
    GGUF_RETURN_IF_ERROR(check_until(span.first));
    i += span.count;
  }
  return check_until(tokens.size());
}

size_t Decoder::BatchEnd(size_t first, size_t num_tokens,
                         absl::Span<const EmbeddedSpan> embedded) const {
  const size_t end = std::min<size_t>(num_tokens, first + options_.batch);
  for (const EmbeddedSpan& span : embedded) {
    if (span.first < end && span.first + span.count > end) return span.first;
  }
  return end;
}

absl::Status Decoder::Decode(absl::Span<const int32_t> tokens, absl::Span<const uint8_t> wanted,
                             int32_t sequence,
                             const std::function<void(size_t, absl::Span<const float>)>& sink) {
  return Decode(tokens, {}, wanted, sequence, sink);
}

absl::Status Decoder::Decode(absl::Span<const int32_t> tokens,
                             absl::Span<const EmbeddedSpan> embedded,
                             absl::Span<const uint8_t> wanted, int32_t sequence,
                             const std::function<void(size_t, absl::Span<const float>)>& sink) {
  if (!cache_.has_value()) {
    return absl::FailedPreconditionError(
        absl::StrCat(model_.path(), " is an encoder (", model_.config().family->architecture,
                     "), which has no logits; use its embeddings"));
  }
  GGUF_RETURN_IF_ERROR(CheckTokens(tokens, embedded));
  const size_t e = model_.config().embedding;
  for (size_t first = 0, count = 0; first < tokens.size(); first += count) {
    count = BatchEnd(first, tokens.size(), embedded) - first;
    std::vector<EmbeddedSpan> inside;
    for (const EmbeddedSpan& span : embedded) {
      if (span.first < first || span.first >= first + count) continue;
      inside.push_back({span.first - first, span.count, span.rows});
    }
    GGUF_RETURN_IF_ERROR(cache_->Reserve(sequence, static_cast<uint32_t>(count)));
    const float* hidden = forward_.Run(tokens.subspan(first, count), &*cache_, inside);
    GGUF_RETURN_IF_ERROR(forward_.device_status());
    std::vector<size_t> indices;
    for (size_t i = 0; i < count; ++i) {
      if (wanted[first + i] != 0) indices.push_back(i);
    }
    for (size_t done = 0; done < indices.size(); done += kLogitRows) {
      const size_t rows = std::min(kLogitRows, indices.size() - done);
      float* picked = wanted_.Get(rows * e);
      for (size_t r = 0; r < rows; ++r) {
        std::copy_n(hidden + indices[done + r] * e, e, picked + r * e);
      }
      float* logits = logits_.Get(rows * vocabulary());
      forward_.Logits(picked, rows, logits);
      GGUF_RETURN_IF_ERROR(forward_.device_status());
      for (size_t r = 0; r < rows; ++r) {
        sink(first + indices[done + r],
             absl::MakeConstSpan(logits + r * vocabulary(), vocabulary()));
      }
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<float>> Decoder::Decode(absl::Span<const int32_t> tokens,
                                                   Outputs outputs, int32_t sequence) {
  return Decode(tokens, absl::Span<const EmbeddedSpan>(), outputs, sequence);
}

absl::StatusOr<std::vector<float>> Decoder::Decode(absl::Span<const int32_t> tokens,
                                                   absl::Span<const EmbeddedSpan> embedded,
                                                   Outputs outputs, int32_t sequence) {
  std::vector<uint8_t> wanted(tokens.size(), outputs == Outputs::kAll ? 1 : 0);
  if (outputs == Outputs::kLast && !wanted.empty()) wanted.back() = 1;
  std::vector<float> logits;
  GGUF_RETURN_IF_ERROR(
      Decode(tokens, embedded, wanted, sequence, [&](size_t, absl::Span<const float> row) {
        logits.insert(logits.end(), row.begin(), row.end());
      }));
  return logits;
}

absl::StatusOr<std::vector<float>> Decoder::Encode(absl::Span<const int32_t> tokens) {
  if (cache_.has_value()) {
    return absl::FailedPreconditionError(
        absl::StrCat(model_.path(), " is no encoder (", model_.config().family->architecture,
                     "), expected one such as bert; this family gives logits and no embeddings"));
  }
  if (tokens.empty() || tokens.size() > options_.context) {
    return absl::InvalidArgumentError(absl::StrCat("a text of ", tokens.size(),
                                                   " tokens, expected 1 to ", options_.context,
                                                   " for ", model_.path()));
  }
  GGUF_RETURN_IF_ERROR(CheckTokens(tokens));
  const float* hidden = forward_.Run(tokens, nullptr);
  GGUF_RETURN_IF_ERROR(forward_.device_status());
  return std::vector<float>(hidden, hidden + tokens.size() * model_.config().embedding);
}

absl::StatusOr<std::vector<float>> Decoder::Embed(absl::Span<const int32_t> tokens) {
  enum Pooling : uint32_t { kNone, kMean, kFirst, kLast };
  GGUF_ASSIGN_OR_RETURN(const std::vector<float> hidden, Encode(tokens));
  const size_t e = model_.config().embedding;
  const uint32_t pooling = model_.config().pooling;
  std::vector<float> pooled(e);
  for (size_t j = 0; j < e; ++j) {
    if (pooling == kFirst) {
      pooled[j] = hidden[j];
    } else if (pooling == kLast) {
      pooled[j] = hidden[hidden.size() - e + j];
    } else {
      double sum = 0.0;
      for (size_t i = 0; i < tokens.size(); ++i) sum += hidden[i * e + j];
      pooled[j] = static_cast<float>(sum / static_cast<double>(tokens.size()));
    }
  }
  double squares = 0.0;
  for (const float value : pooled) squares += double{value} * value;
  const float scale = squares > 0.0 ? static_cast<float>(1.0 / std::sqrt(squares)) : 0.0f;
  for (float& value : pooled) value *= scale;
  return pooled;
}

}  // namespace gguf
