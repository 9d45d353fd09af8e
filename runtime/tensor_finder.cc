#include "runtime/tensor_finder.h"

#include "absl/strings/str_cat.h"
#include "formats/codec/codec.h"
#include "gguf/base/status_macros.h"

namespace gguf {
namespace {

std::vector<uint64_t> Significant(const Shape& shape) {
  const auto& dims = shape.dims();
  size_t first = 0;
  while (first + 1 < dims.size() && dims[first] == 1) ++first;
  return std::vector<uint64_t>(dims.begin() + first, dims.end());
}

}  // namespace

absl::StatusOr<const TensorView*> TensorFinder::Find(const std::string& name, const Shape& shape) {
  const TensorView* tensor = file_.Find(name);
  if (tensor == nullptr) return nullptr;
  if (Significant(tensor->shape) != Significant(shape)) {
    return absl::InvalidArgumentError(absl::StrCat(file_.path(), ": tensor ", name, " has shape ",
                                                   tensor->shape.ToString(), ", expected ",
                                                   shape.ToString()));
  }
  if (InfoOf(tensor->type).is_weight == false) {
    return absl::UnimplementedError(absl::StrCat(file_.path(), ": tensor ", name, " is ",
                                                 NameOf(tensor->type),
                                                 ", expected a type of weights"));
  }
  used_.insert(name);
  return tensor;
}

absl::Status TensorFinder::Missing(const std::string& name, const Shape& shape) const {
  return absl::NotFoundError(absl::StrCat(file_.path(), ": tensor ", name,
                                          " is missing, expected one of shape ", shape.ToString()));
}

absl::StatusOr<std::vector<float>> TensorFinder::Values(const std::string& name,
                                                        const Shape& shape) {
  GGUF_ASSIGN_OR_RETURN(const TensorView* tensor, Find(name, shape));
  std::vector<float> values;
  if (tensor == nullptr) return values;
  values.resize(tensor->shape.num_values());
  CodecOf(tensor->type).decode(tensor->data.data(), values.size(), values.data());
  return values;
}

absl::StatusOr<std::vector<float>> TensorFinder::RequiredValues(const std::string& name,
                                                                const Shape& shape) {
  GGUF_ASSIGN_OR_RETURN(std::vector<float> values, Values(name, shape));
  if (values.empty()) return Missing(name, shape);
  return values;
}

absl::StatusOr<Norm> TensorFinder::OptionalNorm(const std::string& name, size_t size) {
  Norm norm;
  GGUF_ASSIGN_OR_RETURN(norm.weight, Values(name + ".weight", {size}));
  GGUF_ASSIGN_OR_RETURN(norm.bias, Values(name + ".bias", {size}));
  return norm;
}

absl::StatusOr<Norm> TensorFinder::RequiredNorm(const std::string& name, size_t size,
                                                bool has_bias) {
  GGUF_ASSIGN_OR_RETURN(Norm norm, OptionalNorm(name, size));
  if (norm.weight.empty()) return Missing(name + ".weight", {size});
  if (has_bias && norm.bias.empty()) return Missing(name + ".bias", {size});
  return norm;
}

absl::StatusOr<Linear> TensorFinder::OptionalLinear(const std::string& name, size_t rows,
                                                    size_t columns, size_t experts) {
  Linear linear;
  const Shape shape = experts == 0 ? Shape{rows, columns} : Shape{experts, rows, columns};
  GGUF_ASSIGN_OR_RETURN(linear.tensor, Find(name + ".weight", shape));
  if (linear.tensor == nullptr) return linear;
  linear.rows = rows;
  linear.columns = columns;
  linear.num_experts = experts == 0 ? 1 : experts;
  const Shape bias = experts == 0 ? Shape{rows} : Shape{experts, rows};
  GGUF_ASSIGN_OR_RETURN(linear.bias, Values(name + ".bias", bias));
  return linear;
}

absl::StatusOr<Linear> TensorFinder::RequiredLinear(const std::string& name, size_t rows,
                                                    size_t columns, size_t experts) {
  GGUF_ASSIGN_OR_RETURN(Linear linear, OptionalLinear(name, rows, columns, experts));
  if (linear.tensor == nullptr) {
    return Missing(name + ".weight",
                   experts == 0 ? Shape{rows, columns} : Shape{experts, rows, columns});
  }
  return linear;
}

absl::Status TensorFinder::CheckAllUsed(
    absl::string_view what, absl::FunctionRef<bool(absl::string_view name)> ignored) const {
  for (const TensorView& tensor : file_.tensors()) {
    if (used_.contains(tensor.name) || ignored(tensor.name)) continue;
    return absl::UnimplementedError(absl::StrCat(file_.path(), ": tensor ", tensor.name,
                                                 " has no part in ", what,
                                                 " that the runtime knows"));
  }
  return absl::OkStatus();
}

}  // namespace gguf
