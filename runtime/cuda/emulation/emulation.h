// The CUDA execution model on one CPU thread, for tests: a block's threads are fibers that run from
// barrier to barrier, in an order that the test chooses; blocks run one after the other.
//
// What it finds: a barrier that some threads of a block or warp do not reach (the process stops and
// says so), and, with more than one order, most missing barriers, since shared memory starts as NaN
// and a reader runs before its writer in one of them. With an address sanitizer also accesses out
// of bounds. What it does not: alignment of accesses, speed.

#ifndef GGUF_TOOLCHAIN_RUNTIME_CUDA_EMULATION_EMULATION_H_
#define GGUF_TOOLCHAIN_RUNTIME_CUDA_EMULATION_EMULATION_H_

#include <cstddef>
#include <cstdint>
#include <functional>

#include "gguf/base/float16.h"

namespace gguf {
namespace emulation {

// Of the threads between two barriers. Process-wide; for tests.
enum class Order { kForward, kReverse, kInterleaved };
void SetOrder(Order order);

// `body` once per thread of every block. threads is a multiple of 32, at most 1024.
void RunGrid(unsigned x, unsigned y, unsigned z, int threads, size_t shared_bytes,
             const std::function<void()>& body);

// Inside RunGrid only.
int Thread();
int NumThreads();
unsigned BlockX();
unsigned BlockY();
unsigned BlockZ();
unsigned char* SharedMemory();
void SyncBlock();
void SyncWarp();
float WarpSum(float value);  // in the order of the device's butterfly

// See platform.h. The first thread of a warp holds the sums.
class Tile {
 public:
  Tile() : sums_() {}

  void MultiplyAdd(const uint16_t* weights, const uint16_t* tokens, int stride) {
    if (Thread() % 32 != 0) return;
    for (int n = 0; n < 16; ++n) {
      for (int m = 0; m < 16; ++m) {
        for (int k = 0; k < 16; ++k) {
          sums_[n][m] += BF16ToF32(weights[m * stride + k]) * BF16ToF32(tokens[n * stride + k]);
        }
      }
    }
  }

  void Store(float* out, int stride) const {
    if (Thread() % 32 != 0) return;
    for (int n = 0; n < 16; ++n) {
      for (int m = 0; m < 16; ++m) out[n * stride + m] = sums_[n][m];
    }
  }

 private:
  float sums_[16][16];
};

}  // namespace emulation
}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_CUDA_EMULATION_EMULATION_H_
