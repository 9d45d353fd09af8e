#include "tools/evaluate_commands/model_options.h"

#include "absl/strings/str_cat.h"
#include "runtime/kv_cache.h"

namespace gguf {
namespace {

absl::Status SetCacheType(absl::string_view option, const std::string& name, TensorType* type) {
  const absl::StatusOr<TensorType> parsed = ParseCacheType(name);
  if (!parsed.ok()) return UsageError(absl::StrCat(option, ": ", parsed.status().message()));
  *type = *parsed;
  return absl::OkStatus();
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
  app->add_option("--precision", options->precision,
                  "of a prompt's activations; half: bfloat16 where that is faster")
      ->check(CLI::IsMember({"full", "half"}))
      ->capture_default_str();
  app->add_option("-b,--batch-size", options->batch, "tokens of a prompt worked on at once")
      ->check(CLI::Range(1, 1 << 16))
      ->capture_default_str();
}

absl::StatusOr<DecoderOptions> ToDecoderOptions(const ModelOptions& options,
                                                const CommonOptions& common) {
  DecoderOptions decoder;
  decoder.batch = options.batch;
  decoder.threads = common.threads;
  decoder.activations = options.precision == "half" ? Precision::kHalf : Precision::kFull;
  absl::Status status = SetCacheType("--cache-type-k", options.cache_type_k, &decoder.key_type);
  status.Update(SetCacheType("--cache-type-v", options.cache_type_v, &decoder.value_type));
  if (!status.ok()) return status;
  return decoder;
}

}  // namespace gguf
