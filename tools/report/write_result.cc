#include "tools/report/write_result.h"

#include "tools/report/render.h"

namespace gguf {
namespace {

void DescribeTensor(const PlannedTensor& tensor, gguf_toolchain::TensorResult* result) {
  result->set_name(tensor.name);
  for (const uint64_t dim : tensor.shape.dims()) result->add_shape(static_cast<double>(dim));
  result->set_source_type(std::string(NameOf(tensor.source_type)));
  result->set_type(std::string(NameOf(tensor.type)));
  result->set_source_bytes(TensorBytes(tensor.source_type, tensor.shape).value_or(0));
  result->set_bytes(TensorBytes(tensor.type, tensor.shape).value_or(0));
  result->set_is_fallback(tensor.is_fallback);
  result->set_has_importance(!tensor.importance.empty());
}

}  // namespace

void SetError(const TensorError& error, gguf_toolchain::ErrorStats* stats) {
  stats->set_rmse(error.rmse());
  stats->set_relative_rmse(error.relative_rmse());
  stats->set_max_abs_error(error.max_abs_error);
}

gguf_toolchain::WriteResult DescribePlans(absl::Span<const WriteRequest> requests) {
  gguf_toolchain::WriteResult result;
  result.set_schema_version(kSchemaVersion);
  for (const WriteRequest& request : requests) {
    const Plan& plan = *request.plan;
    gguf_toolchain::OutputResult* output = result.add_outputs();
    output->set_type(plan.type_name);
    for (const std::string& path : plan.OutputPaths(request.path)) output->add_paths(path);
    output->set_num_values(plan.num_values());
    output->set_source_bytes(plan.source_bytes());
    output->set_tensor_bytes(plan.tensor_bytes());
    output->set_file_bytes(plan.file_bytes());
    output->set_bits_per_weight(plan.bits_per_weight());
    output->set_num_fallbacks(static_cast<int>(plan.num_fallbacks()));
    if (plan.is_quantizing()) output->set_effort(std::string(NameOf(plan.effort)));
    output->set_importance(plan.importance_path);
    for (const PlannedTensor& tensor : plan.tensors) DescribeTensor(tensor, output->add_tensors());
    for (const std::string& warning : plan.warnings) result.add_warnings(warning);
  }
  return result;
}

void AddErrors(const WriteReport& report, gguf_toolchain::WriteResult* result) {
  for (int i = 0; i < result->outputs_size(); ++i) {
    gguf_toolchain::OutputResult* output = result->mutable_outputs(i);
    const WrittenOutput& written = report.outputs[i];
    output->set_was_complete(written.was_complete);
    for (const std::string& miss : written.misses) output->add_misses(miss);
    for (std::string& path : *output->mutable_paths()) {
      if (!written.misses.empty() && !written.was_complete) path += kRejectedSuffix;
    }
    const std::vector<TensorError>& errors = report.outputs[i].errors;
    if (errors.empty()) continue;
    TensorError total;
    for (size_t t = 0; t < errors.size(); ++t) {
      SetError(errors[t], output->mutable_tensors(static_cast<int>(t))->mutable_error());
      total.Add(errors[t]);
    }
    SetError(total, output->mutable_error());
    result->set_is_verified(true);
  }
  for (const std::string& warning : report.warnings) result->add_warnings(warning);
}

}  // namespace gguf
