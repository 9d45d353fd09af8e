// What `evaluate perplexity` and `evaluate logits -f` share: running a text, and its result.

#ifndef GGUF_TOOLCHAIN_TOOLS_EVALUATE_COMMANDS_PERPLEXITY_H_
#define GGUF_TOOLCHAIN_TOOLS_EVALUATE_COMMANDS_PERPLEXITY_H_

#include <cstdint>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "tools/cli/cli.h"
#include "tools/evaluate_commands/model_options.h"

namespace gguf {

struct TextOptions {
  std::string text;
  uint32_t context = 512;
  uint32_t chunks = 0;
};

// -f/--file, -c/--ctx-size, --chunks.
CLI::Option* AddTextOptions(CLI::App* app, TextOptions* options);

// Measures and prints the perplexity; writes a base file to `base_path` unless it is empty.
absl::Status RunPerplexity(const ModelOptions& model, const TextOptions& text,
                           const std::string& base_path, bool replace, const CommonOptions& common);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_EVALUATE_COMMANDS_PERPLEXITY_H_
