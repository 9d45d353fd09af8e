#include "tools/quantize_plan.h"

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"
#include "quantize/recipe.h"

namespace gguf {
namespace {

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

}  // namespace

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

absl::StatusOr<Plan> PlanType(const TensorSource& source, const std::string& type,
                              const ImportanceData& importance, QuantizeOptions options) {
  options.recipe.copy = IsCopy(type);
  const Recipe* recipe = nullptr;
  if (!options.recipe.copy) {
    GGUF_ASSIGN_OR_RETURN(recipe, ParseRecipe(type));
  }
  return PlanQuantization(source, recipe, options,
                          importance.entries.empty() ? nullptr : &importance);
}

}  // namespace gguf
