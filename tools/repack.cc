// Joins a language model and a vision tower into one file for Ollama, or splits such a file.

#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "formats/folder.h"
#include "formats/ollama_store.h"
#include "formats/open.h"
#include "formats/vision/find_tower.h"
#include "gguf/base/status_macros.h"
#include "quantize/joined_source.h"
#include "quantize/plan_repack.h"
#include "quantize/recipe.h"
#include "tools/cli/cli.h"
#include "tools/cli/disk_space.h"
#include "tools/cli/progress.h"
#include "tools/cli/write_command.h"
#include "tools/report/result.pb.h"

namespace gguf {
namespace {

constexpr char kHelp[] =
    "Joins the language model of a Gemma 3 and its vision tower into one file as Ollama wants it, "
    "or splits\nsuch a file into the two of llama.cpp. Quantized tensors keep their bits.\n"
    "Example: repack --text gemma-3-27b-it-q4_0.gguf --vision mmproj-f16.gguf --layout ollama "
    "out.gguf\n"
    "         repack --layout llama.cpp model.gguf text.gguf mmproj.gguf";
constexpr char kOllama[] = "ollama";
constexpr char kLlamaCpp[] = "llama.cpp";

struct Flags {
  CommonOptions common;
  WriteCommandOptions write;
  std::string layout, text, vision;
  std::vector<std::string> files;
  std::string embedding_type;
  std::string store, name;
};

void AddOptions(CLI::App* app, Flags* flags) {
  app->add_option("FILES", flags->files,
                  "ollama: OUTPUT.gguf; llama.cpp: MODEL.gguf TEXT.gguf MMPROJ.gguf, the first "
                  "being the input")
      ->type_name("");
  app->add_option("--layout", flags->layout, "what to make: ollama (join) or llama.cpp (split)")
      ->required()
      ->check(CLI::IsMember({kOllama, kLlamaCpp}));
  app->add_option("--text", flags->text, "language model: a GGUF, such as a QAT file")
      ->type_name("FILE");
  app->add_option("--vision", flags->vision,
                  "its tower and projector: an mmproj GGUF, or a checkpoint folder, of which only "
                  "the vision tensors are read")
      ->type_name("PATH");
  app->add_option("--shrink-embedding", flags->embedding_type,
                  "store token_embd, also the output matrix, as TYPE (Q6_K) [as it is]")
      ->type_name("TYPE");
  app->add_option("--ollama-model", flags->store,
                  "add the result to this model folder of Ollama: blobs, manifest, Modelfile")
      ->type_name("DIR");
  app->add_option("--name", flags->name, "MODEL[:TAG] that Ollama will know it by")
      ->type_name("NAME");
  AddWriteOptions(app, &flags->write);
  AddCommonOptions(app, /*has_json=*/true, kLinePerTensor, &flags->common);
}

absl::Status CheckUsage(const CLI::App& app, const Flags& flags) {
  GGUF_RETURN_IF_ERROR(CheckValuesGiven(app));
  if (HasSplitOption(flags.write))
    return UsageError("repack writes whole files; gguf split divides them afterwards");
  if (flags.store.empty() != flags.name.empty()) {
    return UsageError("--ollama-model DIR and --name MODEL[:TAG] belong together");
  }
  if (flags.write.provenance && flags.files.empty()) {
    return UsageError("--provenance writes beside OUTPUT.gguf, so that one must be named");
  }
  if (flags.layout == kLlamaCpp) {
    if (!flags.text.empty() || !flags.vision.empty() || !flags.embedding_type.empty() ||
        !flags.store.empty()) {
      return UsageError(
          "--text, --vision, --shrink-embedding and --ollama-model are for --layout ollama");
    }
    if (flags.files.size() == 3) return absl::OkStatus();
    return UsageError("--layout llama.cpp: expected MODEL.gguf TEXT.gguf MMPROJ.gguf");
  }
  if (flags.text.empty() || flags.vision.empty()) {
    return UsageError("--layout ollama: expected --text FILE and --vision PATH");
  }
  const size_t least = flags.store.empty() ? 1 : 0;
  if (flags.files.size() >= least && flags.files.size() <= 1) return absl::OkStatus();
  return UsageError(least == 0 ? "expected at most one OUTPUT.gguf beside --ollama-model"
                               : "expected OUTPUT.gguf, and one only");
}

// Before hours of work, and for --dry-run: what will be written and whether there is room for it.
void Announce(absl::Span<const PlannedOutput> outputs, const Flags& flags) {
  if (flags.common.quiet) return;
  std::vector<DiskNeed> needs;
  for (const PlannedOutput& output : outputs) {
    needs.push_back({output.path, output.plan->file_bytes()});
  }
  const bool is_copied = !flags.store.empty() && NeedsCopy(flags.store, outputs[0].path);
  if (is_copied) needs.push_back({flags.store, needs[0].bytes});
  for (const std::string& sentence : DescribeDiskSpace(needs)) {
    std::fprintf(stderr, "repack: %s\n", sentence.c_str());
  }
  std::fprintf(stderr, "repack: %s\n",
               is_copied ? absl::StrCat("the file is copied to ", Printable(flags.store),
                                        ", which is on another filesystem")
                               .c_str()
                         : "no other disk space is needed");
}

// Takes the written file into Ollama's folder.
class StoreStep {
 public:
  static absl::StatusOr<StoreStep> Create(const Flags& flags, const Plan& plan) {
    const absl::StatusOr<OllamaName> name = ParseOllamaName(flags.name);
    if (!name.ok()) return UsageError(absl::StrCat("--name: ", name.status().message()));
    GGUF_RETURN_IF_ERROR(CheckOllamaName(flags.store, *name, flags.write.force));
    StoreStep step(flags, plan);
    step.name_ = *name;
    step.is_moved_ = flags.files.empty();
    if (!step.is_moved_) {
      step.path_ = flags.files[0];
    } else if (flags.write.dry_run) {
      step.path_ = absl::StrCat(flags.store, "/blobs/sha256-...");
    } else {
      GGUF_ASSIGN_OR_RETURN(step.path_, PrepareOllamaStore(flags.store, *name));
    }
    return step;
  }

