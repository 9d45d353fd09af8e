#include "tools/gguf_commands/device_use.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"
#include "runtime/cache_types.h"
#include "runtime/config.h"
#include "runtime/cuda/loader.h"
#include "runtime/cuda/support.h"
#include "tools/gguf_commands/table.h"

namespace gguf {
namespace {

void AddRow(const char* operation, TensorType type, int num_tensors, const DeviceSupport& support,
            gguf_toolchain::InspectResult* result) {
  gguf_toolchain::DeviceUse* row = result->add_device_use();
  row->set_operation(operation);
  row->set_type(std::string(NameOf(type)));
  row->set_num_tensors(num_tensors);
  row->set_place(support.is_there ? "cuda" : "cpu");
  row->set_reason(support.reason);
}

}  // namespace

absl::Status AddDeviceUse(const GgufModel& model, gguf_toolchain::InspectResult* result) {
  GGUF_ASSIGN_OR_RETURN(const CudaLibraries libraries, LoadCudaLibraries(CudaLibraryFolders()));
  GGUF_ASSIGN_OR_RETURN(const ModelConfig config, ReadModelConfig(model.metadata()));
  const auto is_output = [](const TensorInfo& tensor) { return tensor.name == "output.weight"; };
  const bool has_output = std::any_of(model.tensors().begin(), model.tensors().end(), is_output);
  std::map<TensorType, int> counts;
  for (const TensorInfo& tensor : model.tensors()) {
    if (IsDeviceTensor(*config.family, tensor.name, has_output)) ++counts[tensor.type];
  }
  for (const auto& [type, count] : counts) {
    AddRow("weights", type, count, AskDevice(libraries, DeviceOperation::kProduct, type, config),
           result);
  }
  if (config.family->is_encoder) return absl::OkStatus();
  for (const TensorType type : CacheTypes()) {
    AddRow("attention", type, 0, AskDevice(libraries, DeviceOperation::kAttention, type, config),
           result);
  }
  return absl::OkStatus();
}

std::string DeviceUseText(const gguf_toolchain::InspectResult& result) {
  if (result.device_use_size() == 0) return "";
  Table table({Align::kLeft, Align::kLeft, Align::kRight, Align::kLeft, Align::kLeft});
  table.AddRow({"operation", "type", "tensors", "runs on", "because"});
  for (const gguf_toolchain::DeviceUse& row : result.device_use()) {
    table.AddRow({row.operation(), row.type(),
                  row.num_tensors() > 0 ? absl::StrCat(row.num_tensors()) : "", row.place(),
                  row.reason()});
  }
  return absl::StrCat("\nDevice cuda\n", table.ToString());
}

}  // namespace gguf
