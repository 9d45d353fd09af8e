// The device libraries' interfaces, of their kernels compiled for the emulation.

#ifndef GGUF_TOOLCHAIN_RUNTIME_CUDA_EMULATION_BACKEND_H_
#define GGUF_TOOLCHAIN_RUNTIME_CUDA_EMULATION_BACKEND_H_

#include "runtime/cuda/backend_api.h"

extern "C" const GgufCudaApi* gguf_cuda_get_api();
extern "C" const GgufCudaIqApi* gguf_cuda_get_iq_api();

#endif  // GGUF_TOOLCHAIN_RUNTIME_CUDA_EMULATION_BACKEND_H_
