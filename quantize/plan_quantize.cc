#include "quantize/plan_quantize.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "formats/name_list.h"
#include "formats/vision/tower.h"
#include "gguf/base/status_macros.h"
#include "gguf/keys.h"
#include "quantize/attach_importance.h"
#include "quantize/prune.h"
#include "quantize/unused_options.h"

namespace gguf {
namespace {

constexpr uint32_t kQuantizationVersion = 2;  // ggml.h, August 2026
constexpr size_t kMaxStringBytes = 127;  // of an overridden string, as llama-quantize stores it

// Tensors of the output in processing order, with their output names.
absl::StatusOr<std::vector<PlannedTensor>> ListTensors(const TensorSource& source,
                                                       const QuantizeOptions& options,
                                                       const LayerPruning& pruning) {
  std::vector<PlannedTensor> listed;
  for (size_t i = 0; i < source.tensors().size(); ++i) {
    const SourceTensor& tensor = source.tensors()[i];
    absl::optional<std::string> name = pruning.NewName(tensor.name);
    if (!name.has_value()) continue;
    PlannedTensor planned;
    planned.name = *std::move(name);
    planned.source_index = i;
    planned.shape = tensor.shape;
    planned.source_type = planned.type = tensor.type;
    listed.push_back(std::move(planned));
  }
  if (options.keep_split) return listed;
  std::vector<std::string> names;
  for (const PlannedTensor& tensor : listed) names.push_back(tensor.name);
  std::vector<PlannedTensor> sorted;
  for (const size_t i : SortForProcessing(names)) sorted.push_back(std::move(listed[i]));
  return sorted;
}

// Architectures whose models are published in MXFP4: there is no better source of such a tensor.
constexpr absl::string_view kMxfp4Architectures[] = {"gpt-oss"};

bool IsPublishedAsMxfp4(const ModelTraits& traits, TensorType type) {
  return type == TensorType::kMXFP4 &&
         std::find(std::begin(kMxfp4Architectures), std::end(kMxfp4Architectures),
                   traits.architecture) != std::end(kMxfp4Architectures);
}

bool IsSmaller(TensorType a, TensorType b) {
  return uint64_t{InfoOf(a).block_bytes} * InfoOf(b).block_values <
         uint64_t{InfoOf(b).block_bytes} * InfoOf(a).block_values;
}

// A tensor published as MXFP4 stays so when `tensor->type` would not be smaller.
absl::Status KeepPublishedType(PlannedTensor* tensor) {
  if (IsSmaller(tensor->type, tensor->source_type)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "tensor '", tensor->name, "' is ", NameOf(tensor->source_type),
        " in the model as it is published; ", NameOf(tensor->type),
        " is smaller and loses quality: use a type that keeps it, such as MXFP4_MOE or Q4_K_M, or "
        "--allow-requantize"));
  }
  tensor->type = tensor->source_type;
  tensor->is_fallback = false;
  return absl::OkStatus();
}

void WarnOfKept(size_t num_kept, Plan* plan) {
  if (num_kept == 0) return;
  plan->warnings.push_back(absl::StrCat(
      num_kept, " of ", plan->tensors.size(),
      " tensors stay MXFP4, in which the model is published: another type would make them larger, "
      "not better (--allow-requantize converts them all the same)"));
}

// Lists what of a vision tower was left alone.
void WarnOfTower(const Recipe& recipe, Plan* plan) {
  NameList kept;
  for (const PlannedTensor& tensor : plan->tensors) {
    if (tensor.encoder != nullptr || !IsTowerTensor(tensor.name)) continue;
    if (IsQuantizable(tensor.name, tensor.shape.significant_rank())) kept.Add(tensor.name);
  }
  if (kept.count() == 0 || recipe.name == "COPY") return;
  plan->warnings.push_back(absl::StrCat(
      kept.count(), " matrices of the vision tower and its projector keep their type: ",
      kept.ToString(), " (--verbose lists all; --tensor-type 'v\\.=", recipe.name,
      "' quantizes those of the tower)"));
}

