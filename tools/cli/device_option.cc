#include "tools/cli/device_option.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "gguf/base/sizes.h"
#include "gguf/base/status_macros.h"
#include "runtime/cuda/device.h"
#include "tools/cli/cli.h"

namespace gguf {
namespace {

absl::StatusOr<std::shared_ptr<const Device>> OpenDevice() {
  GGUF_ASSIGN_OR_RETURN(const CudaLibraries libraries, LoadCudaLibraries(CudaLibraryFolders()));
  return Device::Open(libraries, 0);
}

}  // namespace

std::string DeviceListText() {
  std::string text = "cpu\n";
  const auto libraries = LoadCudaLibraries(CudaLibraryFolders());
  if (!libraries.ok()) return absl::StrCat(text, "no cuda: ", libraries.status().message(), "\n");
  const auto devices = Device::List(*libraries);
  if (!devices.ok()) return absl::StrCat(text, "no cuda: ", devices.status().message(), "\n");
  for (const GgufCudaDevice& device : *devices) {
    absl::StrAppend(&text, "cuda: ", device.name, ", ", FormatSize(device.memory_bytes), ", ",
                    FormatSize(device.free_bytes), " free, compute capability ", device.major, ".",
                    device.minor, "\n");
  }
  if (libraries->iq == nullptr) {
    absl::StrAppend(&text, "no IQ types on cuda: ", libraries->why_no_iq, "\n");
  }
  return text;
}

void AddDeviceOptions(CLI::App* app, DeviceOptions* options) {
  app->add_option("--device", options->device,
                  "where the model runs; auto: on a GPU when there is one that can do it")
      ->check(CLI::IsMember({"cpu", "cuda", "auto"}))
      ->capture_default_str();
  app->add_option_function<uint32_t>(
         "--gpu-layers", [options](uint32_t layers) { options->layers = layers; },
         "how many of the last layers are on the GPU; all of them: the output too [as many as fit]")
      ->type_name("N");
  app->add_flag_callback(
      "--list-devices", [] { throw CLI::CallForVersion(DeviceListText(), 0); },
      "print the devices and exit");
}

absl::Status SetDevice(const DeviceOptions& options, DecoderOptions* decoder) {
  if (options.device == "cpu") {
    if (options.layers.has_value()) return UsageError("--gpu-layers needs --device cuda or auto");
    return absl::OkStatus();
  }
  auto device = OpenDevice();
  if (device.ok()) {
    decoder->device = *std::move(device);
    decoder->device_layers = options.layers;
    decoder->may_leave_device = options.device == "auto";
    return absl::OkStatus();
  }
  if (options.device == "auto") return absl::OkStatus();
  return absl::Status(device.status().code(),
                      absl::StrCat("--device cuda: ", device.status().message()));
}

}  // namespace gguf
