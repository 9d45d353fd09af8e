// A GPU in use: its memory, its kernels, its errors as statuses.

#ifndef GGUF_TOOLCHAIN_RUNTIME_CUDA_DEVICE_H_
#define GGUF_TOOLCHAIN_RUNTIME_CUDA_DEVICE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gguf/tensor_type.h"
#include "runtime/cuda/loader.h"

namespace gguf {

// Memory of a device, given back at the end. Movable.
class DeviceMemory {
 public:
  DeviceMemory() = default;
  DeviceMemory(const GgufCudaApi* api, void* data, uint64_t num_bytes)
      : api_(api), data_(data), num_bytes_(num_bytes) {}
  DeviceMemory(DeviceMemory&& other) noexcept { *this = std::move(other); }
  DeviceMemory& operator=(DeviceMemory&& other) noexcept {
    std::swap(api_, other.api_);
    std::swap(data_, other.data_);
    std::swap(num_bytes_, other.num_bytes_);
    return *this;
  }
  ~DeviceMemory() {
    if (data_ != nullptr) api_->release(data_);
  }

  uint8_t* bytes() const { return static_cast<uint8_t*>(data_); }
  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }
  uint64_t num_bytes() const { return num_bytes_; }

 private:
  const GgufCudaApi* api_ = nullptr;
  void* data_ = nullptr;
  uint64_t num_bytes_ = 0;
};

// Used from one thread at a time.
class Device {
 public:
  // Device `index` of those that `libraries` see. FailedPrecondition when there is none.
  static absl::StatusOr<std::shared_ptr<const Device>> Open(CudaLibraries libraries, int index);

  // Of all devices, for people; FailedPrecondition says why there is none.
  static absl::StatusOr<std::vector<GgufCudaDevice>> List(const CudaLibraries& libraries);

  const GgufCudaApi& api() const { return *libraries_.api; }
  const CudaLibraries& libraries() const { return libraries_; }
  const GgufCudaDevice& info() const { return info_; }

  // ResourceExhausted when the device has not as much left. At least one byte is taken.
  absl::StatusOr<DeviceMemory> Allocate(uint64_t num_bytes) const;

  // A copy of `host`, in pieces, so that a mapped file is not held as a whole.
  absl::StatusOr<DeviceMemory> Copy(absl::Span<const uint8_t> host) const;
  absl::StatusOr<DeviceMemory> Copy(absl::Span<const float> host) const;

  // Internal naming the operation when `error` is none of 0.
  absl::Status Check(int error, absl::string_view operation) const;

 private:
  Device(CudaLibraries libraries, GgufCudaDevice info)
      : libraries_(std::move(libraries)), info_(info) {}

  const CudaLibraries libraries_;
  const GgufCudaDevice info_;
};

// Null when neither library has kernels of the type.
const GgufCudaTypeKernels* FindKernels(const CudaLibraries& libraries, TensorType type);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_CUDA_DEVICE_H_
