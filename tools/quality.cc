// Measures what a quantized model lost, holds it against bounds, and puts several side by side.

#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"
#include "gguf/io/file.h"
#include "tools/cli/cli.h"
#include "tools/cli/usage.h"
#include "tools/cli/waiting_threads.h"
#include "tools/quality_commands/bounds.h"
#include "tools/quality_commands/measure.h"
#include "tools/report/quality_report.h"
#include "tools/report/render.h"

namespace gguf {
namespace {

using gguf_toolchain::QualityReport;

constexpr char kHelp[] =
    "Measures what a quantized model lost, holds it against bounds, and puts several side by "
    "side.\n"
    "Example: quality measure -m model-Q4_K_M.gguf --against model-f16.gguf -o figures.json";

struct QualityFlags {
  MeasureOptions measure;
  std::vector<std::string> figures;
  std::vector<std::string> outputs;
  std::vector<std::vector<std::string>> bounds;  // per row of BoundRows
  bool force = false;
  CommonOptions common;
};

absl::Status WriteText(const std::string& path, const std::string& text, bool replace) {
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<OutputFile> file,
                        OutputFile::Create(path, text.size(), {replace}));
  GGUF_RETURN_IF_ERROR(file->Write(
      0, absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(text.data()), text.size())));
  return file->Commit();
}

template <typename Result>
absl::Status Print(const Result& result, const CommonOptions& common,
                   std::string (*to_text)(const Result&)) {
  if (common.json) {
    GGUF_ASSIGN_OR_RETURN(const std::string json, ToJson(result));
    return PrintResult(json);
  }
  return common.quiet ? absl::OkStatus() : PrintResult(to_text(result));
}

QualityReport ReportOf(std::vector<gguf_toolchain::QualityResult> models) {
  QualityReport report;
  report.set_schema_version(kSchemaVersion);
  for (auto& model : models) *report.add_models() = std::move(model);
  return report;
}

std::string MeasureText(const gguf_toolchain::QualityResult& result) {
  return ToText(ReportOf({result}));
}

absl::Status RunMeasure(const QualityFlags& flags) {
  GGUF_ASSIGN_OR_RETURN(const auto result, MeasureQuality(flags.measure, flags.common));
  if (!flags.outputs.empty()) {
    GGUF_ASSIGN_OR_RETURN(const std::string json, ToJson(result));
    GGUF_RETURN_IF_ERROR(WriteText(flags.outputs[0], json, flags.force));
  }
  return Print(result, flags.common, MeasureText);
}

absl::Status RunCheck(const QualityFlags& flags) {
  std::vector<GivenBound> bounds;
  for (size_t i = 0; i < flags.bounds.size(); ++i) {
    for (const std::string& text : flags.bounds[i]) bounds.push_back({&BoundRows()[i], text});
  }
  if (bounds.empty()) return UsageError("expected a bound, such as --max-kl 0.01");
  GGUF_ASSIGN_OR_RETURN(const auto figures, ReadQuality(flags.figures[0]));
  GGUF_ASSIGN_OR_RETURN(const auto check, CheckBounds(figures, bounds));
  GGUF_RETURN_IF_ERROR(Print(check, flags.common, CheckText));
  return check.is_met() ? absl::OkStatus() : FoundDifferences();
}

absl::Status RunReport(const QualityFlags& flags) {
  std::vector<gguf_toolchain::QualityResult> models;
  for (const std::string& path : flags.figures) {
    GGUF_ASSIGN_OR_RETURN(auto model, ReadQuality(path));
    models.push_back(std::move(model));
  }
  const QualityReport report = ReportOf(std::move(models));
  std::vector<std::string> texts;
  for (const std::string& path : flags.outputs) {
    GGUF_ASSIGN_OR_RETURN(std::string text, RenderReport(report, path));
    texts.push_back(std::move(text));
  }
  for (size_t i = 0; i < texts.size(); ++i) {
    GGUF_RETURN_IF_ERROR(WriteText(flags.outputs[i], texts[i], flags.force));
  }
  return Print(report, flags.common, ToText);
}

void AddOutput(CLI::App* app, const char* help, QualityFlags* flags) {
  app->add_option("-o,--output", flags->outputs, help)->type_name("FILE");
  app->add_flag("--force", flags->force, "replace existing outputs");
}

void AddMeasureOptions(CLI::App* app, QualityFlags* flags) {
  MeasureOptions& measure = flags->measure;
  app->add_option("-m,--model", measure.model, "GGUF file, any shard of a split one")
      ->required()
      ->type_name("FILE");
  app->add_option("--against", measure.against,
                  "checkpoint (folder, archive) or GGUF that it was made from")
      ->required()
      ->type_name("PATH");
  CLI::Option* base =
      app->add_option("--base", measure.base,
                      "base file of 'evaluate logits -f', for the divergence [not measured]")
          ->type_name("FILE");
  app->add_option("-f,--file", measure.text, "check that the base was made of this text")
      ->type_name("TEXT")
      ->needs(base);
  AddOutput(app, "figures as JSON, for check and report", flags);
  app->get_option("--output")->expected(1);
}

void AddCheckOptions(CLI::App* app, QualityFlags* flags) {
  app->add_option("FIGURES", flags->figures, "of 'quality measure -o'")->required()->expected(1);
  for (size_t i = 0; i < BoundRows().size(); ++i) {
    const BoundRow& row = BoundRows()[i];
    CLI::Option* option = app->add_option(row.option, flags->bounds[i], row.help);
    option->type_name(row.of_tensors ? "[PATTERN=]NUMBER" : row.is_size ? "SIZE" : "NUMBER");
    // One value each time it is given, or the figures' name would be taken for another.
    option->allow_extra_args(false);
    if (!row.of_tensors) option->expected(1);
  }
}

void AddReportOptions(CLI::App* app, QualityFlags* flags) {
  app->add_option("FIGURES", flags->figures, "of 'quality measure -o', one per model")->required();
  AddOutput(app, "also write the report, to a .json, .md or .html file; repeatable", flags);
  app->get_option("--output")->allow_extra_args(false);
}

struct Command {
  const char* name;
  const char* help;
  void (*add_options)(CLI::App*, QualityFlags*);
  absl::Status (*run)(const QualityFlags&);
};

constexpr Command kCommands[] = {
    {"measure", "size, errors per tensor, divergence and perplexity of one model",
     AddMeasureOptions, RunMeasure},
    {"check", "figures against bounds; exit status 1 when one is missed", AddCheckOptions,
     RunCheck},
    {"report", "figures of several models side by side", AddReportOptions, RunReport},
};

}  // namespace
}  // namespace gguf

int main(int argc, char** argv) {
  gguf::LetWaitingThreadsSleep(argv);
  CLI::App app(gguf::kHelp, "quality");
  app.set_version_flag("--version", absl::StrCat("quality ", gguf::kVersion));
  gguf::QualityFlags flags;
  flags.bounds.resize(gguf::BoundRows().size());
  for (const gguf::Command& command : gguf::kCommands) {
    CLI::App* sub = app.add_subcommand(command.name, command.help);
    command.add_options(sub, &flags);
    gguf::AddCommonOptions(sub, /*has_json=*/true, gguf::kNothingVerbose, &flags.common);
  }
  return gguf::RunTool(&app, argc, argv, &flags.common, [&]() -> absl::Status {
    for (const gguf::Command& command : gguf::kCommands) {
      if (app.got_subcommand(command.name)) return command.run(flags);
    }
    return gguf::UsageError(gguf::NoCommand(app));
  });
}
