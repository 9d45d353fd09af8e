#include "runtime/cache_types.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gguf/base/sizes.h"
#include "gguf/base/status_macros.h"

namespace gguf {
namespace {

constexpr uint64_t kCellMultiple = 256;

constexpr TensorType kTypes[] = {TensorType::kF32,  TensorType::kF16,  TensorType::kBF16,
                                 TensorType::kQ8_0, TensorType::kQ5_1, TensorType::kQ5_0,
                                 TensorType::kQ4_1, TensorType::kQ4_0, TensorType::kIQ4_NL};
std::string TypeNames(absl::Span<const TensorType> types) {
  return absl::StrJoin(types, ", ", [](std::string* out, TensorType type) {
    absl::StrAppend(out, absl::AsciiStrToLower(NameOf(type)));
  });
}

constexpr TensorType kCudaTypes[] = {TensorType::kF32, TensorType::kF16, TensorType::kBF16,
                                     TensorType::kQ8_0, TensorType::kQ4_0};
constexpr TensorType kMetalTypes[] = {TensorType::kF32,  TensorType::kF16,  TensorType::kBF16,
                                      TensorType::kQ8_0, TensorType::kQ5_1, TensorType::kQ5_0,
                                      TensorType::kQ4_1, TensorType::kQ4_0};
constexpr TensorType kOllamaTypes[] = {TensorType::kF16, TensorType::kQ8_0, TensorType::kQ4_0};

// What a program's attention can do with a cache.
struct Target {
  CacheTarget target;
  const char* name;   // as an option's value
  const char* title;  // in a sentence
  absl::Span<const TensorType> types;
  bool takes_two_types;      // keys and values may differ in type
  bool has_quantized_caps;   // a quantized cache where scores are capped (gemma2)
  bool has_quantized_sizes;  // likewise where keys and values differ in size
  bool has_quantized_sinks;  // likewise where attention has sinks (gpt-oss)
};
constexpr Target kTargets[] = {
    {CacheTarget::kThisRuntime, "this", "this runtime", kTypes, true, true, true, true},
    {CacheTarget::kLlamaCpp, "llama.cpp", "llama.cpp", kTypes, true, true, true, true},
    {CacheTarget::kLlamaCppCuda, "llama.cpp-cuda", "llama.cpp's default CUDA build", kCudaTypes,
     false, true, true, true},
    {CacheTarget::kLlamaCppMetal, "llama.cpp-metal", "llama.cpp on Metal", kMetalTypes, false, true,
     true, true},
    {CacheTarget::kOllama, "ollama", "Ollama", kOllamaTypes, false, false, false, true},
    {CacheTarget::kOllamaBeforeOct2025, "ollama-before-2025-10", "Ollama before October 2025",
     kOllamaTypes, false, false, false, false},
};

const Target& RowOf(CacheTarget target) {
  return *std::find_if(std::begin(kTargets), std::end(kTargets),
                       [target](const Target& row) { return row.target == target; });
}

bool IsQuantized(TensorType type) { return InfoOf(type).block_values > 1; }

absl::Status CheckType(absl::string_view what, TensorType type, uint32_t head_size,
                       const Target& target) {
  if (std::find(target.types.begin(), target.types.end(), type) == target.types.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("type of cached ", what, " is ", NameOf(type), ", which ", target.title,
                     " cannot do, expected one of ", TypeNames(target.types)));
  }
  const uint32_t block = InfoOf(type).block_values;
  if (head_size % block != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "type of cached ", what, " is ", NameOf(type), " with blocks of ", block,
        " values, which do not divide the head size ", head_size, "; use f16, bf16 or f32"));
  }
  return absl::OkStatus();
}

