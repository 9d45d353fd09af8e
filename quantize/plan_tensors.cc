#include "quantize/plan_tensors.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"

namespace gguf {
namespace {

absl::Status SetEncoder(Effort effort, PlannedTensor* tensor) {
  if (tensor->type == tensor->source_type) return absl::OkStatus();
  const auto refuse = [tensor](absl::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat("tensor '", tensor->name, "' would become ",
                                                   NameOf(tensor->type), ", ", why,
                                                   "; choose another type"));
  };
  if (!RowBytes(tensor->type, tensor->shape.columns()).ok()) {
    return refuse(
        absl::StrCat("whose blocks do not divide rows of ", tensor->shape.columns(), " values"));
  }
  tensor->encoder = FindEncoder(tensor->type, effort);
  if (tensor->encoder == nullptr) return refuse("which this version cannot encode");
  if (tensor->encoder->requires_weights) return refuse("which needs importance data");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Plan> PlanTensors(const TensorSource& source, const Metadata& metadata,
                                 absl::Span<const TensorChoice> choices,
                                 absl::string_view type_name, Effort effort) {
  Plan plan;
  plan.type_name = std::string(type_name);
  plan.effort = effort;
  plan.tensors.reserve(choices.size());
  for (const TensorChoice& choice : choices) {
    const SourceTensor& tensor = source.tensors()[choice.source_index];
    PlannedTensor planned;
    planned.name = choice.name;
    planned.source_index = choice.source_index;
    planned.shape = tensor.shape;
    planned.source_type = tensor.type;
    planned.type = choice.type;
    planned.is_fallback = choice.is_fallback;
    GGUF_RETURN_IF_ERROR(SetEncoder(effort, &planned));
    plan.tensors.push_back(std::move(planned));
  }
  GGUF_RETURN_IF_ERROR(LayOut(metadata, SplitOptions(), {}, &plan));
  return plan;
}

void OffsetSource(size_t offset, Plan* plan) {
  for (PlannedTensor& tensor : plan->tensors) tensor.source_index += offset;
}

}  // namespace gguf