// The encoder of a tensor that changes its type, after checking that it may.
absl::Status ChooseEncoder(const QuantizeOptions& options, PlannedTensor* tensor) {
  if (InfoOf(tensor->source_type).is_quantized && !options.allow_requantize) {
    return absl::InvalidArgumentError(absl::StrCat(
        "tensor '", tensor->name, "' is ", NameOf(tensor->source_type),
        " already; quantizing it again to ", NameOf(tensor->type),
        " loses quality: start from the F16 or BF16 model, or use --allow-requantize"));
  }
  tensor->encoder = FindEncoder(tensor->type, options.effort);
  if (tensor->encoder == nullptr) {
    return absl::UnimplementedError(absl::StrCat("tensor '", tensor->name, "' would become ",
                                                 NameOf(tensor->type),
                                                 ", which this version cannot encode"));
  }
  return absl::OkStatus();
}

// Says what quantizing what is quantized already costs.
void WarnOfRequantizing(Plan* plan) {
  for (const bool is_decoded : {false, true}) {
    std::map<TensorType, size_t> counts;
    size_t total = 0;
    for (const PlannedTensor& tensor : plan->tensors) {
      if (tensor.encoder == nullptr || !InfoOf(tensor.source_type).is_quantized) continue;
      if (is_decoded == InfoOf(tensor.type).is_quantized) continue;
      ++counts[tensor.source_type];
      ++total;
    }
    if (total == 0) continue;
    const std::string sources =
        absl::StrJoin(counts, ", ", [](std::string* out, const auto& count) {
          absl::StrAppend(out, count.second, " ", NameOf(count.first));
        });
    plan->warnings.push_back(absl::StrCat(
        "--allow-requantize: ", total, " of ", plan->tensors.size(),
        " tensors are quantized already (", sources, "); ",
        is_decoded ? absl::StrCat("as ", plan->type_name, " they keep that quantization's error")
                   : "quantizing them again adds its own error to that of the first time",
        "; start from the F16 or BF16 model where there is one"));
  }
}

absl::Status DecideAll(const TensorSource& source, const Recipe& recipe, const ModelTraits& traits,
                       const QuantizeOptions& options, const ImportanceData* importance,
                       Plan* plan) {
  std::vector<RecipeTensor> recipe_tensors;
  for (const PlannedTensor& tensor : plan->tensors) {
    recipe_tensors.push_back({tensor.name, tensor.shape, tensor.source_type});
  }
  RecipeOptions recipe_options = options.recipe;
  recipe_options.has_importance |= importance != nullptr && !importance->entries.empty();
  GGUF_ASSIGN_OR_RETURN(const std::vector<Decision> decisions,
                        DecideTypes(recipe, recipe_options, traits, recipe_tensors));
  plan->warnings = UnusedOptions(recipe, recipe_options, recipe_tensors, decisions);
  ImportanceAttacher attacher(importance, recipe.name, options.dry_run);
  GGUF_RETURN_IF_ERROR(attacher.CheckNames(source));
  size_t num_kept = 0;
  for (size_t i = 0; i < decisions.size(); ++i) {
    PlannedTensor& tensor = plan->tensors[i];
    tensor.type = decisions[i].type;
    tensor.is_fallback = decisions[i].is_fallback;
    if (decisions[i].is_copy) continue;
    if (!options.allow_requantize && IsPublishedAsMxfp4(traits, tensor.source_type)) {
      GGUF_RETURN_IF_ERROR(KeepPublishedType(&tensor));
      ++num_kept;
      continue;
    }
    GGUF_RETURN_IF_ERROR(ChooseEncoder(options, &tensor));
    GGUF_RETURN_IF_ERROR(
        attacher.Attach(source.tensors()[tensor.source_index].name, decisions[i], &tensor));
    if (!tensor.importance.empty()) plan->importance_path = importance->path;
  }
  for (std::string& warning : attacher.Warnings()) plan->warnings.push_back(std::move(warning));
  WarnOfTower(recipe, plan);
  WarnOfKept(num_kept, plan);
  WarnOfRequantizing(plan);
  if (plan->num_fallbacks() > 0) {
    plan->warnings.push_back(
        absl::StrCat(plan->num_fallbacks(), " of ", plan->tensors.size(),
                     " tensors have rows that the blocks of ", plan->type_name,
                     " do not divide and get a fallback type (--verbose lists them)"));
  }
  return absl::OkStatus();
}

