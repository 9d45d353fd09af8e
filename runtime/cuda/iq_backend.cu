// The interface of libgguf_cuda_iq.so.

#include <cstddef>
#include <iterator>

#include "runtime/cuda/backend_api.h"
#include "runtime/cuda/types.h"

extern "C" __attribute__((visibility("default"))) const GgufCudaIqApi* gguf_cuda_get_iq_api() {
  static const GgufCudaIqApi api = {GGUF_CUDA_API_VERSION,
                                    static_cast<uint32_t>(std::size(gguf::device::kIqTypes)),
                                    gguf::device::kIqTypes};
  return &api;
}
