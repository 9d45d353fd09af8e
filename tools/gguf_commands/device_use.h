// `gguf inspect --device cuda`: what of a model would run where.

#ifndef GGUF_TOOLCHAIN_TOOLS_GGUF_COMMANDS_DEVICE_USE_H_
#define GGUF_TOOLCHAIN_TOOLS_GGUF_COMMANDS_DEVICE_USE_H_

#include <string>

#include "absl/status/status.h"
#include "gguf/reader.h"
#include "tools/report/result.pb.h"

namespace gguf {

// A row per type of weights and per type that a cache can have, by the libraries of device code
// that the program finds; no GPU is needed. Errors: of LoadCudaLibraries and ReadModelConfig.
absl::Status AddDeviceUse(const GgufModel& model, gguf_toolchain::InspectResult* result);

// A table; empty without rows.
std::string DeviceUseText(const gguf_toolchain::InspectResult& result);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_GGUF_COMMANDS_DEVICE_USE_H_
