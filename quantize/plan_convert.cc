#include "quantize/plan_convert.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "formats/convert_rules.h"
#include "gguf/base/status_macros.h"
#include "gguf/keys.h"
#include "quantize/recipe.h"

namespace gguf {
namespace {

constexpr uint32_t kQuantizationVersion = 2;  // ggml.h, August 2026
constexpr uint32_t kMostlyMxfp4Moe = 38;      // likewise: general.file_type

TensorType AutoType(const TensorSource& source) {
  for (const SourceTensor& tensor : source.tensors()) {
    if (tensor.shape.rank() < 2) continue;
    if (tensor.type == TensorType::kBF16 || tensor.type == TensorType::kF16) return tensor.type;
  }
  return TensorType::kF16;
}

// The type one tensor is stored in.
absl::StatusOr<PlannedTensor> PlanTensor(const TensorSource& source, size_t index, TensorType type,
                                         Effort effort, std::vector<std::string>* warnings) {
  const SourceTensor& tensor = source.tensors()[index];
  PlannedTensor planned;
  planned.name = tensor.name;
  planned.source_index = index;
  planned.shape = tensor.shape;
  planned.source_type = planned.type = tensor.type;
  if (InfoOf(tensor.type).is_quantized) return planned;  // native blocks are never changed
  planned.type = ConvertsToF32(tensor.name, tensor.shape) ? TensorType::kF32 : type;
  if (!RowBytes(planned.type, tensor.shape.columns()).ok()) {
    planned.type = TensorType::kF16;
    planned.is_fallback = true;
    warnings->push_back(absl::StrCat("tensor '", tensor.name, "': blocks of ", NameOf(type),
                                     " do not divide rows of ", tensor.shape.columns(),
                                     " values; stored as F16"));
  }
  if (planned.type == tensor.type) return planned;
  planned.encoder = FindEncoder(planned.type, effort);
  if (planned.encoder == nullptr) {
    return absl::UnimplementedError(
        absl::StrCat("tensor '", tensor.name, "': nothing encodes ", NameOf(planned.type)));
  }
  if (planned.encoder->requires_weights) {
    return absl::InvalidArgumentError(absl::StrCat("tensor '", tensor.name,
                                                   "': ", NameOf(planned.type),
                                                   " needs importance data: use quantize"));
  }
  return planned;
}

}  // namespace

absl::StatusOr<Plan> PlanConversion(const TensorSource& source, const ConvertOptions& options) {
  Plan plan;
  const TensorType type = options.type.value_or(AutoType(source));
  // The recipe called like the type stands for a file of that type throughout.
  GGUF_ASSIGN_OR_RETURN(const Recipe* recipe, ParseRecipe(NameOf(type)));
  plan.type_name = std::string(NameOf(type));
  plan.effort = options.effort;
  plan.allow_f16_overflow = true;
  for (size_t i = 0; i < source.tensors().size(); ++i) {
    GGUF_ASSIGN_OR_RETURN(PlannedTensor planned,
                          PlanTensor(source, i, type, options.effort, &plan.warnings));
    plan.tensors.push_back(std::move(planned));
  }
  Metadata metadata = source.metadata();
  const bool has_native_mxfp4 =
      std::any_of(source.tensors().begin(), source.tensors().end(),
                  [](const SourceTensor& tensor) { return tensor.type == TensorType::kMXFP4; });
  metadata.Set(keys::kGeneralFileType,
               has_native_mxfp4 ? kMostlyMxfp4Moe : uint32_t{recipe->file_type});
  metadata.Set(keys::kGeneralQuantizationVersion, kQuantizationVersion);
  GGUF_RETURN_IF_ERROR(LayOut(metadata, options.split, {}, &plan));
  return plan;
}

}  // namespace gguf
