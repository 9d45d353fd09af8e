#include "tools/quantize_options.h"

#include <algorithm>
#include <cstdint>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gguf/base/status_macros.h"
#include "gguf/io/file.h"
#include "quantize/override.h"
#include "quantize/prune.h"
#include "quantize/recipe.h"
#include "tools/cli/checkpoint_options.h"

namespace gguf {
namespace {

constexpr uint64_t kMaxTypeFileBytes = uint64_t{16} << 20;

void AddImportanceOptions(CLI::App* app, QuantizeFlags* flags) {
  CLI::Option* imatrix =
      app->add_option("--imatrix", flags->imatrix, "importance matrix, GGUF or legacy")
          ->type_name("FILE");
  CLI::Option* include = app->add_option("--include-weights", flags->include_weights,
                                         "use only importance entries whose name contains TEXT")
                             ->allow_extra_args(false)
                             ->type_name("TEXT")
                             ->needs(imatrix);
  app->add_option("--exclude-weights", flags->exclude_weights,
                  "ignore importance entries whose name contains TEXT")
      ->allow_extra_args(false)
      ->type_name("TEXT")
      ->needs(imatrix)
      ->excludes(include);
}

void AddTensorTypeOptions(CLI::App* app, QuantizeFlags* flags) {
  CLI::Option* output =
      app->add_option("--output-tensor-type", flags->output_tensor_type, "type of output.weight")
          ->type_name("TYPE");
  app->add_option("--token-embedding-type", flags->token_embedding_type,
                  "type of the token embeddings")
      ->type_name("TYPE");
  app->add_option("--tensor-type", flags->tensor_types,
                  "PATTERN=TYPE: type of tensors in whose name a regular expression (Perl's "
                  "syntax) is found")
      ->allow_extra_args(false)
      ->type_name("TEXT");
  app->add_option("--tensor-type-file", flags->tensor_type_file,
                  "the same entries in a file, separated by white space")
      ->type_name("FILE");
  app->add_flag("--pure", flags->options.recipe.pure, "one type for all matrices, no mixture");
  app->add_flag("--leave-output-tensor", flags->options.recipe.leave_output_tensor,
                "keep output.weight as it is")
      ->excludes(output);
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

bool IsTypeName(absl::string_view text) { return IsCopy(text) || ParseRecipe(text).ok(); }

absl::Status TakeThreads(const CLI::App& app, const std::string& word, CommonOptions* common) {
  if (app.count("--threads") > 0) {
    return UsageError(absl::StrCat("'", word, "': --threads gives the number of threads already"));
  }
  int count = 0;
  if (!absl::SimpleAtoi(word, &count) || count < 0) {
    return UsageError(absl::StrCat("'", word, "': expected a number of threads"));
  }
  if (count > 0) common->threads = count;
  return absl::OkStatus();
}

// INPUT [OUTPUT] TYPE [THREADS] when --type is absent.
absl::Status TakePositionalType(const CLI::App& app, QuantizeFlags* flags) {
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
  return threads.empty() ? absl::OkStatus() : TakeThreads(app, threads, &flags->common);
}

absl::Status ParseTypes(const CLI::App& app, QuantizeFlags* flags) {
  if (flags->types.empty()) {
    GGUF_RETURN_IF_ERROR(TakePositionalType(app, flags));
  } else if (!flags->word3.empty()) {
    return UsageError(
        absl::StrCat("'", flags->word3, "': beside --type, expected INPUT and at most one OUTPUT"));
  }
  absl::flat_hash_set<std::string> seen;
  for (const std::string& type : flags->types) {
    std::string name = "COPY";
    if (!IsCopy(type)) {
      GGUF_ASSIGN_OR_RETURN(const Recipe* recipe, Typed("--type", ParseRecipe(type)));
      name = std::string(recipe->name);
    }
    if (!seen.insert(name).second) {
      return UsageError(absl::StrCat("--type: ", name, " is named twice"));
    }
  }
  return absl::OkStatus();
}

absl::Status ParseTensorTypes(const QuantizeFlags& flags, RecipeOptions* recipe) {
  if (!flags.output_tensor_type.empty()) {
    GGUF_ASSIGN_OR_RETURN(recipe->output_tensor_type,
                          Typed("--output-tensor-type", ParseWeightType(flags.output_tensor_type)));
  }
  if (!flags.token_embedding_type.empty()) {
    GGUF_ASSIGN_OR_RETURN(
        recipe->token_embedding_type,
        Typed("--token-embedding-type", ParseWeightType(flags.token_embedding_type)));
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

absl::Status ParseOverrides(const std::vector<std::string>& texts, QuantizeOptions* options) {
  absl::flat_hash_set<std::string> seen;
  for (const std::string& text : texts) {
    GGUF_ASSIGN_OR_RETURN(auto entry, Typed("--override-kv", ParseOverride(text)));
    if (!seen.insert(entry.first).second) {
      return UsageError(absl::StrCat("--override-kv: ", entry.first, " is given two values"));
    }
    options->overrides.push_back(std::move(entry));
  }
  return absl::OkStatus();
}

// Options that ask for something that certain types do not do. What such a type does by itself
// (COPY leaves the output tensor, F16 is pure) may be asked for.
struct IdleOption {
  const char* name;
  bool with_plain_types;  // idle with F32, F16 and BF16, too
};
constexpr IdleOption kIdleOptions[] = {
    {"--tensor-type", true},
    {"--tensor-type-file", true},
    {"--output-tensor-type", false},
    {"--token-embedding-type", false},
    {"--pure", false},
    {"--effort", false},
    {"--imatrix", false},
};

// What goes with --job: how to work, not what to make.
constexpr absl::string_view kBesideJob[] = {
    "--job",     "--force",      "--dry-run",      "--verify", "--resume",
    "--report",  "--provenance", "--memory-limit", "--quiet",  "--verbose",
    "--threads", "--progress",   "--json",         "--help",   "--version"};

}  // namespace

bool IsCopy(absl::string_view type) { return absl::EqualsIgnoreCase(type, "COPY"); }

void AddQuantizeOptions(CLI::App* app, QuantizeFlags* flags) {
  app->add_option("INPUT", flags->input, "GGUF file or checkpoint folder")->type_name("");
  app->add_option("OUTPUT", flags->output, "[<INPUT>-{type}.gguf]")->type_name("");
  app->add_option("TYPE", flags->word3, "only without --type")->type_name("");
  app->add_option("THREADS", flags->word4, "only without --type")->type_name("");
  app->add_option("--type", flags->types, "TYPE[,TYPE...]: Q4_K_M, Q8_0, ..., COPY")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("TYPE");
  app->add_option("--effort", flags->effort,
                  "reference (the bytes of llama-quantize), standard (lower error) or max (lowest)")
      ->transform(CLI::IsMember({"reference", "standard", "max"}, CLI::ignore_case))
      ->capture_default_str();
  app->add_option("--device", flags->device, "where codes are searched for")
      ->check(CLI::IsMember({"cpu", "cuda"}))
      ->capture_default_str();
  AddImportanceOptions(app, flags);
  AddTensorTypeOptions(app, flags);
  app->add_flag("--allow-requantize", flags->options.allow_requantize,
                "accept tensors that are quantized already");
  CLI::Option* keep_split =
      app->add_flag("--keep-split", flags->options.keep_split, "one output shard per input shard");
  app->add_option("--prune-layers", flags->prune_layers, "layers to drop: 3,5,20");
  app->add_option("--override-kv", flags->overrides,
                  "KEY=TYPE:VALUE (int, float, bool, str) in the output's metadata")
      ->allow_extra_args(false);
  AddCheckpointOptions(app, &flags->open);
  app->add_option(
         "--job", flags->job,
         "make what a file says (tools/job/job.proto): sources, many outputs, their limits")
      ->type_name("FILE");
  AddWriteOptions(app, &flags->write);
  keep_split->excludes("--split-max-size", "--split-max-tensors", "--no-tensor-first-split");
  AddCommonOptions(app, /*has_json=*/true, kLinePerTensor, &flags->common);
}

absl::Status CheckIdleOptions(const std::function<bool(const char*)>& is_given,
                              const std::vector<std::string>& types) {
  const bool is_copy = std::all_of(types.begin(), types.end(), IsCopy);
  const bool is_plain = std::all_of(types.begin(), types.end(), [](const std::string& type) {
    return IsCopy(type) || !(*ParseRecipe(type))->is_quantized;
  });
  for (const IdleOption& option : kIdleOptions) {
    if (!is_copy && !(is_plain && option.with_plain_types)) continue;
    if (!is_given(option.name)) continue;
    return UsageError(absl::StrCat(
        option.name, " has no effect with ", absl::AsciiStrToUpper(absl::StrJoin(types, ", ")),
        is_copy ? ", which keeps every tensor as it is" : ", which has one type for all matrices",
        "; leave it out, or choose another type"));
  }
  return absl::OkStatus();
}

absl::Status CheckJobOptions(const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->count() == 0) continue;
    const std::string name =
        option->get_positional() ? option->get_name() : "--" + option->get_lnames()[0];
    if (std::find(std::begin(kBesideJob), std::end(kBesideJob), name) != std::end(kBesideJob)) {
      continue;
    }
    return UsageError(absl::StrCat(name, " does not go with --job, whose file says what to make"));
  }
  return absl::OkStatus();
}

absl::Status ParseQuantizeValues(QuantizeFlags* flags) {
  GGUF_RETURN_IF_ERROR(ParseTensorTypes(*flags, &flags->options.recipe));
  if (!flags->prune_layers.empty()) {
    GGUF_ASSIGN_OR_RETURN(flags->options.prune_layers,
                          Typed("--prune-layers", ParseLayerList(flags->prune_layers)));
  }
  GGUF_RETURN_IF_ERROR(ParseOverrides(flags->overrides, &flags->options));
  const absl::optional<Effort> effort = ParseEffort(flags->effort);
  if (!effort.has_value()) {
    return UsageError(
        absl::StrCat("--effort: expected reference, standard or max, found '", flags->effort, "'"));
  }
  flags->options.effort = *effort;
  flags->options.dry_run = flags->write.dry_run;
  GGUF_ASSIGN_OR_RETURN(flags->options.split, ParseSplitOptions(flags->write));
  return absl::OkStatus();
}

absl::Status ParseQuantizeFlags(const CLI::App& app, QuantizeFlags* flags) {
  if (flags->input.empty()) return UsageError("INPUT is required, or --job FILE; see --help");
  if (flags->device != "cpu") {
    return absl::UnimplementedError(
        "--device cuda: no type's search for codes has device kernels yet; leave it out, the CPU "
        "does all types");
  }
  GGUF_RETURN_IF_ERROR(ParseTypes(app, flags));
  GGUF_RETURN_IF_ERROR(CheckValuesGiven(app));
  GGUF_RETURN_IF_ERROR(
      CheckIdleOptions([&](const char* name) { return app.count(name) > 0; }, flags->types));
  return ParseQuantizeValues(flags);
}

}  // namespace gguf
