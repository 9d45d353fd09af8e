// Devices and their memory, of the platform that this is compiled for; see GgufCudaApi.

#ifndef GGUF_TOOLCHAIN_RUNTIME_CUDA_MEMORY_H_
#define GGUF_TOOLCHAIN_RUNTIME_CUDA_MEMORY_H_

#include "runtime/cuda/backend_api.h"

namespace gguf {
namespace device {

int DeviceCount(const char** reason);
int DeviceInfo(int device, GgufCudaDevice* info);
int SelectDevice(int device);
const char* ErrorText(int error);
int Allocate(uint64_t num_bytes, void** out);
void Release(void* memory);
int Upload(void* to, const void* host, uint64_t num_bytes);
int Download(void* host, const void* from, uint64_t num_bytes);

}  // namespace device
}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_CUDA_MEMORY_H_
