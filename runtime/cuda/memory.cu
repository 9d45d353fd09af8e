#include <cuda_runtime.h>

#include <cstring>

#include "runtime/cuda/memory.h"

namespace gguf {
namespace device {

int DeviceCount(const char** reason) {
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error == cudaSuccess && count > 0) return count;
  *reason = error == cudaSuccess ? "there is no CUDA device" : cudaGetErrorString(error);
  return 0;
}

int DeviceInfo(int device, GgufCudaDevice* info) {
  cudaDeviceProp properties;
  cudaError_t error = cudaGetDeviceProperties(&properties, device);
  if (error != cudaSuccess) return error;
  std::strncpy(info->name, properties.name, sizeof(info->name) - 1);
  info->name[sizeof(info->name) - 1] = '\0';
  info->major = properties.major;
  info->minor = properties.minor;
  info->num_processors = properties.multiProcessorCount;
  error = cudaSetDevice(device);
  if (error != cudaSuccess) return error;
  size_t free_bytes = 0, memory_bytes = 0;
  error = cudaMemGetInfo(&free_bytes, &memory_bytes);
  info->free_bytes = free_bytes;
  info->memory_bytes = memory_bytes;
  return error;
}

int SelectDevice(int device) { return cudaSetDevice(device); }

const char* ErrorText(int error) { return cudaGetErrorString(static_cast<cudaError_t>(error)); }

int Allocate(uint64_t num_bytes, void** out) {
  const cudaError_t error = cudaMalloc(out, num_bytes);
  if (error != cudaSuccess) (void)cudaGetLastError();  // it is not to be met again
  return error;
}

void Release(void* memory) { cudaFree(memory); }

int Upload(void* to, const void* host, uint64_t num_bytes) {
  return cudaMemcpy(to, host, num_bytes, cudaMemcpyHostToDevice);
}

int Download(void* host, const void* from, uint64_t num_bytes) {
  return cudaMemcpy(host, from, num_bytes, cudaMemcpyDeviceToHost);
}

}  // namespace device
}  // namespace gguf
