// Launchers of the operations that are no products: backend.cu puts them into the interface, where
// they are described.

#ifndef GGUF_TOOLCHAIN_RUNTIME_CUDA_OPERATIONS_H_
#define GGUF_TOOLCHAIN_RUNTIME_CUDA_OPERATIONS_H_

#include "runtime/cuda/backend_api.h"

namespace gguf {
namespace device {

// rows.cu
int Normalise(const GgufCudaNorm* args);
int Rotate(const GgufCudaRotation* args);
int Activate(const GgufCudaActivation* args);
int CopyColumns(const float* from, uint32_t from_stride, uint32_t first, float* to, uint32_t width,
                uint32_t count);
int GatherRows(const float* from, const uint32_t* rows, uint32_t count, uint32_t width, float* to);
int Add(float* x, const float* added, float scale, uint64_t num_values);
int AddGated(float* x, const float* added, const float* gate, uint32_t count, uint32_t width);
int ScaleAndCap(float* x, float divisor, float cap, uint64_t num_values);
int SumExperts(const GgufCudaExpertSum* args);

// attention.cu
int Store(const GgufCudaStore* args);
int Attend(const GgufCudaAttention* args);

// The error of arguments that no kernel takes: cudaErrorInvalidValue.
inline constexpr int kInvalidArguments = 1;

}  // namespace device
}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_CUDA_OPERATIONS_H_
