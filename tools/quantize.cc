// Quantizes a GGUF or a Hugging Face checkpoint into one or several schemes.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "formats/open.h"
#include "gguf/base/status_macros.h"
#include "importance/data.h"
#include "tools/cli/checkpoint_options.h"
#include "tools/cli/cli.h"
#include "tools/cli/waiting_threads.h"
#include "tools/cli/write_command.h"
#include "tools/job/run_job.h"
#include "tools/quantize_options.h"
#include "tools/quantize_plan.h"
#include "tools/quantize_tower.h"

namespace gguf {
namespace {

constexpr char kHelp[] =
    "Quantizes a GGUF file (any shard of a split one) or a Hugging Face checkpoint folder.\n"
    "Example: quantize --type Q5_K_M path/to/checkpoint model-{type}.gguf\n"
    "The positional form of llama-quantize works too: quantize INPUT [OUTPUT] TYPE [THREADS]";

bool IsJob(int argc, char** argv) {
  return std::any_of(argv, argv + argc, [](absl::string_view word) {
    return word == "--job" || absl::StartsWith(word, "--job=");
  });
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
  if (!flags->job.empty()) {
    GGUF_RETURN_IF_ERROR(CheckJobOptions(app));
    return RunJob(flags->job, flags->write, flags->common);
  }
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
    GGUF_ASSIGN_OR_RETURN(Plan plan, PlanType(*source, type, importance, flags->options));
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
  if (gguf::IsJob(argc, argv)) gguf::LetWaitingThreadsSleep(argv);  // may run models
  CLI::App app(gguf::kHelp, "quantize");
  gguf::QuantizeFlags flags;
  gguf::AddQuantizeOptions(&app, &flags);
  gguf::AddTowerOptions(&app, &flags);
  return gguf::RunTool(&app, argc, argv, &flags.common,
                       [&] { return gguf::Quantize(app, &flags); });
}
