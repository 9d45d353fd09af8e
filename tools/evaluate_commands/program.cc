#include "tools/evaluate_commands/program.h"

#include <memory>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "tools/cli/cli.h"
#include "tools/cli/usage.h"
#include "tools/evaluate_commands/commands.h"

namespace gguf {
namespace {

constexpr char kHelp[] =
    "Runs a model in order to check it.\n"
    "Example: evaluate perplexity -m model.gguf -f text.txt -c 512";

}  // namespace

int RunEvaluate(int argc, char** argv) {
  CLI::App app(kHelp, "evaluate");
  app.set_version_flag("--version", absl::StrCat("evaluate ", kVersion));
  CommonOptions common;
  std::vector<std::unique_ptr<EvaluateCommand>> commands;
  for (const EvaluateCommandRow& row : EvaluateCommands()) {
    CLI::App* sub = app.add_subcommand(row.name, row.help);
    commands.push_back(row.make());
    commands.back()->AddOptions(sub);
    AddCommonOptions(sub, row.has_json, kNothingVerbose, &common);
  }
  return RunTool(&app, argc, argv, &common, [&]() -> absl::Status {
    for (size_t i = 0; i < commands.size(); ++i) {
      if (app.got_subcommand(EvaluateCommands()[i].name)) return commands[i]->Run(common);
    }
    return UsageError(NoCommand(app));
  });
}

}  // namespace gguf
