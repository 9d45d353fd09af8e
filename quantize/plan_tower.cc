#include "quantize/plan_tower.h"

#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"
#include "gguf/keys.h"
#include "quantize/plan_tensors.h"
#include "quantize/recipe.h"

namespace gguf {
namespace {

constexpr uint32_t kQuantizationVersion = 2;  // ggml.h, August 2026

TensorType AutoType(const TensorSource& source) {
  for (const SourceTensor& tensor : source.tensors()) {
    if (tensor.shape.rank() < 2) continue;
    if (tensor.type == TensorType::kBF16 || tensor.type == TensorType::kF16) return tensor.type;
  }
  return TensorType::kF16;
}

// The matrices of the blocks among the tensors of `source`: its indices.
std::vector<size_t> FindMatrices(const TensorSource& source,
                                 const absl::flat_hash_map<std::string, TowerTensor>& tower) {
  std::vector<size_t> matrices;
  for (size_t i = 0; i < source.tensors().size(); ++i) {
    const auto row = tower.find(source.tensors()[i].name);
    if (row != tower.end() && row->second.mmproj_type == TowerType::kAsAsked) matrices.push_back(i);
  }
  return matrices;
}

absl::Status CheckSource(const SourceTensor& tensor, TensorType type, bool allow_requantize) {
  if (!InfoOf(tensor.type).is_quantized || tensor.type == type || allow_requantize) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "tensor '", tensor.name, "' is ", NameOf(tensor.type), " already; quantizing it again to ",
      NameOf(type), " loses quality: start from the checkpoint, or use --allow-requantize"));
}

}  // namespace

absl::StatusOr<Plan> PlanTower(const TensorSource& source, const TowerSizes& sizes,
                               const TowerOptions& options) {
  const TensorType type = options.type.value_or(AutoType(source));
  GGUF_ASSIGN_OR_RETURN(const Recipe* recipe, ParseRecipe(NameOf(type)));
  absl::flat_hash_map<std::string, TowerTensor> tower;
  for (TowerTensor& tensor : ListTowerTensors(sizes)) {
    std::string name = tensor.mmproj;
    tower.emplace(std::move(name), std::move(tensor));
  }
  std::vector<TensorChoice> choices;
  for (size_t i = 0; i < source.tensors().size(); ++i) {
    const SourceTensor& tensor = source.tensors()[i];
    const auto row = tower.find(tensor.name);
    const TensorType own =
        row == tower.end() ? tensor.type : ResolveTowerType(row->second.mmproj_type, type);
    choices.push_back({i, tensor.name, own});
  }

  // Which type fits when the one asked for does not is the recipes' business.
  const std::vector<size_t> matrices = FindMatrices(source, tower);
  std::vector<RecipeTensor> recipe_tensors;
  for (const size_t i : matrices) {
    const SourceTensor& tensor = source.tensors()[i];
    GGUF_RETURN_IF_ERROR(CheckSource(tensor, type, options.allow_requantize));
    recipe_tensors.push_back({tensor.name, tensor.shape, tensor.type});
  }
  RecipeOptions recipe_options;
  recipe_options.pure = true;
  recipe_options.tower = true;
  GGUF_ASSIGN_OR_RETURN(const std::vector<Decision> decisions,
                        DecideTypes(*recipe, recipe_options, ModelTraits(), recipe_tensors));
  for (size_t i = 0; i < matrices.size(); ++i) {
    choices[matrices[i]].type = decisions[i].type;
    choices[matrices[i]].is_fallback = decisions[i].is_fallback;
  }

  Metadata metadata = source.metadata();
  metadata.Set(keys::kGeneralFileType, uint32_t{recipe->file_type});
  metadata.Set(keys::kGeneralQuantizationVersion, kQuantizationVersion);
  GGUF_ASSIGN_OR_RETURN(Plan plan,
                        PlanTensors(source, metadata, choices, NameOf(type), options.effort));
  if (plan.num_fallbacks() > 0) {
    plan.warnings.push_back(
        absl::StrCat(plan.num_fallbacks(), " of ", plan.tensors.size(),
                     " tensors of the vision tower have rows that the blocks of ", NameOf(type),
                     " do not divide and get a fallback type (--verbose lists them)"));
  }
  plan.allow_f16_overflow = !InfoOf(type).is_quantized;
  return plan;
}

}  // namespace gguf
