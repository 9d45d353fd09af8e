// Options of every command that runs a model.

#ifndef GGUF_TOOLCHAIN_TOOLS_EVALUATE_COMMANDS_MODEL_OPTIONS_H_
#define GGUF_TOOLCHAIN_TOOLS_EVALUATE_COMMANDS_MODEL_OPTIONS_H_

#include <cstdint>
#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "runtime/decoder.h"
#include "runtime/model.h"
#include "tools/cli/cli.h"
#include "tools/cli/device_option.h"

namespace gguf {

struct ModelOptions {
  std::string model;
  std::string cache_type_k = "f32";
  std::string cache_type_v = "f32";
  std::string cache_for = "this";
  bool allow_quantized_kv = false;
  ActivationType activations = ActivationType::kF32;
  uint32_t batch = 512;
  DeviceOptions device;
};

// --model/-m, --cache-type-k, --cache-type-v, --quantkv, --cache-for, --allow-quantized-kv,
// --activations, --batch-size/-b, --device, --gpu-layers, --list-devices.
void AddModelOptions(CLI::App* app, ModelOptions* options);

// The decoder's options but for its context. UsageError for an unknown cache type; errors of
// SetDevice.
absl::StatusOr<DecoderOptions> ToDecoderOptions(const ModelOptions& options,
                                                const CommonOptions& common);

// A decoder of `model` whose cache the program named by --cache-for can hold too. Errors name the
// model: CheckCacheTypes for that program, cache options for an encoder, which has no cache, and
// those of Decoder::Create.
absl::StatusOr<std::unique_ptr<Decoder>> MakeDecoder(const ModelOptions& options,
                                                     const Model& model,
                                                     const DecoderOptions& decoder);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_EVALUATE_COMMANDS_MODEL_OPTIONS_H_
