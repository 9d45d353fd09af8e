// --activations, of every program that runs a model.

#ifndef GGUF_TOOLCHAIN_TOOLS_CLI_ACTIVATIONS_OPTION_H_
#define GGUF_TOOLCHAIN_TOOLS_CLI_ACTIVATIONS_OPTION_H_

#include "CLI/CLI.hpp"
#include "runtime/ops/activation_type.h"

namespace gguf {

// `*type` is the default, and must outlive the app.
void AddActivationsOption(CLI::App* app, ActivationType* type);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_CLI_ACTIVATIONS_OPTION_H_
