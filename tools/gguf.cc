// Looks into GGUF files, checks and compares them, cuts, joins and changes them.

#include <sys/resource.h>

#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "gguf/base/sizes.h"
#include "gguf/base/status_macros.h"
#include "gguf/reader.h"
#include "tools/cli/cli.h"
#include "tools/gguf_commands/diff.h"
#include "tools/gguf_commands/edit.h"
#include "tools/gguf_commands/inspect.h"
#include "tools/gguf_commands/verify.h"
#include "tools/report/render.h"

namespace gguf {
namespace {

constexpr char kHelp[] =
    "Looks into GGUF files, checks and compares them, cuts, joins and changes them.\n"
    "Example: gguf inspect --tensors model.gguf";

struct Flags {
  CommonOptions common;
  std::string input, output;  // or A and B, SHARD and OUT, IN and PREFIX
  std::vector<std::string> keys;
  bool tensors = false;
  std::string key_pattern;
  bool hash = false;
  std::string split_max_size;
  uint64_t split_max_tensors = 0;
  bool no_tensor_first_split = false;
  EditFlags edit;
};

// One document on standard output: JSON with --json, else text unless --quiet.
template <typename Result, typename ToText>
absl::Status Print(const Result& result, const CommonOptions& common, ToText to_text) {
  if (common.json) {
    GGUF_ASSIGN_OR_RETURN(const std::string json, ToJson(result));
    std::fputs(json.c_str(), stdout);
  } else if (!common.quiet) {
    std::fputs(to_text(result).c_str(), stdout);
  }
  return absl::OkStatus();
}

absl::Status RunInspect(const Flags& flags) {
  GGUF_ASSIGN_OR_RETURN(const GgufModel model, GgufModel::Open(flags.input));
  const bool is_full = flags.common.verbose;
  absl::StatusOr<gguf_toolchain::InspectResult> result =
      Inspect(model, flags.key_pattern, is_full ? ~size_t{0} : 8);
  if (!result.ok()) return UsageError(absl::StrCat("--keys: ", result.status().message()));
  if (!flags.common.json) {
    PrintWarnings({result->warnings().begin(), result->warnings().end()}, flags.common);
  }
  InspectTextOptions text;
  text.tensors = flags.tensors;
  if (is_full || !flags.key_pattern.empty()) text.max_value_bytes = ~size_t{0};
  return Print(*result, flags.common, [&](const auto& r) { return InspectText(r, text); });
}

absl::Status RunVerify(const Flags& flags) {
  GGUF_ASSIGN_OR_RETURN(const auto result, Verify(flags.input, flags.hash, flags.common));
  GGUF_RETURN_IF_ERROR(Print(result, flags.common, VerifyText));
  return result.is_valid() ? absl::OkStatus() : FoundDifferences();
}

absl::Status RunDiff(const Flags& flags) {
  GGUF_ASSIGN_OR_RETURN(const auto result, Diff(flags.input, flags.output, flags.common));
  GGUF_RETURN_IF_ERROR(Print(result, flags.common, DiffText));
  return result.is_equal() ? absl::OkStatus() : FoundDifferences();
}

absl::Status RunSplit(const Flags& flags) {
  SplitOptions split;
  split.max_tensors = flags.split_max_tensors;
  split.no_tensor_first_split = flags.no_tensor_first_split;
  if (!flags.split_max_size.empty()) {
    const absl::StatusOr<uint64_t> bytes = ParseSize(flags.split_max_size);
    if (!bytes.ok() || *bytes == 0) {
      return UsageError(absl::StrCat("--split-max-size: '", flags.split_max_size,
                                     "' is no size above 0, such as 2G or 512MiB"));
    }
    split.max_bytes = *bytes;
  }
  return Split(flags.input, flags.output, split, flags.edit, flags.common);
}

absl::Status RunMerge(const Flags& flags) {
  return Merge(flags.input, flags.output, flags.edit, flags.common);
}

absl::Status RunSet(const Flags& flags) {
  return EditKeys(flags.input, flags.output, flags.keys, {}, flags.edit, flags.common);
}

absl::Status RunRemove(const Flags& flags) {
  return EditKeys(flags.input, flags.output, {}, flags.keys, flags.edit, flags.common);
}

void AddInspectOptions(CLI::App* app, Flags* flags) {
  app->add_option("FILE", flags->input, "GGUF file, any shard of a split one")->required();
  app->add_flag("--tensors", flags->tensors, "a line per tensor");
  app->add_option("--keys", flags->key_pattern, "only keys that match, with their whole values")
      ->type_name("REGEX");
}

void AddVerifyOptions(CLI::App* app, Flags* flags) {
  app->add_option("FILE", flags->input, "GGUF file, any shard of a split one")->required();
  app->add_flag("--hash", flags->hash, "print SHA-256 of each tensor's data and of each file");
}

void AddDiffOptions(CLI::App* app, Flags* flags) {
  app->add_option("A", flags->input, "GGUF file or checkpoint folder")->required();
  app->add_option("B", flags->output, "GGUF file or checkpoint folder")->required();
}

void AddEditOptions(CLI::App* app, Flags* flags) {
  app->add_flag("--force", flags->edit.force, "replace existing outputs");
  app->add_flag("--dry-run", flags->edit.dry_run, "print files and exact sizes, write nothing");
}

void AddSplitOptions(CLI::App* app, Flags* flags) {
  app->add_option("IN", flags->input, "GGUF file")->required();
  app->add_option("PREFIX", flags->output, "shards are PREFIX-00001-of-0000N.gguf")->required();
  CLI::Option* size = app->add_option("--split-max-size", flags->split_max_size,
                                      "tensor data per shard, such as 2G")
                          ->type_name("SIZE");
  app->add_option("--split-max-tensors", flags->split_max_tensors,
                  "tensors per shard [128, unless a size is given]")
      ->check(CLI::PositiveNumber)
      ->excludes(size);
  app->add_flag("--no-tensor-first-split", flags->no_tensor_first_split,
                "the first shard holds metadata only");
  AddEditOptions(app, flags);
}

void AddMergeOptions(CLI::App* app, Flags* flags) {
  app->add_option("SHARD", flags->input, "any shard of the set")->required();
  app->add_option("OUT", flags->output, "the one file to write")->required();
  AddEditOptions(app, flags);
}

void AddSetOptions(CLI::App* app, Flags* flags) {
  app->add_option("FILE", flags->input, "GGUF file")->required();
  app->add_option("KEY=TYPE:VALUE", flags->keys,
                  "such as general.name=string:Tiny; types: uint8 to int64, float32, float64, "
                  "bool, string; TYPE[] for arrays, elements separated by commas")
      ->required();
  app->add_option("-o,--output", flags->output, "file to write [FILE is replaced]");
  AddEditOptions(app, flags);
}

void AddRemoveOptions(CLI::App* app, Flags* flags) {
  app->add_option("FILE", flags->input, "GGUF file")->required();
  app->add_option("KEY", flags->keys, "keys to remove")->required();
  app->add_option("-o,--output", flags->output, "file to write [FILE is replaced]");
  AddEditOptions(app, flags);
}

struct Command {
  const char* name;
  const char* help;
  bool has_json;
  void (*add_options)(CLI::App*, Flags*);
  absl::Status (*run)(const Flags&);
};

constexpr Command kCommands[] = {
    {"inspect", "metadata, tensors, totals per type", true, AddInspectOptions, RunInspect},
    {"verify", "structure and values; exit status 1 when anything is wrong", true, AddVerifyOptions,
     RunVerify},
    {"diff", "metadata, shapes, types and values; exit status 1 when they differ", true,
     AddDiffOptions, RunDiff},
    {"split", "one file into shards", false, AddSplitOptions, RunSplit},
    {"merge", "shards into one file", false, AddMergeOptions, RunMerge},
    {"set", "add or replace metadata keys", false, AddSetOptions, RunSet},
    {"remove", "remove metadata keys", false, AddRemoveOptions, RunRemove},
};

// Every shard of a set is an open file: as many as the system allows at all.
void RaiseOpenFileLimit() {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace
}  // namespace gguf

int main(int argc, char** argv) {
  CLI::App app(gguf::kHelp, "gguf");
  app.set_version_flag("--version", absl::StrCat("gguf ", gguf::kVersion));
  gguf::Flags flags;
  for (const gguf::Command& command : gguf::kCommands) {
    CLI::App* sub = app.add_subcommand(command.name, command.help);
    command.add_options(sub, &flags);
    gguf::AddCommonOptions(sub, command.has_json, &flags.common);
  }
  gguf::RaiseOpenFileLimit();
  return gguf::RunTool(&app, argc, argv, &flags.common, [&]() -> absl::Status {
    for (const gguf::Command& command : gguf::kCommands) {
      if (app.got_subcommand(command.name)) return command.run(flags);
    }
    return gguf::UsageError("no command given; see --help");
  });
}
