// The host's memory as a device's: one device, which is never full.

#include "runtime/cuda/memory.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace gguf {
namespace device {

int DeviceCount(const char**) { return 1; }

int DeviceInfo(int, GgufCudaDevice* info) {
  *info = {};
  std::snprintf(info->name, sizeof(info->name), "emulation");
  info->memory_bytes = info->free_bytes = uint64_t{1} << 30;
  info->major = 8;
  info->num_processors = 2;
  return 0;
}

int SelectDevice(int) { return 0; }

const char* ErrorText(int) { return "invalid argument"; }

// Exactly as large as asked for, so that a sanitizer sees accesses beyond it; NaN until written.
int Allocate(uint64_t num_bytes, void** out) {
  if (posix_memalign(out, 256, num_bytes) != 0) return 2;
  std::memset(*out, 0xFF, num_bytes);
  return 0;
}

void Release(void* memory) { std::free(memory); }

int Upload(void* to, const void* host, uint64_t num_bytes) {
  std::memcpy(to, host, num_bytes);
  return 0;
}

int Download(void* host, const void* from, uint64_t num_bytes) {
  std::memcpy(host, from, num_bytes);
  return 0;
}

}  // namespace device
}  // namespace gguf
