#include "quantize/plan_repack.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "formats/vision/ollama_file.h"
#include "gguf/base/status_macros.h"
#include "gguf/keys.h"
#include "quantize/joined_source.h"
#include "quantize/plan_tensors.h"
#include "quantize/recipe.h"

namespace gguf {
namespace {

constexpr absl::string_view kTokenEmbedding = "token_embd.weight";

// What {type} in a file name becomes: the recipe that general.file_type names, or the type of the
// first matrix.
std::string TypeNameOf(const TensorSource& text) {
  const absl::StatusOr<uint64_t> file_type = text.metadata().GetUint(keys::kGeneralFileType);
  if (file_type.ok()) {
    const absl::StatusOr<const Recipe*> recipe = ParseRecipe(absl::StrCat(*file_type));
    if (recipe.ok()) return std::string((*recipe)->name);
  }
  for (const SourceTensor& tensor : text.tensors()) {
    if (tensor.shape.rank() > 1 && tensor.name != kTokenEmbedding) {
      return std::string(NameOf(tensor.type));
    }
  }
  return "F32";
}

absl::Status ShrinkEmbedding(const TensorSource& text, TensorType type,
                             std::vector<TensorChoice>* choices) {
  for (TensorChoice& choice : *choices) {
    if (choice.name != kTokenEmbedding) continue;
    const TensorType found = text.tensors()[choice.source_index].type;
    if (InfoOf(found).is_quantized) {
      return absl::InvalidArgumentError(absl::StrCat(
          text.name(), ": ", kTokenEmbedding, " is ", NameOf(found),
          " already; --shrink-embedding is for files whose embedding is F32, F16 or BF16."));
    }
    choice.type = type;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Plan> PlanOllamaFile(const TensorSource& text, const TensorSource& vision,
                                    const OllamaFileOptions& options) {
  GGUF_ASSIGN_OR_RETURN(OllamaFile file, JoinOllamaFile(text, vision));
  std::string type_name = TypeNameOf(text);
  if (options.text_plan != nullptr) {
    type_name = options.text_plan->type_name;
    GGUF_ASSIGN_OR_RETURN(const Recipe* recipe, ParseRecipe(type_name));
    file.metadata.Set(keys::kGeneralFileType, uint32_t{recipe->file_type});
    std::vector<TensorType> types(text.tensors().size());
    for (const PlannedTensor& tensor : options.text_plan->tensors) {
      types[tensor.source_index] = tensor.type;
    }
    for (TensorChoice& choice : file.tensors) {
      if (choice.source_index < types.size()) choice.type = types[choice.source_index];
    }
  }
  if (options.embedding_type.has_value()) {
    GGUF_RETURN_IF_ERROR(ShrinkEmbedding(text, *options.embedding_type, &file.tensors));
  }
  const JoinedSource joined({&text, &vision});
  GGUF_ASSIGN_OR_RETURN(
      Plan plan, PlanTensors(joined, file.metadata, file.tensors, type_name, options.effort));
  plan.warnings = std::move(file.changes);
  return plan;
}

absl::StatusOr<LlamaCppPlans> PlanLlamaCppFiles(const TensorSource& model) {
  GGUF_ASSIGN_OR_RETURN(LlamaCppFiles files, SplitOllamaFile(model));
  std::vector<std::string> names;
  for (const TensorChoice& choice : files.text_tensors) names.push_back(choice.name);
  std::vector<TensorChoice> sorted;
  for (const size_t i : SortForProcessing(names)) {
    sorted.push_back(std::move(files.text_tensors[i]));
  }
  GGUF_ASSIGN_OR_RETURN(const Recipe* recipe, ParseRecipe(NameOf(files.matrix_type)));
  files.mmproj_metadata.Set(keys::kGeneralFileType, uint32_t{recipe->file_type});
  LlamaCppPlans plans;
  GGUF_ASSIGN_OR_RETURN(plans.text, PlanTensors(model, files.text_metadata, sorted,
                                                TypeNameOf(model), Effort::kReference));
  GGUF_ASSIGN_OR_RETURN(plans.mmproj,
                        PlanTensors(model, files.mmproj_metadata, files.mmproj_tensors,
                                    NameOf(files.matrix_type), Effort::kReference));
  plans.text.warnings = std::move(files.changes);
  return plans;
}

}  // namespace gguf
