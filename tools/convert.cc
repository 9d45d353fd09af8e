// Converts a Hugging Face checkpoint folder to GGUF.

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "formats/open.h"
#include "gguf/base/status_macros.h"
#include "quantize/plan_convert.h"
#include "tools/cli/checkpoint_options.h"
#include "tools/cli/cli.h"
#include "tools/cli/write_command.h"

namespace gguf {
namespace {

constexpr char kHelp[] =
    "Converts a Hugging Face checkpoint folder (config.json, *.safetensors, tokenizer files) to "
    "GGUF.\n"
    "Example: convert --outtype bf16 path/to/checkpoint model-{type}.gguf";

struct Flags {
  CommonOptions common;
  WriteCommandOptions write;
  std::string checkpoint, output, lora_base;
  std::string outtype = "auto";
  OpenOptions open;
  bool print_supported_models = false;
};

void AddOptions(CLI::App* app, Flags* flags) {
  app->add_option("CHECKPOINT", flags->checkpoint, "folder")->type_name("");
  app->add_option("OUTPUT", flags->output, "[<CHECKPOINT>-{type}.gguf]")->type_name("");
  app->add_option("--outtype", flags->outtype,
                  "type of the matrices: f32, f16, bf16, q8_0, ...; auto: bf16 for a BF16 "
                  "checkpoint, else f16")
      ->capture_default_str()
      ->type_name("TYPE");
  AddCheckpointOptions(app, &flags->open);
  app->add_option("--lora-base", flags->lora_base,
                  "CHECKPOINT is a LoRA adapter (PEFT) for the model in this folder, of which "
                  "config.json is enough; the default type is then F32")
      ->type_name("FOLDER");
  app->add_flag("--vocab-only", flags->open.vocab_only, "metadata and tokenizer, no tensors");
  app->add_flag("--print-supported-models", flags->print_supported_models,
                "list the architectures this version converts");
  AddWriteOptions(app, &flags->write);
  AddCommonOptions(app, /*has_json=*/true, &flags->common);
}

absl::StatusOr<std::unique_ptr<TensorSource>> Open(const Flags& flags) {
  if (flags.lora_base.empty()) return OpenCheckpoint(flags.checkpoint, flags.open);
  return OpenAdapter(flags.checkpoint, flags.lora_base, flags.open);
}

absl::Status Convert(Flags* flags) {
  if (flags->print_supported_models) {
    for (const absl::string_view name : SupportedArchitectures()) {
      std::printf("%s\n", std::string(name).c_str());
    }
    return absl::OkStatus();
  }
  if (flags->checkpoint.empty()) return UsageError("no CHECKPOINT folder given; see --help");
  ConvertOptions options;
  if (!absl::EqualsIgnoreCase(flags->outtype, "auto")) {
    const absl::StatusOr<TensorType> type = ParseTensorType(flags->outtype);
    if (!type.ok()) return UsageError(absl::StrCat("--outtype: ", type.status().message()));
    options.type = *type;
  }
  if (!flags->lora_base.empty()) {
    if (flags->open.vocab_only || !flags->open.pre.empty()) {
      return UsageError("--vocab-only and --pre are for models; an adapter has no vocabulary");
    }
    if (!options.type.has_value()) options.type = TensorType::kF32;
  }
  GGUF_ASSIGN_OR_RETURN(options.split, ParseSplitOptions(flags->write));
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<TensorSource> source, Open(*flags));
  std::vector<Plan> plans(1);
  GGUF_ASSIGN_OR_RETURN(plans[0], PlanConversion(*source, options));
  const std::string output =
      flags->output.empty() ? DefaultOutput(flags->checkpoint) : flags->output;
  return RunWriteCommand(*source, plans, "convert", output, flags->write, flags->common);
}

}  // namespace
}  // namespace gguf

int main(int argc, char** argv) {
  CLI::App app(gguf::kHelp, "convert");
  gguf::Flags flags;
  gguf::AddOptions(&app, &flags);
  return gguf::RunTool(&app, argc, argv, &flags.common, [&] { return gguf::Convert(&flags); });
}
