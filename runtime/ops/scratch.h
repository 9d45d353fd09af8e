// Working memory of kernels: aligned floats that grow and stay.

#ifndef GGUF_TOOLCHAIN_RUNTIME_OPS_SCRATCH_H_
#define GGUF_TOOLCHAIN_RUNTIME_OPS_SCRATCH_H_

#include <cstddef>

#include "hwy/aligned_allocator.h"

namespace gguf {

// Not thread-safe; one per thread or owner.
class Scratch {
 public:
  // At least `count` floats, aligned for any vector, contents undefined. Invalidates what an
  // earlier call returned.
  float* Get(size_t count) {
    if (count > capacity_) {
      floats_ = hwy::AllocateAligned<float>(count);
      capacity_ = count;
    }
    return floats_.get();
  }

 private:
  hwy::AlignedFreeUniquePtr<float[]> floats_;
  size_t capacity_ = 0;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_OPS_SCRATCH_H_