  const std::string& path() const { return path_; }

  absl::Status Run(gguf_toolchain::WriteResult* result) const {
    ProgressBar bar("hash", plan_->file_bytes(), flags_->common.progress, flags_->common.quiet);
    HashProgress progress;
    progress.cancelled = &Interrupted();
    progress.progress = [&bar](uint64_t bytes) { bar.Advance(bytes, "sha256"); };
    const OllamaModelFacts facts = {"gemma3", plan_->num_values(), plan_->type_name};
    const absl::StatusOr<std::string> blob = AddToOllamaStore(
        flags_->store, name_, facts, path_, is_moved_, flags_->write.force, progress);
    bar.Finish();
    if (!blob.ok()) {
      if (is_moved_) unlink(path_.c_str());
      return blob.status();
    }
    if (is_moved_) result->mutable_outputs(0)->set_paths(0, *blob);
    if (!flags_->common.quiet) {
      std::fprintf(stderr, "repack: %s has the model %s\n", Printable(flags_->store).c_str(),
                   name_.ToString().c_str());
    }
    return absl::OkStatus();
  }

 private:
  StoreStep(const Flags& flags, const Plan& plan) : flags_(&flags), plan_(&plan) {}

  const Flags* flags_;
  const Plan* plan_;
  OllamaName name_;
  std::string path_;
  bool is_moved_ = false;
};

absl::Status Join(Flags* flags) {
  OllamaFileOptions options;
  if (!flags->embedding_type.empty()) {
    const absl::StatusOr<TensorType> type = ParseWeightType(flags->embedding_type);
    if (!type.ok()) {
      return UsageError(absl::StrCat("--shrink-embedding: ", type.status().message()));
    }
    options.embedding_type = *type;
  }
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<TensorSource> text,
                        OpenSource(flags->text, OpenOptions()));
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<TensorSource> vision, OpenTower(flags->vision));
  GGUF_ASSIGN_OR_RETURN(const Plan plan, PlanOllamaFile(*text, *vision, options));
  const JoinedSource joined({text.get(), vision.get()});
  PlannedOutput output = {&plan, flags->files.empty() ? "" : flags->files[0]};
  const bool is_new_store = !flags->store.empty() && KindOf(flags->store) == PathKind::kNothing;
  if (!flags->store.empty()) {
    output.path = flags->files.empty() ? "" : ExpandType(flags->files[0], plan.type_name);
    if (!flags->files.empty()) flags->files[0] = output.path;
    GGUF_ASSIGN_OR_RETURN(const StoreStep step, StoreStep::Create(*flags, plan));
    output.path = step.path();
    flags->write.after_write = [step](gguf_toolchain::WriteResult* result) {
      return step.Run(result);
    };
  }
  Announce({&output, 1}, *flags);
  const absl::Status status =
      RunWriteCommand(joined, {&output, 1}, "repack", flags->write, flags->common);
  if (!status.ok() && !flags->store.empty()) RemoveEmptyStore(flags->store, is_new_store);
  return status;
}

absl::Status Split(const Flags& flags) {
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<TensorSource> model,
                        OpenSource(flags.files[0], OpenOptions()));
  GGUF_ASSIGN_OR_RETURN(const LlamaCppPlans plans, PlanLlamaCppFiles(*model));
  const PlannedOutput outputs[] = {{&plans.text, flags.files[1]}, {&plans.mmproj, flags.files[2]}};
  Announce(outputs, flags);
  return RunWriteCommand(*model, outputs, "repack", flags.write, flags.common);
}

absl::Status Repack(const CLI::App& app, Flags* flags) {
  GGUF_RETURN_IF_ERROR(CheckUsage(app, *flags));
  return flags->layout == kOllama ? Join(flags) : Split(*flags);
}

}  // namespace
}  // namespace gguf

int main(int argc, char** argv) {
  CLI::App app(gguf::kHelp, "repack");
  gguf::Flags flags;
  gguf::AddOptions(&app, &flags);
  return gguf::RunTool(&app, argc, argv, &flags.common, [&] { return gguf::Repack(app, &flags); });
}
