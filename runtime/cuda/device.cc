#include "runtime/cuda/device.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "gguf/base/sizes.h"
#include "gguf/base/status_macros.h"

namespace gguf {
namespace {

constexpr uint64_t kPieceBytes = uint64_t{64} << 20;

const GgufCudaTypeKernels* FindIn(const GgufCudaTypeKernels* types, uint32_t count,
                                  TensorType type) {
  const auto* found = std::find_if(types, types + count, [type](const GgufCudaTypeKernels& row) {
    return row.type == static_cast<uint32_t>(type);
  });
  return found != types + count ? found : nullptr;
}

}  // namespace

const GgufCudaTypeKernels* FindKernels(const CudaLibraries& libraries, TensorType type) {
  const GgufCudaTypeKernels* found = FindIn(libraries.api->types, libraries.api->num_types, type);
  if (found != nullptr || libraries.iq == nullptr) return found;
  return FindIn(libraries.iq->types, libraries.iq->num_types, type);
}

absl::StatusOr<std::vector<GgufCudaDevice>> Device::List(const CudaLibraries& libraries) {
  const char* reason = "";
  const int count = libraries.api->device_count(&reason);
  if (count == 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("no GPU can be used (", reason, "); use --device cpu"));
  }
  std::vector<GgufCudaDevice> devices(count);
  for (int i = 0; i < count; ++i) {
    if (libraries.api->device_info(i, &devices[i]) == 0) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("GPU ", i, " does not answer; use another or --device cpu"));
  }
  return devices;
}

absl::StatusOr<std::shared_ptr<const Device>> Device::Open(CudaLibraries libraries, int index) {
  GGUF_ASSIGN_OR_RETURN(const std::vector<GgufCudaDevice> devices, List(libraries));
  if (index < 0 || static_cast<size_t>(index) >= devices.size()) {
    return absl::InvalidArgumentError(absl::StrCat("there is no GPU ", index, ", expected 0 to ",
                                                   devices.size() - 1, " (--list-devices)"));
  }
  std::shared_ptr<const Device> device(new Device(std::move(libraries), devices[index]));
  GGUF_RETURN_IF_ERROR(device->Check(device->api().select_device(index), "selecting it"));
  return device;
}

absl::StatusOr<DeviceMemory> Device::Allocate(uint64_t num_bytes) const {
  void* data = nullptr;
  num_bytes = std::max<uint64_t>(1, num_bytes);
  if (api().allocate(num_bytes, &data) != 0) {
    return absl::ResourceExhaustedError(absl::StrCat(
        info_.name, " has no ", FormatSize(num_bytes),
        " of memory left; put fewer layers there (--gpu-layers) or use a smaller context"));
  }
  return DeviceMemory(&api(), data, num_bytes);
}

absl::StatusOr<DeviceMemory> Device::Copy(absl::Span<const uint8_t> host) const {
  GGUF_ASSIGN_OR_RETURN(DeviceMemory memory, Allocate(host.size()));
  for (uint64_t at = 0; at < host.size(); at += kPieceBytes) {
    const uint64_t piece = std::min<uint64_t>(kPieceBytes, host.size() - at);
    GGUF_RETURN_IF_ERROR(
        Check(api().upload(memory.bytes() + at, host.data() + at, piece), "copying weights"));
  }
  return memory;
}

absl::StatusOr<DeviceMemory> Device::Copy(absl::Span<const float> host) const {
  return Copy(absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(host.data()),
                                  host.size() * sizeof(float)));
}

absl::Status Device::Check(int error, absl::string_view operation) const {
  if (error == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(info_.name, " failed at ", operation, ": ",
                                          api().error_text(error), "; use --device cpu"));
}

}  // namespace gguf
