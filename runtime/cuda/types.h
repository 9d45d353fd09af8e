// The tables of types, one per file of kernels.

#ifndef GGUF_TOOLCHAIN_RUNTIME_CUDA_TYPES_H_
#define GGUF_TOOLCHAIN_RUNTIME_CUDA_TYPES_H_

#include "runtime/cuda/backend_api.h"

namespace gguf {
namespace device {

extern const GgufCudaTypeKernels kPlainTypes[8];
extern const GgufCudaTypeKernels kLegacyTypes[6];
extern const GgufCudaTypeKernels kKTypes[6];
extern const GgufCudaTypeKernels kFewBitTypes[6];
extern const GgufCudaTypeKernels kIqTypes[9];

}  // namespace device
}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_CUDA_TYPES_H_
