// What a device can do, asked before anything is loaded.

#ifndef GGUF_TOOLCHAIN_RUNTIME_CUDA_SUPPORT_H_
#define GGUF_TOOLCHAIN_RUNTIME_CUDA_SUPPORT_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gguf/tensor_type.h"
#include "runtime/config.h"
#include "runtime/cuda/loader.h"

namespace gguf {

enum class DeviceOperation {
  kProduct,    // of weights of a type with activations
  kAttention,  // over a cache of a type
  kStore,      // into a cache of a type
  kNorm,       // and rotation, activation, experts: of floats, whatever the type
};

struct DeviceSupport {
  bool is_there = false;
  std::string reason;  // when it is not: one clause, with what to do instead
};

// Whether the device has the operation for the type (of floats: any type) and the family's shapes.
DeviceSupport AskDevice(const CudaLibraries& libraries, DeviceOperation operation, TensorType type,
                        const ModelConfig& config);

// Whether a tensor of a model of this family is used by layers or output, and so must be of a type
// that the device multiplies; not the embedding, which is looked up on the host, unless the output
// shares it, nor other parts of the file.
bool IsDeviceTensor(const ModelFamily& family, absl::string_view name, bool has_output);

struct DeviceNeed {
  absl::Span<const TensorType> weight_types;  // of matrices of layers and of the output
  TensorType key_type = TensorType::kF32;
  TensorType value_type = TensorType::kF32;
};

// Unimplemented naming the first operation, type and family that the device has not, and what to
// use instead.
absl::Status CheckDevice(const CudaLibraries& libraries, const ModelConfig& config,
                         const DeviceNeed& need);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_CUDA_SUPPORT_H_
