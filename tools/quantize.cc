// Quantizes a GGUF or a Hugging Face checkpoint into one or several schemes.

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "formats/open.h"
#include "gguf/base/status_macros.h"
#include "gguf/io/file.h"
#include "importance/data.h"
#include "quantize/override.h"
#include "quantize/plan_quantize.h"
#include "quantize/prune.h"
#include "quantize/recipe.h"
#include "tools/cli/checkpoint_options.h"
#include "tools/cli/cli.h"
#include "tools/cli/write_command.h"

namespace gguf {
namespace {

constexpr char kHelp[] =
    "Quantizes a GGUF file (any shard of a split one) or a Hugging Face checkpoint folder.\n"
    "Example: quantize --type Q5_K_M path/to/checkpoint model-{type}.gguf\n"
    "The positional form of llama-quantize works too: quantize INPUT [OUTPUT] TYPE [THREADS]";
constexpr uint64_t kMaxTypeFileBytes = uint64_t{16} << 20;

struct Flags {
  CommonOptions common;
  WriteCommandOptions write;
  std::string input, output;
  std::string word3, word4;  // of the positional form
  std::vector<std::string> types;
  std::string effort = "standard";
  std::string imatrix;
  std::vector<std::string> include_weights, exclude_weights;
  std::string output_tensor_type, token_embedding_type;
  std::vector<std::string> tensor_types;
  std::string tensor_type_file;
  std::string prune_layers;
  std::vector<std::string> overrides;
  OpenOptions open;
  QuantizeOptions options;
};

void AddOptions(CLI::App* app, Flags* flags) {
  app->add_option("INPUT", flags->input, "GGUF file or checkpoint folder")
      ->required()
      ->type_name("");
  app->add_option("OUTPUT", flags->output, "[<INPUT>-{type}.gguf]")->type_name("");
  app->add_option("TYPE", flags->word3, "only without --type")->type_name("");
  app->add_option("THREADS", flags->word4, "only without --type")->type_name("");
  app->add_option("--type", flags->types, "TYPE[,TYPE...]: Q4_K_M, Q8_0, ..., COPY")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("TYPE");
  app->add_option("--effort", flags->effort,
                  "reference (the bytes of llama-quantize), standard (lower error) or max (lowest)")
      ->check(CLI::IsMember({"reference", "standard", "max"}))
      ->capture_default_str();
  app->add_option("--imatrix", flags->imatrix, "importance matrix, GGUF or legacy")
      ->type_name("FILE");
  auto* include = app->add_option("--include-weights", flags->include_weights,
                                  "use only importance entries whose name contains TEXT")
                      ->allow_extra_args(false);
  app->add_option("--exclude-weights", flags->exclude_weights,
                  "ignore importance entries whose name contains TEXT")
      ->allow_extra_args(false)
      ->excludes(include);
  app->add_option("--output-tensor-type", flags->output_tensor_type, "type of output.weight");
  app->add_option("--token-embedding-type", flags->token_embedding_type,
                  "type of the token embeddings");
  app->add_option("--tensor-type", flags->tensor_types,
                  "PATTERN=TYPE: type of tensors whose name matches a regular expression")
      ->allow_extra_args(false);
  app->add_option("--tensor-type-file", flags->tensor_type_file,
                  "the same entries in a file, separated by white space")
      ->type_name("FILE");
  app->add_flag("--pure", flags->options.recipe.pure, "one type for all matrices, no mixture");
  app->add_flag("--leave-output-tensor", flags->options.recipe.leave_output_tensor,
                "keep output.weight as it is");
  app->add_flag("--allow-requantize", flags->options.allow_requantize,
                "accept tensors that are quantized already");
  auto* keep_split =
      app->add_flag("--keep-split", flags->options.keep_split, "one output shard per input shard");
  app->add_option("--prune-layers", flags->prune_layers, "layers to drop: 3,5,20");
  app->add_option("--override-kv", flags->overrides,
                  "KEY=TYPE:VALUE (int, float, bool, str) in the output's metadata")
      ->allow_extra_args(false);
  AddCheckpointOptions(app, &flags->open);
  AddWriteOptions(app, &flags->write);
  keep_split->excludes("--split-max-size", "--split-max-tensors", "--no-tensor-first-split");
  AddCommonOptions(app, /*has_json=*/true, &flags->common);
}

// A value the user typed: whatever is wrong with it is wrong usage.
template <typename T>
absl::StatusOr<T> Typed(absl::string_view option, absl::StatusOr<T> parsed) {
  if (parsed.ok()) return parsed;
  if (absl::StartsWith(parsed.status().message(), option)) {
    return UsageError(parsed.status().message());
  }
  return UsageError(absl::StrCat(option, ": ", parsed.status().message()));
}

bool IsTypeName(absl::string_view text) {
  return absl::EqualsIgnoreCase(text, "COPY") || ParseRecipe(text).ok();
}

// INPUT [OUTPUT] TYPE [THREADS] when --type is absent.
absl::Status TakePositionalType(Flags* flags) {
  std::string threads = flags->word4;
  std::string type = flags->word3;
  if (IsTypeName(flags->output)) {  // no OUTPUT
    if (!threads.empty()) return UsageError(absl::StrCat("'", threads, "' is one word too many"));
    threads = type;
    type = std::move(flags->output);
    flags->output.clear();
  } else if (type.empty()) {
    type = flags->output;
  }
  if (type.empty()) return UsageError("no type given; use --type Q5_K_M, or see --help");
  if (!IsTypeName(type)) {
    return UsageError(absl::StrCat("no --type given, and '", type,
                                   "' is none: ", ParseRecipe(type).status().message()));
  }
  flags->types = {type};
  if (threads.empty()) return absl::OkStatus();
  int count = 0;
  if (!absl::SimpleAtoi(threads, &count) || count < 0) {
    return UsageError(absl::StrCat("'", threads, "': expected a number of threads"));
  }
  if (count > 0) flags->common.threads = count;
  return absl::OkStatus();
}

absl::Status ParseTypeOptions(const Flags& flags, RecipeOptions* recipe) {
  if (!flags.output_tensor_type.empty()) {
    GGUF_ASSIGN_OR_RETURN(recipe->output_tensor_type,
                          Typed("--output-tensor-type", ParseTensorType(flags.output_tensor_type)));
  }
  if (!flags.token_embedding_type.empty()) {
    GGUF_ASSIGN_OR_RETURN(
        recipe->token_embedding_type,
        Typed("--token-embedding-type", ParseTensorType(flags.token_embedding_type)));
  }
  for (const std::string& text : flags.tensor_types) {
    GGUF_ASSIGN_OR_RETURN(TensorTypeRule rule, Typed("--tensor-type", ParseTensorTypeRule(text)));
    recipe->tensor_types.push_back(std::move(rule));
  }
  if (flags.tensor_type_file.empty()) return absl::OkStatus();
  GGUF_ASSIGN_OR_RETURN(const std::string text,
                        ReadFileToString(flags.tensor_type_file, kMaxTypeFileBytes));
  GGUF_ASSIGN_OR_RETURN(const std::vector<TensorTypeRule> rules,
                        ParseTensorTypeRules(text, flags.tensor_type_file));
  recipe->tensor_types.insert(recipe->tensor_types.end(), rules.begin(), rules.end());
  return absl::OkStatus();
}

absl::Status ParseOptions(Flags* flags) {
  if (flags->types.empty()) {
    GGUF_RETURN_IF_ERROR(TakePositionalType(flags));
  } else if (!flags->word3.empty()) {
    return UsageError(
        absl::StrCat("'", flags->word3, "': beside --type, expected INPUT and at most one OUTPUT"));
  }
  absl::flat_hash_set<std::string> seen;
  for (const std::string& type : flags->types) {
    if (!seen.insert(absl::AsciiStrToUpper(type)).second) {
      return UsageError(absl::StrCat("--type: ", type, " is named twice"));
    }
    if (!absl::EqualsIgnoreCase(type, "COPY")) {
      GGUF_RETURN_IF_ERROR(Typed("--type", ParseRecipe(type)).status());
    }
  }
  const bool has_filter = !flags->include_weights.empty() || !flags->exclude_weights.empty();
  if (has_filter && flags->imatrix.empty()) {
    return UsageError("--include-weights and --exclude-weights filter what --imatrix FILE gives");
  }
  GGUF_RETURN_IF_ERROR(ParseTypeOptions(*flags, &flags->options.recipe));
  if (!flags->prune_layers.empty()) {
    GGUF_ASSIGN_OR_RETURN(flags->options.prune_layers,
                          Typed("--prune-layers", ParseLayerList(flags->prune_layers)));
  }
  for (const std::string& text : flags->overrides) {
    GGUF_ASSIGN_OR_RETURN(auto entry, Typed("--override-kv", ParseOverride(text)));
    flags->options.overrides.push_back(std::move(entry));
  }
  flags->options.effort = *ParseEffort(flags->effort);
  flags->options.dry_run = flags->write.dry_run;
  GGUF_ASSIGN_OR_RETURN(flags->options.split, ParseSplitOptions(flags->write));
  return absl::OkStatus();
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

absl::Status Quantize(Flags* flags) {
  GGUF_RETURN_IF_ERROR(ParseOptions(flags));
  GGUF_RETURN_IF_ERROR(CheckCheckpointOptions(flags->input, flags->open));
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<TensorSource> source,
                        OpenSource(flags->input, flags->open));
  ImportanceData importance;
  if (!flags->imatrix.empty()) {
    GGUF_ASSIGN_OR_RETURN(importance, ReadImportance(flags->imatrix));
    FilterImportance(flags->include_weights, flags->exclude_weights, &importance);
    if (importance.entries.empty()) {
      PrintWarnings({absl::StrCat("no entry of ", flags->imatrix,
                                  " is left by --include-weights and --exclude-weights: quantizing "
                                  "without importance data")},
                    flags->common);
    }
  }
  std::vector<Plan> plans;
  for (const std::string& type : flags->types) {
    flags->options.recipe.copy = absl::EqualsIgnoreCase(type, "COPY");
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
  const std::string output = flags->output.empty() ? DefaultOutput(flags->input) : flags->output;
  return RunWriteCommand(*source, plans, "quantize", output, flags->write, flags->common);
}

}  // namespace
}  // namespace gguf

int main(int argc, char** argv) {
  CLI::App app(gguf::kHelp, "quantize");
  gguf::Flags flags;
  gguf::AddOptions(&app, &flags);
  return gguf::RunTool(&app, argc, argv, &flags.common, [&] { return gguf::Quantize(&flags); });
}
