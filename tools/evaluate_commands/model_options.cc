#include "tools/evaluate_commands/model_options.h"

#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"
#include "runtime/cache_types.h"
#include "tools/cli/activations_option.h"

namespace gguf {
namespace {

// What --quantkv says of both caches.
constexpr const char* kQuantKv[] = {"f16", "q8_0", "q4_0"};

absl::Status SetCacheType(absl::string_view option, const std::string& name, TensorType* type) {
  const absl::StatusOr<TensorType> parsed = ParseCacheType(name);
  if (!parsed.ok()) return UsageError(absl::StrCat(option, ": ", parsed.status().message()));
  *type = *parsed;
  return absl::OkStatus();
}

absl::Status CheckCache(const ModelConfig& config, const DecoderOptions& decoder,
                        CacheTarget target) {
  if (config.family->is_encoder) {
    if (decoder.key_type == TensorType::kF32 && decoder.value_type == TensorType::kF32 &&
        target == CacheTarget::kThisRuntime && !decoder.allows_quantized_sinks) {
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(absl::StrCat(
        "is an encoder (", config.family->architecture,
        "), which has no key-value cache, but its options were given; leave them out"));
  }
  CacheOptions cache;
  cache.key_type = decoder.key_type;
  cache.value_type = decoder.value_type;
  cache.allows_quantized_sinks = decoder.allows_quantized_sinks;
  return CheckCacheTypes(config, cache, target);
}

}  // namespace

void AddModelOptions(CLI::App* app, ModelOptions* options) {
  app->add_option("-m,--model", options->model, "GGUF file, any shard of a split one")
      ->required()
      ->type_name("FILE");
  app->add_option("--cache-type-k", options->cache_type_k, "type of cached keys")
      ->capture_default_str();
  app->add_option("--cache-type-v", options->cache_type_v, "type of cached values")
      ->capture_default_str();
  app->add_option_function<int>(
         "--quantkv",
         [options](int level) { options->cache_type_k = options->cache_type_v = kQuantKv[level]; },
         "type of both caches: 0 f16, 1 q8_0, 2 q4_0")
      ->check(CLI::Range(0, 2))
      ->excludes("--cache-type-k")
      ->excludes("--cache-type-v");
  app->add_option("--cache-for", options->cache_for,
                  "refuse cache types that this program cannot do for the model")
      ->check(CLI::IsMember(CacheTargetNames()))
      ->capture_default_str();
  app->add_flag("--allow-quantized-kv", options->allow_quantized_kv,
                "of gpt-oss too, for programs that can do it");
  AddActivationsOption(app, &options->activations);
  app->add_option("-b,--batch-size", options->batch, "tokens of a prompt worked on at once")
      ->check(CLI::Range(1, 1 << 16))
      ->capture_default_str();
  AddDeviceOptions(app, &options->device);
}

absl::StatusOr<DecoderOptions> ToDecoderOptions(const ModelOptions& options,
                                                const CommonOptions& common) {
  DecoderOptions decoder;
  decoder.batch = options.batch;
  decoder.allows_quantized_sinks = options.allow_quantized_kv;
  decoder.threads = common.threads;
  decoder.activations = options.activations;
  absl::Status status = SetCacheType("--cache-type-k", options.cache_type_k, &decoder.key_type);
  status.Update(SetCacheType("--cache-type-v", options.cache_type_v, &decoder.value_type));
  if (!status.ok()) return status;
  GGUF_RETURN_IF_ERROR(SetDevice(options.device, &decoder));
  return decoder;
}

absl::StatusOr<std::unique_ptr<Decoder>> MakeDecoder(const ModelOptions& options,
                                                     const Model& model,
                                                     const DecoderOptions& given) {
  DecoderOptions decoder = given;
  GGUF_ASSIGN_OR_RETURN(const CacheTarget target, ParseCacheTarget(options.cache_for));
  // A program named as able to do it needs no further leave.
  if (target != CacheTarget::kThisRuntime) decoder.allows_quantized_sinks = true;
  const absl::Status status = CheckCache(model.config(), decoder, target);
  if (!status.ok()) {
    return absl::Status(status.code(), absl::StrCat(model.path(), ": ", status.message()));
  }
  return Decoder::Create(model, decoder);
}

}  // namespace gguf
