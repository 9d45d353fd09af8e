// Options of every command that runs a model.

#ifndef GGUF_TOOLCHAIN_TOOLS_EVALUATE_COMMANDS_MODEL_OPTIONS_H_
#define GGUF_TOOLCHAIN_TOOLS_EVALUATE_COMMANDS_MODEL_OPTIONS_H_

#include <cstdint>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "runtime/decoder.h"
#include "tools/cli/cli.h"

namespace gguf {

struct ModelOptions {
  std::string model;
  std::string cache_type_k = "f32";
  std::string cache_type_v = "f32";
  std::string precision = "full";
  uint32_t batch = 512;
};

// --model/-m, --cache-type-k, --cache-type-v, --precision, --batch-size/-b.
void AddModelOptions(CLI::App* app, ModelOptions* options);

// The decoder's options but for its context. UsageError for an unknown cache type.
absl::StatusOr<DecoderOptions> ToDecoderOptions(const ModelOptions& options,
                                                const CommonOptions& common);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_EVALUATE_COMMANDS_MODEL_OPTIONS_H_