// Whether the family's attention has kernels with quantized keys or values.
absl::Status CheckKernels(const ModelConfig& config, const CacheOptions& options,
                          const Target& target) {
  const TensorType type = IsQuantized(options.key_type) ? options.key_type : options.value_type;
  if (!IsQuantized(type)) return absl::OkStatus();
  const auto refuse = [&](absl::string_view reason, absl::string_view other_remedy = "") {
    return absl::FailedPreconditionError(
        absl::StrCat("a ", NameOf(type), " cache of a ", config.family->architecture,
                     " model: ", reason, "; use f16", other_remedy));
  };
  if (config.family->has_sinks) {
    if (!target.has_quantized_sinks) {
      return refuse(absl::StrCat("its attention has sinks, for which ", target.title,
                                 " has no kernels with quantized keys and values"));
    }
    if (target.target == CacheTarget::kThisRuntime && !options.allows_quantized_sinks) {
      return refuse(
          "its attention has sinks, for which some programs (Ollama before October 2025) have no "
          "kernels with quantized keys and values, so that they stop or answer nonsense",
          ", or --allow-quantized-kv for programs that have them");
    }
  }
  constexpr char kNeedsFlash[] = " runs without flash attention, and a quantized cache needs that";
  if (config.attention_cap > 0.0f && !target.has_quantized_caps) {
    return refuse(absl::StrCat("its attention caps scores, which ", target.title, kNeedsFlash));
  }
  if (config.key_length != config.value_length && !target.has_quantized_sizes) {
    return refuse(
        absl::StrCat("its keys and values differ in size, which ", target.title, kNeedsFlash));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Span<const TensorType> CacheTypes() { return kTypes; }

absl::StatusOr<TensorType> ParseCacheType(absl::string_view name) {
  for (const TensorType type : kTypes) {
    if (absl::EqualsIgnoreCase(name, NameOf(type))) return type;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("'", name, "' is no cache type, expected one of ", TypeNames(kTypes)));
}

uint64_t CacheRowBytes(TensorType type, uint64_t values) {
  const TensorTypeInfo& info = InfoOf(type);
  return values / info.block_values * info.block_bytes;
}

uint64_t CacheCells(uint32_t window, const CacheOptions& options) {
  uint64_t cells = options.context;
  if (window != 0) {
    cells = std::min<uint64_t>(cells, uint64_t{window} * options.sequences + options.batch);
  }
  return RoundUp(cells, kCellMultiple);
}

uint64_t CacheBytes(const ModelConfig& config, const CacheOptions& options) {
  if (config.family->is_encoder) return 0;
  const uint64_t row = CacheRowBytes(options.key_type, config.key_width()) +
                       CacheRowBytes(options.value_type, config.value_width());
  uint64_t cells = 0;
  for (size_t layer = 0; layer < config.windows.size() && layer < options.host_layers; ++layer) {
    cells += CacheCells(config.windows[layer], options);
  }
  uint64_t bytes = 0;
  return CheckedMultiply(cells, row, &bytes) ? bytes : ~uint64_t{0};
}

std::vector<std::string> CacheTargetNames() {
  std::vector<std::string> names;
  for (const Target& row : kTargets) names.push_back(row.name);
  return names;
}

absl::StatusOr<CacheTarget> ParseCacheTarget(absl::string_view name) {
  for (const Target& row : kTargets) {
    if (name == row.name) return row.target;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("'", name, "' is no program whose cache is known, expected one of ",
                   absl::StrJoin(CacheTargetNames(), ", ")));
}

absl::Status CheckCacheTypes(const ModelConfig& config, const CacheOptions& options,
                             CacheTarget target) {
  const Target& row = RowOf(target);
  GGUF_RETURN_IF_ERROR(CheckType("keys", options.key_type, config.key_length, row));
  GGUF_RETURN_IF_ERROR(CheckType("values", options.value_type, config.value_length, row));
  if (!row.takes_two_types && options.key_type != options.value_type) {
    return absl::InvalidArgumentError(absl::StrCat(
        "cached keys are ", NameOf(options.key_type), " and values ", NameOf(options.value_type),
        ", but ", row.title, " has one type for both; use the same for both"));
  }
  return CheckKernels(config, options, row);
}

}  // namespace gguf
