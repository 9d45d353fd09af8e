// The interface of libgguf_cuda.so.

#include <cstddef>
#include <iterator>

#include "runtime/cuda/backend_api.h"
#include "runtime/cuda/memory.h"
#include "runtime/cuda/operations.h"
#include "runtime/cuda/types.h"

namespace gguf {
namespace device {
namespace {

struct Types {
  GgufCudaTypeKernels rows[std::size(kPlainTypes) + std::size(kLegacyTypes) + std::size(kKTypes) +
                           std::size(kFewBitTypes)];
};

template <size_t kCount>
GgufCudaTypeKernels* Append(const GgufCudaTypeKernels (&types)[kCount], GgufCudaTypeKernels* to) {
  for (const GgufCudaTypeKernels& type : types) *to++ = type;
  return to;
}

const Types& AllTypes() {
  static const Types types = [] {
    Types all;
    GgufCudaTypeKernels* next = Append(kPlainTypes, all.rows);
    next = Append(kLegacyTypes, next);
    next = Append(kKTypes, next);
    Append(kFewBitTypes, next);
    return all;
  }();
  return types;
}

}  // namespace
}  // namespace device
}  // namespace gguf

extern "C" __attribute__((visibility("default"))) const GgufCudaApi* gguf_cuda_get_api() {
  namespace device = gguf::device;
  static const GgufCudaApi api = {
      GGUF_CUDA_API_VERSION,   static_cast<uint32_t>(std::size(device::AllTypes().rows)),
      device::AllTypes().rows, device::DeviceCount,
      device::DeviceInfo,      device::SelectDevice,
      device::ErrorText,       device::Allocate,
      device::Release,         device::Upload,
      device::Download,        device::Normalise,
      device::Rotate,          device::Activate,
      device::Store,           device::Attend,
      device::SumExperts,      device::CopyColumns,
      device::GatherRows,      device::Add,
      device::AddGated,        device::ScaleAndCap,
  };
  return &api;
}
