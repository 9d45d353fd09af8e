// Runs a model in order to check it.

#include <memory>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "tools/cli/cli.h"
#include "tools/cli/usage.h"
#include "tools/cli/waiting_threads.h"
#include "tools/evaluate_commands/commands.h"

namespace {

constexpr char kHelp[] =
    "Runs a model in order to check it.\n"
    "Example: evaluate perplexity -m model.gguf -f text.txt -c 512";

}  // namespace

int main(int argc, char** argv) {
  gguf::LetWaitingThreadsSleep(argv);
  CLI::App app(kHelp, "evaluate");
  app.set_version_flag("--version", absl::StrCat("evaluate ", gguf::kVersion));
  gguf::CommonOptions common;
  std::vector<std::unique_ptr<gguf::EvaluateCommand>> commands;
  for (const gguf::EvaluateCommandRow& row : gguf::EvaluateCommands()) {
    CLI::App* sub = app.add_subcommand(row.name, row.help);
    commands.push_back(row.make());
    commands.back()->AddOptions(sub);
    gguf::AddCommonOptions(sub, row.has_json, gguf::kNothingVerbose, &common);
  }
  return gguf::RunTool(&app, argc, argv, &common, [&]() -> absl::Status {
    for (size_t i = 0; i < commands.size(); ++i) {
      if (app.got_subcommand(gguf::EvaluateCommands()[i].name)) return commands[i]->Run(common);
    }
    return gguf::UsageError(gguf::NoCommand(app));
  });
}
