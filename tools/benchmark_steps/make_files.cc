#include "tools/benchmark_steps/make_files.h"

#include <algorithm>
#include <memory>
#include <string>

#include "formats/open.h"
#include "gguf/base/status_macros.h"
#include "importance/data.h"
#include "quantize/plan_quantize.h"
#include "quantize/recipe.h"
#include "quantize/write.h"
#include "tools/cli/progress.h"

namespace gguf {
namespace {

void AddNew(const std::vector<std::string>& found, std::vector<std::string>* warnings) {
  for (const std::string& warning : found) {
    if (std::find(warnings->begin(), warnings->end(), warning) == warnings->end()) {
      warnings->push_back(warning);
    }
  }
}

}  // namespace

absl::Status MakeFiles(const BenchmarkRequest& request, absl::Span<const Candidate> candidates,
                       bool replace, std::vector<std::string>* warnings) {
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<TensorSource> source,
                        OpenSource(request.model.model, {}));
  ImportanceData importance;
  if (!request.imatrix.empty()) {
    GGUF_ASSIGN_OR_RETURN(importance, ReadImportance(request.imatrix));
  }
  QuantizeOptions options;
  options.effort = request.effort;
  options.allow_requantize = request.allow_requantize;
  std::vector<Plan> plans;
  for (const Candidate& candidate : candidates) {
    GGUF_ASSIGN_OR_RETURN(const Recipe* recipe, ParseRecipe(candidate.type));
    GGUF_ASSIGN_OR_RETURN(Plan plan,
                          PlanQuantization(*source, recipe, options,
                                           importance.entries.empty() ? nullptr : &importance));
    AddNew(plan.warnings, warnings);
    plans.push_back(std::move(plan));
  }
  AddNew(source->warnings(), warnings);
  std::vector<WriteRequest> outputs;
  uint64_t bytes = 0;
  for (size_t i = 0; i < plans.size(); ++i) {
    outputs.push_back({&plans[i], candidates[i].path});
    bytes = std::max(bytes, plans[i].source_bytes());
  }
  ProgressBar progress("quantize", bytes, request.common.progress, request.common.quiet);
  WriteOptions write;
  write.replace = replace;
  write.threads = request.common.threads;
  write.progress = &progress;
  write.cancelled = &Interrupted();
  return WriteOutputs(*source, outputs, write).status();
}

}  // namespace gguf
