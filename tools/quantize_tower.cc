#include "tools/quantize_tower.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "formats/archive.h"
#include "formats/folder.h"
#include "formats/vision/tower.h"
#include "formats/vision/vision_checkpoint.h"
#include "gguf/base/status_macros.h"
#include "gguf/keys.h"
#include "quantize/joined_source.h"
#include "quantize/plan_tensors.h"
#include "quantize/recipe.h"

namespace gguf {
namespace {

// Half the size of F16, at an error that is hard to measure.
constexpr TensorType kUsualType = TensorType::kQ8_0;

// What a projector file has no use for.
constexpr const char* kLanguageOptions[] = {"--imatrix",
                                            "--tensor-type",
                                            "--tensor-type-file",
                                            "--pure",
                                            "--output-tensor-type",
                                            "--token-embedding-type",
                                            "--prune-layers",
                                            "--leave-output-tensor",
                                            "--override-kv",
                                            "--keep-split",
                                            "--split-max-size",
                                            "--split-max-tensors",
                                            "--no-tensor-first-split"};

}  // namespace

absl::StatusOr<TowerOptions> ReadTowerOptions(const QuantizeFlags& flags) {
  TowerOptions options;
  options.type = kUsualType;
  options.effort = flags.options.effort;
  options.allow_requantize = flags.options.allow_requantize;
  if (flags.mmproj_type.empty()) return options;
  const absl::StatusOr<TensorType> type = ParseWeightType(flags.mmproj_type);
  if (!type.ok()) return UsageError(absl::StrCat("--mmproj-type: ", type.status().message()));
  options.type = *type;
  return options;
}

void AddTowerOptions(CLI::App* app, QuantizeFlags* flags) {
  app->add_option("--mmproj", flags->mmproj,
                  "also quantize the vision tower of the same multimodal checkpoint, to FILE, as "
                  "llama.cpp wants it")
      ->type_name("FILE");
  app->add_option("--mmproj-type", flags->mmproj_type,
                  "type of the tower's matrices [Q8_0]; norms, patch and position embeddings and "
                  "the projector stay F32 and F16. Also for an INPUT that is an mmproj GGUF")
      ->type_name("TYPE");
}

bool IsProjectorRun(const QuantizeFlags& flags) {
  return flags.mmproj.empty() && !flags.mmproj_type.empty();
}

absl::Status ParseTowerFlags(const CLI::App& app, QuantizeFlags* flags) {
  GGUF_RETURN_IF_ERROR(ReadTowerOptions(*flags).status());
  if (!flags->mmproj.empty() && KindOf(flags->input) == PathKind::kFile &&
      !IsArchive(flags->input)) {
    return UsageError(absl::StrCat("--mmproj is for checkpoints, which hold the tower, and ",
                                   flags->input, " is a file; --mmproj-type quantizes an mmproj ",
                                   "GGUF given as INPUT"));
  }
  if (!IsProjectorRun(*flags)) return absl::OkStatus();
  if (!flags->types.empty() || !flags->word3.empty()) {
    return UsageError(
        "--mmproj-type is for the file that --mmproj FILE writes, or, without another type, for an "
        "INPUT that is an mmproj GGUF");
  }
  for (const char* name : kLanguageOptions) {
    if (app.count(name) == 0) continue;
    return UsageError(absl::StrCat(name, " has no effect on an mmproj GGUF; leave it out"));
  }
  flags->types = {flags->mmproj_type};
  return absl::OkStatus();
}

absl::Status CheckQuantizesSomething(const TensorSource& source, const QuantizeFlags& flags) {
  GGUF_ASSIGN_OR_RETURN(const std::string architecture,
                        source.metadata().GetStringOr(keys::kGeneralArchitecture, ""));
  const bool quantizes = std::any_of(flags.types.begin(), flags.types.end(),
                                     [](const std::string& type) { return !IsCopy(type); });
  const bool names_tensors = !flags.tensor_types.empty() || !flags.tensor_type_file.empty();
  if (architecture != "clip" || !quantizes || names_tensors) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      source.name(), ": is an mmproj GGUF (general.architecture clip), of which --type ",
      flags.types[0], " would quantize nothing; use --mmproj-type ", flags.types[0],
      " in its place."));
}

absl::Status QuantizeProjector(const TensorSource& source, const QuantizeFlags& flags) {
  GGUF_ASSIGN_OR_RETURN(const TowerOptions options, ReadTowerOptions(flags));
  GGUF_ASSIGN_OR_RETURN(const TowerSizes sizes,
                        TowerFromMmproj(source.name(), source.metadata(), source.tensors().size()));
  std::vector<Plan> plans(1);
  GGUF_ASSIGN_OR_RETURN(plans[0], PlanTower(source, sizes, options));
  const std::string output = flags.output.empty() ? DefaultOutput(flags.input) : flags.output;
  return RunWriteCommand(source, plans, "quantize", output, flags.write, flags.common);
}

absl::Status QuantizeWithTower(const TensorSource& source, const std::vector<Plan>& plans,
                               const std::string& output, const QuantizeFlags& flags) {
  GGUF_ASSIGN_OR_RETURN(const TowerOptions options, ReadTowerOptions(flags));
  GGUF_ASSIGN_OR_RETURN(const Folder folder, OpenFolder(flags.input));
  GGUF_ASSIGN_OR_RETURN(const auto tower, VisionCheckpoint::Open(folder, flags.open));
  GGUF_ASSIGN_OR_RETURN(Plan tower_plan, PlanTower(*tower, tower->sizes(), options));
  const JoinedSource joined({&source, tower.get()});
  OffsetSource(joined.first_of(1), &tower_plan);
  std::vector<PlannedOutput> outputs;
  for (const Plan& plan : plans) outputs.push_back({&plan, output});
  outputs.push_back({&tower_plan, flags.mmproj});
  return RunWriteCommand(joined, outputs, "quantize", flags.write, flags.common);
}

}  // namespace gguf
