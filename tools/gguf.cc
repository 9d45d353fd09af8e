// Looks into GGUF files, checks and compares them, cuts, joins and changes them.

#include <sys/resource.h>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "gguf/io/zstd_compress.h"
#include "tools/cli/cli.h"
#include "tools/cli/usage.h"
#include "tools/cli/waiting_threads.h"
#include "tools/gguf_commands/commands.h"

namespace gguf {
namespace {

constexpr char kHelp[] =
    "Looks into GGUF files, checks and compares them, cuts, joins and changes them.\n"
    "Example: gguf inspect --tensors model.gguf";

void AddInspectOptions(CLI::App* app, GgufFlags* flags) {
  app->add_option("FILE", flags->input, "GGUF file, any shard of a split one")->required();
  app->add_flag("--tensors", flags->tensors, "a line per tensor");
  app->add_option("--keys", flags->key_pattern, "only keys that match, with their whole values")
      ->type_name("REGEX");
  app->add_option("--device", flags->device, "also what of the model would run on a GPU")
      ->check(CLI::IsMember({"cuda"}));
}

void AddProvenanceOptions(CLI::App* app, GgufFlags* flags) {
  CLI::Option* provenance =
      app->add_option("--provenance", flags->provenance,
                      "statement of quantize or convert --provenance that files and tensors must "
                      "agree with; auto: FILE.provenance.json")
          ->type_name("FILE|auto");
  app->add_option("--source", flags->sources,
                  "where the files are that it was made from: a folder, or a file; all must be "
                  "there and be the same (may be repeated)")
      ->needs(provenance)
      ->allow_extra_args(false)
      ->type_name("PATH");
}

void AddVerifyOptions(CLI::App* app, GgufFlags* flags) {
  app->add_option("FILE", flags->input, "GGUF file, any shard of a split one")->required();
  app->add_flag("--hash", flags->hash, "print SHA-256 of each tensor's data and of each file");
  CLI::Option* deep = app->add_flag(
      "--deep", flags->deep, "also that the tensors are those its metadata call for, by name");
  CLI::Option* against =
      app->add_option(
             "--against", flags->against,
             "checkpoint folder or GGUF that it was made from: every tensor must be there, "
             "and near the source's values")
          ->needs(deep)
          ->type_name("PATH");
  app->add_option("--max-error", flags->max_error,
                  "relative RMSE above which a tensor is wrong [by its type]")
      ->needs(against)
      ->check(CLI::NonNegativeNumber);
  app->add_option("--image", flags->image,
                  "PNG or JPEG whose embeddings by the vision towers of FILE and of a GGUF source "
                  "are compared [a built-in pattern]")
      ->needs(against)
      ->type_name("IMAGE");
  app->add_flag("--text-only", flags->text_only,
                "do not compare FILE's vision tower, which the source lacks")
      ->needs(against);
  AddProvenanceOptions(app, flags);
}

void AddDiffOptions(CLI::App* app, GgufFlags* flags) {
  app->add_option("A", flags->input, "GGUF file or checkpoint folder")->required();
  app->add_option("B", flags->output, "GGUF file or checkpoint folder")->required();
}

void AddEditOptions(CLI::App* app, GgufFlags* flags) {
  app->add_flag("--force", flags->edit.force, "replace existing outputs");
  app->add_flag("--dry-run", flags->edit.dry_run, "print files and exact sizes, write nothing");
}

void AddSplitOptions(CLI::App* app, GgufFlags* flags) {
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

void AddMergeOptions(CLI::App* app, GgufFlags* flags) {
  app->add_option("SHARD", flags->input, "any shard of the set")->required();
  app->add_option("OUT", flags->output, "the one file to write")->required();
  AddEditOptions(app, flags);
}

void AddSetOptions(CLI::App* app, GgufFlags* flags) {
  app->add_option("FILE", flags->input, "GGUF file")->required();
  app->add_option("ASSIGNMENT", flags->keys,
                  "KEY=TYPE:VALUE, such as general.name=string:Tiny; types: uint8 to int64, "
                  "float32, float64, bool, string; TYPE[] for arrays, elements separated by commas")
      ->required();
  app->add_option("-o,--output", flags->output, "file to write [FILE is replaced]");
  AddEditOptions(app, flags);
}

void AddRemoveOptions(CLI::App* app, GgufFlags* flags) {
  app->add_option("FILE", flags->input, "GGUF file")->required();
  app->add_option("KEY", flags->keys, "keys to remove")->required();
  app->add_option("-o,--output", flags->output, "file to write [FILE is replaced]");
  AddEditOptions(app, flags);
}

void AddSwapEndianOptions(CLI::App* app, GgufFlags* flags) {
  app->add_option("IN", flags->input, "GGUF file, or one shard of a set")->required();
  app->add_option("OUT", flags->output, "the file to write")->required();
  AddEditOptions(app, flags);
}

void AddExtractOptions(CLI::App* app, GgufFlags* flags) {
  app->add_option("FILE", flags->input, "GGUF file, any shard of a split one")->required();
  app->add_option("TENSOR", flags->tensor, "name of the tensor")->required();
  app->add_option("-o,--output", flags->output, "file to write")->required()->type_name("OUT.npy");
  app->add_flag("--raw", flags->raw, "its blocks as they are [decoded to float32, for NumPy]");
  AddEditOptions(app, flags);
}

void AddCompressOptions(CLI::App* app, GgufFlags* flags) {
  app->add_option("IN", flags->input, "GGUF file, or one shard of a set")->required();
  app->add_option("OUT", flags->output, "the file to write [IN.zst]");
  app->add_option("--level", flags->level, "effort of zstd")
      ->check(CLI::Range(kMinZstdLevel, kMaxZstdLevel))
      ->capture_default_str();
  AddEditOptions(app, flags);
}

void AddDecompressOptions(CLI::App* app, GgufFlags* flags) {
  app->add_option("IN", flags->input, "compressed GGUF file")->required();
  app->add_option("OUT", flags->output, "the file to write [IN without .zst]");
  AddEditOptions(app, flags);
}

struct Command {
  const char* name;
  const char* help;
  const char* verbose_help;
  void (*add_options)(CLI::App*, GgufFlags*);
  absl::Status (*run)(const GgufFlags&);
};

constexpr Command kCommands[] = {
    {"inspect", "metadata, tensors, totals per type", "print all of long values and of every list",
     AddInspectOptions, RunInspect},
    {"verify", "structure and values; exit status 1 when anything is wrong", kNothingVerbose,
     AddVerifyOptions, RunVerify},
    {"diff", "metadata, shapes, types and values; exit status 1 when they differ", kNothingVerbose,
     AddDiffOptions, RunDiff},
    {"split", "one file into shards", kNothingVerbose, AddSplitOptions, RunSplit},
    {"merge", "shards into one file", kNothingVerbose, AddMergeOptions, RunMerge},
    {"set", "add or replace metadata keys", kNothingVerbose, AddSetOptions, RunSet},
    {"remove", "remove metadata keys", kNothingVerbose, AddRemoveOptions, RunRemove},
    {"extract", "one tensor as a NumPy file", kNothingVerbose, AddExtractOptions, RunExtract},
    {"compress", "one file with zstd, as all programs read it", kNothingVerbose, AddCompressOptions,
     RunCompress},
    {"decompress", "a compressed file as it was", kNothingVerbose, AddDecompressOptions,
     RunDecompress},
    {"swap-endian", "one file in the other byte order", kNothingVerbose, AddSwapEndianOptions,
     RunSwapEndian},
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
  gguf::LetWaitingThreadsSleep(argv);
  CLI::App app(gguf::kHelp, "gguf");
  app.set_version_flag("--version", absl::StrCat("gguf ", gguf::kVersion));
  gguf::GgufFlags flags;
  for (const gguf::Command& command : gguf::kCommands) {
    CLI::App* sub = app.add_subcommand(command.name, command.help);
    command.add_options(sub, &flags);
    gguf::AddCommonOptions(sub, /*has_json=*/true, command.verbose_help, &flags.common);
  }
  gguf::RaiseOpenFileLimit();
  return gguf::RunTool(&app, argc, argv, &flags.common, [&]() -> absl::Status {
    for (const gguf::Command& command : gguf::kCommands) {
      if (app.got_subcommand(command.name)) return command.run(flags);
    }
    return gguf::UsageError(gguf::NoCommand(app));
  });
}
