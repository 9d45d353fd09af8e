// The command line of `quantize`.

#ifndef GGUF_TOOLCHAIN_TOOLS_QUANTIZE_OPTIONS_H_
#define GGUF_TOOLCHAIN_TOOLS_QUANTIZE_OPTIONS_H_

#include <functional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "formats/open.h"
#include "quantize/plan_quantize.h"
#include "tools/cli/cli.h"
#include "tools/cli/write_command.h"

namespace gguf {

struct QuantizeFlags {
  CommonOptions common;
  WriteCommandOptions write;
  OpenOptions open;
  std::string input, output;       // output: empty for the default
  std::vector<std::string> types;  // after ParseQuantizeFlags: at least one, known, all different
  std::string imatrix;
  std::vector<std::string> include_weights, exclude_weights;
  std::string mmproj, mmproj_type;  // tools/quantize_tower.h
  QuantizeOptions options;          // after ParseQuantizeFlags: complete but for recipe.copy

  // As typed.
  std::string word3, word4;  // of the positional form
  std::string effort = "standard";
  std::string device = "cpu";
  std::string output_tensor_type, token_embedding_type;
  std::vector<std::string> tensor_types;
  std::string tensor_type_file;
  std::string prune_layers;
  std::vector<std::string> overrides;
  std::string job;  // --job: then nothing else that says what to do
};

void AddQuantizeOptions(CLI::App* app, QuantizeFlags* flags);

// Reads what was typed, after `app` has parsed it. UsageError for a value that cannot be understood
// and for an option that would have no effect beside the others; other errors are of reading the
// --tensor-type-file.
absl::Status ParseQuantizeFlags(const CLI::App& app, QuantizeFlags* flags);

// The part that does not depend on who gave the values: everything typed but the types becomes
// flags->options. Errors as above.
absl::Status ParseQuantizeValues(QuantizeFlags* flags);

// UsageError for an option that none of the types obeys; `is_given` is asked by name ("--pure").
absl::Status CheckIdleOptions(const std::function<bool(const char*)>& is_given,
                              const std::vector<std::string>& types);

// UsageError when --job was given beside an option that the job file decides, or an input.
absl::Status CheckJobOptions(const CLI::App& app);

bool IsCopy(absl::string_view type);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_QUANTIZE_OPTIONS_H_
