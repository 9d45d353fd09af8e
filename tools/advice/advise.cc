#include "tools/advice/advise.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gguf/base/status_macros.h"
#include "runtime/kv_cache.h"
#include "tools/advice/quality.h"

namespace gguf {
namespace {

constexpr Priority kPriorities[] = {
    {"quality", -1, "least expected loss of all that fit"},
    {"balanced", 0.015, "least to read per token with a divergence of at most 0.015"},
    {"speed", 0.04, "least to read per token with a divergence of at most 0.04"},
};

// Tried in this order.
constexpr TensorType kCacheTypes[] = {TensorType::kF16, TensorType::kQ8_0, TensorType::kQ4_0};

// A rise of perplexity at which a smaller model is worth a thought.
constexpr double kSevereRise = 0.3;
constexpr double kUnknownCacheLoss = 1e3;  // beyond all published figures
constexpr double kUnknownLoss = 1e6;

absl::Status CheckCache(const ModelFacts& facts, TensorType keys, TensorType values,
                        CacheTarget target) {
  CacheOptions options;
  options.context = 1;
  options.key_type = keys;
  options.value_type = values;
  return CheckCacheTypes(facts.config, options, target);
}

// Whether every program of the field runs the family with a quantized cache: the strictest decides.
absl::Status CheckQuantizedCache(const ModelFacts& facts) {
  return CheckCache(facts, TensorType::kQ8_0, TensorType::kQ8_0, CacheTarget::kOllamaBeforeOct2025);
}

CacheChoice MakeCache(const ModelFacts& facts, const AdviceRequest& request, TensorType keys,
                      TensorType values) {
  return {keys, values, CacheNeed(facts.config, request.context, keys, values),
          QualityTables::Get().CacheDivergence(keys, values)};
}

absl::Status ChooseGivenCache(const ModelFacts& facts, const AdviceRequest& request,
                              Advice* advice) {
  TensorType keys = request.key_type.value_or(TensorType::kF16);
  TensorType values = request.value_type.value_or(TensorType::kF16);
  GGUF_RETURN_IF_ERROR(CheckCache(facts, keys, values, CacheTarget::kLlamaCpp));
  const bool is_quantized = InfoOf(keys).is_quantized || InfoOf(values).is_quantized;
  const absl::Status everywhere = CheckQuantizedCache(facts);
  if (is_quantized && !everywhere.ok()) {
    advice->warnings.push_back(std::string(everywhere.message()));
    if (facts.config.family->has_sinks) {
      keys = values = TensorType::kF16;
      advice->warnings.back() += " (the advice below is for f16)";
    }
  }
  advice->caches = {MakeCache(facts, request, keys, values)};
  return absl::OkStatus();
}

absl::Status ChooseCaches(const ModelFacts& facts, const AdviceRequest& request, Advice* advice) {
  if (request.key_type.has_value() || request.value_type.has_value()) {
    return ChooseGivenCache(facts, request, advice);
  }
  for (const TensorType type : kCacheTypes) {
    if (InfoOf(type).is_quantized && !CheckQuantizedCache(facts).ok()) continue;
    if (!CheckCache(facts, type, type, CacheTarget::kLlamaCpp).ok()) continue;
    advice->caches.push_back(MakeCache(facts, request, type, type));
  }
  return absl::OkStatus();
}

Fit FitOption(const ModelFacts& facts, const AdviceRequest& request, const Advice& advice,
              size_t option) {
  Fit fit;
  fit.option = option;
  fit.need.weights = facts.options[option].bytes;
  fit.need.buffers = BufferNeed(facts.vocabulary, facts.config.embedding, request.context);
  for (size_t i = 0; i < advice.caches.size() && !fit.fits; ++i) {
    if (i > 0 && advice.caches[i].bytes >= fit.need.cache) continue;
    fit.cache = i;
    fit.need.cache = advice.caches[i].bytes;
    fit.fits = fit.need.total() <= advice.budget;
  }
  fit.spare = static_cast<int64_t>(advice.budget) - static_cast<int64_t>(fit.need.total());
  const double weights = facts.options[option].divergence;
  const double cache = advice.caches[fit.cache].divergence;
  if (weights >= 0 && cache >= 0) fit.divergence = weights + cache;
  return fit;
}

// For comparison: unknown losses are greater than any known one, those of caches less so.
double LossOf(const ModelFacts& facts, const Fit& fit) {
  if (fit.divergence >= 0) return fit.divergence;
  const double weights = facts.options[fit.option].divergence;
  return weights >= 0 ? kUnknownCacheLoss + weights : kUnknownLoss;
}

// Of the fits that fit; there is at least one.
size_t ChooseBest(const ModelFacts& facts, const Advice& advice, const Priority& priority) {
  const auto is_within = [&](const Fit& fit) {
    return LossOf(facts, fit) <= priority.divergence_bound;
  };
  const auto is_better = [&](const Fit& a, const Fit& b) {
    if (a.fits != b.fits) return a.fits;
    const uint64_t a_read = facts.options[a.option].bytes_per_token;
    const uint64_t b_read = facts.options[b.option].bytes_per_token;
    if (is_within(a) != is_within(b)) return is_within(a);
    if (is_within(a) && a_read != b_read) return a_read < b_read;
    if (LossOf(facts, a) != LossOf(facts, b)) return LossOf(facts, a) < LossOf(facts, b);
    return a.need.total() < b.need.total();
  };
  return std::min_element(advice.fits.begin(), advice.fits.end(), is_better) - advice.fits.begin();
}

// Says so when even the best is poor, or the context is beyond what the model knows.
void AddWarnings(const ModelFacts& facts, const AdviceRequest& request, Advice* advice) {
  if (!advice->best.empty()) {
    const WeightOption& best = facts.options[advice->fits[advice->best.front()].option];
    if (best.published.perplexity_rise >= kSevereRise && !best.keeps_quantized) {
      advice->warnings.push_back(
          absl::StrFormat("even the best that fits, %s, is expected to raise perplexity by %.0f "
                          "%%: a smaller model "
                          "in a larger type may serve better",
                          best.type, 100 * best.published.perplexity_rise));
    }
  }
  const uint32_t trained = facts.config.context_length;
  if (trained != 0 && request.context.context > trained) {
    advice->warnings.push_back(absl::StrCat("the model was trained for ", trained,
                                            " tokens, and -c asks for ", request.context.context));
  }
}

}  // namespace

absl::Span<const Priority> AllPriorities() { return kPriorities; }

absl::StatusOr<Advice> Advise(const ModelFacts& facts, const AdviceRequest& request) {
  Advice advice;
  advice.budget = request.memory - std::min(request.memory, request.headroom);
  GGUF_RETURN_IF_ERROR(ChooseCaches(facts, request, &advice));
  for (size_t i = 0; i < facts.options.size(); ++i) {
    advice.fits.push_back(FitOption(facts, request, advice, i));
    if (advice.fits[i].need.total() < advice.fits[advice.smallest].need.total()) {
      advice.smallest = i;
    }
  }
  const bool any_fits =
      std::any_of(advice.fits.begin(), advice.fits.end(), [](const Fit& fit) { return fit.fits; });
  if (any_fits) {
    for (const Priority& priority : kPriorities) {
      advice.best.push_back(ChooseBest(facts, advice, priority));
    }
  }
  AddWarnings(facts, request, &advice);
  return advice;
}

uint64_t LeastMemory(const Advice& advice, const AdviceRequest& request) {
  return advice.fits[advice.smallest].need.total() + request.headroom;
}

}  // namespace gguf
