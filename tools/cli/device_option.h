// --device, --gpu-layers and --list-devices, of every program that runs a model.

#ifndef GGUF_TOOLCHAIN_TOOLS_CLI_DEVICE_OPTION_H_
#define GGUF_TOOLCHAIN_TOOLS_CLI_DEVICE_OPTION_H_

#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "runtime/decoder.h"

namespace gguf {

struct DeviceOptions {
  std::string device = "cpu";  // cpu, cuda, auto
  absl::optional<uint32_t> layers;
};

// `options` must outlive the app. --list-devices prints what there is and ends the program.
void AddDeviceOptions(CLI::App* app, DeviceOptions* options);

// Sets the device of `decoder`. UsageError for --gpu-layers with --device cpu; for cuda an error
// that says why there is no GPU; with auto there is none then.
absl::Status SetDevice(const DeviceOptions& options, DecoderOptions* decoder);

// A line per device, or why there is none.
std::string DeviceListText();

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_CLI_DEVICE_OPTION_H_