// `quantize.imatrix.*`, as llama-quantize writes them.
void SetImportanceKeys(const ImportanceData& importance, Metadata* metadata) {
  metadata->Set(keys::kQuantizeImatrixFile, importance.path.substr(0, kMaxStringBytes));
  if (!importance.datasets.empty()) {
    metadata->Set(keys::kQuantizeImatrixDataset, importance.datasets[0].substr(0, kMaxStringBytes));
  }
  metadata->Set(keys::kQuantizeImatrixEntriesCount,
                static_cast<uint32_t>(importance.entries.size()));
  if (importance.chunk_count > 0) {
    metadata->Set(keys::kQuantizeImatrixChunksCount, importance.chunk_count);
  }
}

absl::StatusOr<Metadata> OutputMetadata(const TensorSource& source, const Recipe& recipe,
                                        const QuantizeOptions& options,
                                        const ImportanceData* importance,
                                        const LayerPruning& pruning) {
  Metadata metadata = source.metadata();
  metadata.Set(keys::kGeneralQuantizationVersion, kQuantizationVersion);
  if (!options.recipe.copy) metadata.Set(keys::kGeneralFileType, uint32_t{recipe.file_type});
  if (!pruning.empty()) GGUF_RETURN_IF_ERROR(pruning.UpdateMetadata(&metadata));
  for (const auto& [key, value] : options.overrides) metadata.Set(key, value);
  if (importance != nullptr && !importance->entries.empty()) {
    SetImportanceKeys(*importance, &metadata);
  }
  return metadata;
}

}  // namespace

absl::StatusOr<Plan> PlanQuantization(const TensorSource& source, const Recipe* recipe,
                                      const QuantizeOptions& options,
                                      const ImportanceData* importance) {
  static constexpr Recipe kCopy = {"COPY", 0, TensorType::kF32, false, false};
  if (options.recipe.copy) {
    recipe = &kCopy;
    importance = nullptr;  // nor is it said to have been used
  }
  Plan plan;
  plan.type_name = std::string(recipe->name);
  plan.effort = options.effort;
  GGUF_ASSIGN_OR_RETURN(const ModelTraits traits, ModelTraits::FromMetadata(source.metadata()));
  GGUF_ASSIGN_OR_RETURN(const LayerPruning pruning,
                        LayerPruning::Create(traits.num_layers, options.prune_layers));
  GGUF_ASSIGN_OR_RETURN(plan.tensors, ListTensors(source, options, pruning));
  GGUF_RETURN_IF_ERROR(DecideAll(source, *recipe, traits, options, importance, &plan));
  GGUF_ASSIGN_OR_RETURN(const Metadata metadata,
                        OutputMetadata(source, *recipe, options, importance, pruning));
  // The field's quantizer leaves them out, and its converter does not.
  for (PlannedTensor& tensor : plan.tensors) tensor.shape = tensor.shape.Significant();
  std::vector<uint32_t> shard_of;
  if (options.keep_split) {
    for (const PlannedTensor& tensor : plan.tensors) {
      shard_of.push_back(source.shard_of(tensor.source_index));
    }
  }
  GGUF_RETURN_IF_ERROR(LayOut(metadata, options.split, shard_of, &plan));
  return plan;
}

}  // namespace gguf
