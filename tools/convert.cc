// Converts a Hugging Face checkpoint folder to GGUF.

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "formats/archive.h"
#include "formats/open.h"
#include "formats/vision/vision_checkpoint.h"
#include "gguf/base/status_macros.h"
#include "quantize/joined_source.h"
#include "quantize/plan_convert.h"
#include "quantize/plan_repack.h"
#include "quantize/plan_tensors.h"
#include "quantize/plan_tower.h"
#include "quantize/recipe.h"
#include "tools/cli/checkpoint_options.h"
#include "tools/cli/cli.h"
#include "tools/cli/print_document.h"
#include "tools/cli/write_command.h"
#include "tools/report/render.h"
#include "tools/report/result.pb.h"

namespace gguf {
namespace {

constexpr char kHelp[] =
    "Converts a Hugging Face checkpoint folder (config.json, *.safetensors, tokenizer files), or "
    "one "
    "packed as .tar.zst, to GGUF.\n"
    "Example: convert --outtype bf16 path/to/checkpoint model-{type}.gguf";

struct Flags {
  CommonOptions common;
  WriteCommandOptions write;
  std::string checkpoint, output, lora_base;
  std::string outtype = "auto";
  std::string mmproj, mmproj_type;
  std::string layout = "llama.cpp";
  OpenOptions open;
  bool print_supported_models = false;
};

void AddOptions(CLI::App* app, Flags* flags) {
  app->add_option("CHECKPOINT", flags->checkpoint, "folder, or .tar.zst of one")->type_name("");
  app->add_option("OUTPUT", flags->output, "[<CHECKPOINT>-{type}.gguf]")->type_name("");
  app->add_option("--outtype", flags->outtype,
                  "type of the matrices: f32, f16, bf16, q8_0, ...; auto: bf16 for a BF16 "
                  "checkpoint, else f16")
      ->capture_default_str()
      ->type_name("TYPE");
  app->add_option("--mmproj", flags->mmproj,
                  "also write the vision tower and projector of a multimodal checkpoint, as "
                  "llama.cpp wants them")
      ->type_name("FILE");
  app->add_option("--mmproj-type", flags->mmproj_type,
                  "type of the tower's matrices [as --outtype]; patch and position embeddings and "
                  "the projector keep theirs")
      ->type_name("TYPE");
  app->add_option("--layout", flags->layout,
                  "llama.cpp, or ollama: language model and vision tower of a Gemma 3 in one file")
      ->check(CLI::IsMember({"llama.cpp", "ollama"}))
      ->capture_default_str();
  AddCheckpointOptions(app, &flags->open);
  app->add_option("--lora-base", flags->lora_base,
                  "CHECKPOINT is a LoRA adapter (PEFT) for the model in this folder, of which "
                  "config.json is enough; the default type is then F32")
      ->type_name("FOLDER");
  app->add_flag("--vocab-only", flags->open.vocab_only, "metadata and tokenizer, no tensors");
  app->add_flag("--print-supported-models", flags->print_supported_models,
                "list the architectures this version converts");
  AddWriteOptions(app, &flags->write);
  AddCommonOptions(app, /*has_json=*/true, kLinePerTensor, &flags->common);
}

absl::StatusOr<std::unique_ptr<TensorSource>> Open(const Flags& flags) {
  if (flags.lora_base.empty()) return OpenCheckpoint(flags.checkpoint, flags.open);
  return OpenAdapter(flags.checkpoint, flags.lora_base, flags.open);
}

absl::StatusOr<absl::optional<TensorType>> ParseOutputType(absl::string_view option,
                                                           absl::string_view text) {
  if (absl::EqualsIgnoreCase(text, "auto")) return absl::optional<TensorType>();
  const absl::StatusOr<TensorType> type = ParseWeightType(text);
  if (!type.ok()) return UsageError(absl::StrCat(option, ": ", type.status().message()));
  return absl::optional<TensorType>(*type);
}

// The language model and the vision tower in one file.
absl::Status ConvertToOllama(const TensorSource& text, const Plan& plan, const std::string& output,
                             const Flags& flags) {
  GGUF_ASSIGN_OR_RETURN(const Folder folder, OpenFolder(flags.checkpoint));
  GGUF_ASSIGN_OR_RETURN(const auto tower, VisionCheckpoint::Open(folder, flags.open));
  OllamaFileOptions options;
  options.text_plan = &plan;
  options.effort = Effort::kReference;
  std::vector<Plan> plans(1);
  GGUF_ASSIGN_OR_RETURN(plans[0], PlanOllamaFile(text, *tower, options));
  plans[0].allow_f16_overflow = plan.allow_f16_overflow;
  plans[0].warnings.insert(plans[0].warnings.end(), plan.warnings.begin(), plan.warnings.end());
  return RunWriteCommand(JoinedSource({&text, tower.get()}), plans, "convert", output, flags.write,
                         flags.common);
}

// The language model and the vision tower, each to its own file.
absl::Status ConvertWithTower(const TensorSource& text, const Plan& plan, const std::string& output,
                              const Flags& flags) {
  TowerOptions options;
  const std::string& type = flags.mmproj_type.empty() ? flags.outtype : flags.mmproj_type;
  GGUF_ASSIGN_OR_RETURN(options.type, ParseOutputType("--mmproj-type", type));
  GGUF_ASSIGN_OR_RETURN(const Folder folder, OpenFolder(flags.checkpoint));
  GGUF_ASSIGN_OR_RETURN(const auto tower, VisionCheckpoint::Open(folder, flags.open));
  GGUF_ASSIGN_OR_RETURN(Plan tower_plan, PlanTower(*tower, tower->sizes(), options));
  const JoinedSource joined({&text, tower.get()});
  OffsetSource(joined.first_of(1), &tower_plan);
  return RunWriteCommand(joined, {{&plan, output}, {&tower_plan, flags.mmproj}}, "convert",
                         flags.write, flags.common);
}

absl::Status Convert(const CLI::App& app, Flags* flags) {
  GGUF_RETURN_IF_ERROR(CheckValuesGiven(app));
  if (flags->print_supported_models) {
    gguf_toolchain::ModelList list;
    list.set_schema_version(kSchemaVersion);
    for (const absl::string_view name : SupportedArchitectures()) {
      list.add_models()->set_name(std::string(name));
    }
    return PrintDocument(list, flags->common, [](const gguf_toolchain::ModelList& models) {
      std::string text;
      for (const auto& model : models.models()) absl::StrAppend(&text, model.name(), "\n");
      return text;
    });
  }
  if (flags->checkpoint.empty()) return UsageError("no CHECKPOINT folder given; see --help");
  ConvertOptions options;
  GGUF_ASSIGN_OR_RETURN(options.type, ParseOutputType("--outtype", flags->outtype));
  if (!flags->mmproj_type.empty() && flags->mmproj.empty()) {
    return UsageError("--mmproj-type is for the file that --mmproj FILE writes");
  }
  if (!flags->mmproj.empty() && (flags->open.vocab_only || !flags->lora_base.empty())) {
    return UsageError("--mmproj is for models, not beside --vocab-only or --lora-base");
  }
  const bool is_ollama = flags->layout == "ollama";
  if (is_ollama && (!flags->mmproj.empty() || flags->open.vocab_only || !flags->lora_base.empty() ||
                    HasSplitOption(flags->write))) {
    return UsageError(
        "--layout ollama makes one file of language model and vision tower; --mmproj, "
        "--vocab-only, "
        "--lora-base and the split options do not go with it");
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
  if (is_ollama) return ConvertToOllama(*source, plans[0], output, *flags);
  if (!flags->mmproj.empty()) return ConvertWithTower(*source, plans[0], output, *flags);
  return RunWriteCommand(*source, plans, "convert", output, flags->write, flags->common);
}

}  // namespace
}  // namespace gguf

int main(int argc, char** argv) {
  CLI::App app(gguf::kHelp, "convert");
  gguf::Flags flags;
  gguf::AddOptions(&app, &flags);
  return gguf::RunTool(&app, argc, argv, &flags.common, [&] { return gguf::Convert(app, &flags); });
}
