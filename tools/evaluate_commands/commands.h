// The commands of `evaluate`: one file each. A command adds its options, then runs on them.
//
// To add one: its file here, and its row in commands.cc.

#ifndef GGUF_TOOLCHAIN_TOOLS_EVALUATE_COMMANDS_COMMANDS_H_
#define GGUF_TOOLCHAIN_TOOLS_EVALUATE_COMMANDS_COMMANDS_H_

#include <memory>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "tools/cli/cli.h"

namespace gguf {

// A command with its own options. Made before the command line is parsed, run after it.
class EvaluateCommand {
 public:
  virtual ~EvaluateCommand() = default;
  virtual void AddOptions(CLI::App* app) = 0;
  virtual absl::Status Run(const CommonOptions& common) = 0;
};

struct EvaluateCommandRow {
  const char* name;
  const char* help;
  bool has_json;
  std::unique_ptr<EvaluateCommand> (*make)();
};

absl::Span<const EvaluateCommandRow> EvaluateCommands();

std::unique_ptr<EvaluateCommand> MakeChoiceCommand();
std::unique_ptr<EvaluateCommand> MakeEmbeddingCommand();
std::unique_ptr<EvaluateCommand> MakeKlCommand();
std::unique_ptr<EvaluateCommand> MakeLogitsCommand();
std::unique_ptr<EvaluateCommand> MakePerplexityCommand();
std::unique_ptr<EvaluateCommand> MakeSpeedCommand();
std::unique_ptr<EvaluateCommand> MakeVisionCommand();

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_EVALUATE_COMMANDS_COMMANDS_H_
