// Quantizes a GGUF or a Hugging Face checkpoint into one or several schemes.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "formats/open.h"
#include "gguf/base/status_macros.h"
#include "importance/data.h"
#include "quantize/plan_quantize.h"
#include "quantize/recipe.h"
#include "tools/cli/checkpoint_options.h"
#include "tools/cli/cli.h"
#include "tools/cli/write_command.h"
#include "tools/quantize_options.h"
#include "tools/quantize_tower.h"

namespace gguf {
namespace {

constexpr char kHelp[] =
    "Quantizes a GGUF file (any shard of a split one) or a Hugging Face checkpoint folder.\n"
    "Example: quantize --type Q5_K_M path/to/checkpoint model-{type}.gguf\n"
    "The positional form of llama-quantize works too: quantize INPUT [OUTPUT] TYPE [THREADS]";

// Every filter must be found in some name: one that is not is a typing error.
absl::Status CheckFilters(absl::string_view option, const std::vector<std::string>& filters,
                          const ImportanceData& importance) {
  for (const std::string& filter : filters) {
    const bool is_used =
        std::any_of(importance.entries.begin(), importance.entries.end(),
                    [&](const auto& entry) { return absl::StrContains(entry.first, filter); });
    if (is_used) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(option, " '", filter, "' is part of no name among the ",
                     importance.entries.size(), " entries of ", importance.path,
                     " (`imatrix --in-file FILE --show-statistics` lists them)"));
  }
  return absl::OkStatus();
}

absl::StatusOr<ImportanceData> ReadFilteredImportance(const QuantizeFlags& flags) {
  GGUF_ASSIGN_OR_RETURN(ImportanceData importance, ReadImportance(flags.imatrix));
  GGUF_RETURN_IF_ERROR(CheckFilters("--include-weights", flags.include_weights, importance));
  GGUF_RETURN_IF_ERROR(CheckFilters("--exclude-weights", flags.exclude_weights, importance));
  FilterImportance(flags.include_weights, flags.exclude_weights, &importance);
  if (importance.entries.empty()) {
    PrintWarnings({absl::StrCat("no entry of ", flags.imatrix,
                                " is left by --exclude-weights: quantizing without importance "
                                "data")},
                  flags.common);
  }
  return importance;
}

// Several types of one run often have the same to say.
void RemoveRepeatedWarnings(std::vector<Plan>* plans) {
  absl::flat_hash_set<std::string> seen;
  for (Plan& plan : *plans) {
    auto& warnings = plan.warnings;
    warnings.erase(std::remove_if(warnings.begin(), warnings.end(),
                                  [&](const std::string& w) { return !seen.insert(w).second; }),
                   warnings.end());
  }
}

void WarnOfUnusedImportance(const QuantizeFlags& flags, const ImportanceData& importance,
                            const std::vector<Plan>& plans) {
  const bool is_used = std::any_of(plans.begin(), plans.end(),
                                   [](const Plan& plan) { return !plan.importance_path.empty(); });
  if (is_used || importance.entries.empty()) return;
  PrintWarnings({"--imatrix has no effect: no tensor gets a type that uses importance data"},
                flags.common);
}

absl::Status Quantize(const CLI::App& app, QuantizeFlags* flags) {
  GGUF_RETURN_IF_ERROR(ParseTowerFlags(app, flags));
  GGUF_RETURN_IF_ERROR(ParseQuantizeFlags(app, flags));
  GGUF_RETURN_IF_ERROR(CheckCheckpointOptions(flags->input, flags->open));
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<TensorSource> source,
                        OpenSource(flags->input, flags->open));
  if (IsProjectorRun(*flags)) return QuantizeProjector(*source, *flags);
  GGUF_RETURN_IF_ERROR(CheckQuantizesSomething(*source, *flags));
  ImportanceData importance;
  if (!flags->imatrix.empty()) {
    GGUF_ASSIGN_OR_RETURN(importance, ReadFilteredImportance(*flags));
  }
  std::vector<Plan> plans;
  for (const std::string& type : flags->types) {
    flags->options.recipe.copy = IsCopy(type);
    const Recipe* recipe = nullptr;
    if (!flags->options.recipe.copy) {
      GGUF_ASSIGN_OR_RETURN(recipe, ParseRecipe(type));
    }
    GGUF_ASSIGN_OR_RETURN(Plan plan,
                          PlanQuantization(*source, recipe, flags->options,
                                           importance.entries.empty() ? nullptr : &importance));
    plans.push_back(std::move(plan));
  }
  RemoveRepeatedWarnings(&plans);
  WarnOfUnusedImportance(*flags, importance, plans);
  const std::string output = flags->output.empty() ? DefaultOutput(flags->input) : flags->output;
  if (!flags->mmproj.empty()) return QuantizeWithTower(*source, plans, output, *flags);
  return RunWriteCommand(*source, plans, "quantize", output, flags->write, flags->common);
}

}  // namespace
}  // namespace gguf

int main(int argc, char** argv) {
  CLI::App app(gguf::kHelp, "quantize");
  gguf::QuantizeFlags flags;
  gguf::AddQuantizeOptions(&app, &flags);
  gguf::AddTowerOptions(&app, &flags);
  return gguf::RunTool(&app, argc, argv, &flags.common,
                       [&] { return gguf::Quantize(app, &flags); });
}
