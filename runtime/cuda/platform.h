// What kernels are written in: threads, barriers, sums over a warp, products of tiles. nvcc makes
// them of CUDA, any other compiler of the emulation, on which the same kernels are tested without a
// device.

#ifndef GGUF_TOOLCHAIN_RUNTIME_CUDA_PLATFORM_H_
#define GGUF_TOOLCHAIN_RUNTIME_CUDA_PLATFORM_H_

#include <cstddef>
#include <cstdint>

#ifdef __CUDACC__
#include <cuda_bf16.h>
#include <cuda_runtime.h>
#include <mma.h>
#define GGUF_KERNEL __global__
#define GGUF_DEVICE __device__
#define GGUF_UNROLL _Pragma("unroll")
#else
#include "runtime/cuda/emulation/emulation.h"
#define GGUF_KERNEL
#define GGUF_DEVICE
#define GGUF_UNROLL
#endif

namespace gguf {
namespace device {

inline constexpr int kWarpThreads = 32;

struct Grid {
  unsigned x = 1, y = 1, z = 1;
};

inline unsigned CeilDiv(uint64_t a, uint64_t b) { return static_cast<unsigned>((a + b - 1) / b); }

#ifdef __CUDACC__

__device__ inline int Thread() { return static_cast<int>(threadIdx.x); }
__device__ inline int NumThreads() { return static_cast<int>(blockDim.x); }
__device__ inline unsigned BlockX() { return blockIdx.x; }
__device__ inline unsigned BlockY() { return blockIdx.y; }
__device__ inline unsigned BlockZ() { return blockIdx.z; }
__device__ inline void SyncBlock() { __syncthreads(); }

// Aligned for tiles. As large as the launch says.
__device__ inline unsigned char* SharedMemory() {
  extern __shared__ __align__(128) unsigned char shared[];
  return shared;
}

// All threads of a warp take part in these, and get the same.
__device__ inline float WarpSum(float value) {
  for (int other = 16; other > 0; other /= 2) value += __shfl_xor_sync(~0u, value, other);
  return value;
}

// The sums of a product of 16 rows of weights with 16 tokens, held by a warp together.
class Tile {
 public:
  __device__ Tile() { nvcuda::wmma::fill_fragment(sums_, 0.0f); }

  // sum(m, n) += weights[m][k] * tokens[n][k], k < 16, bfloat16, `stride` values from row to row;
  // rows are aligned to 32 bytes.
  __device__ void MultiplyAdd(const uint16_t* weights, const uint16_t* tokens, int stride) {
    namespace wmma = nvcuda::wmma;
    wmma::fragment<wmma::matrix_a, 16, 16, 16, __nv_bfloat16, wmma::row_major> a;
    wmma::fragment<wmma::matrix_b, 16, 16, 16, __nv_bfloat16, wmma::col_major> b;
    wmma::load_matrix_sync(a, reinterpret_cast<const __nv_bfloat16*>(weights), stride);
    wmma::load_matrix_sync(b, reinterpret_cast<const __nv_bfloat16*>(tokens), stride);
    wmma::mma_sync(sums_, a, b, sums_);
  }

  // out[n * stride + m] = sum(m, n)
  __device__ void Store(float* out, int stride) const {
    nvcuda::wmma::store_matrix_sync(out, sums_, stride, nvcuda::wmma::mem_col_major);
  }

 private:
  nvcuda::wmma::fragment<nvcuda::wmma::accumulator, 16, 16, 16, float> sums_;
};

template <class Args>
int Launch(void (*kernel)(Args), Grid grid, int threads, size_t shared_bytes, const Args& args) {
  if (shared_bytes > 48 * 1024) {
    const cudaError_t error = cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel),
                                                   cudaFuncAttributeMaxDynamicSharedMemorySize,
                                                   static_cast<int>(shared_bytes));
    if (error != cudaSuccess) return error;
  }
  kernel<<<dim3(grid.x, grid.y, grid.z), threads, shared_bytes>>>(args);
  return cudaGetLastError();
}

#else

using emulation::BlockX;
using emulation::BlockY;
using emulation::BlockZ;
using emulation::NumThreads;
using emulation::SharedMemory;
using emulation::SyncBlock;
using emulation::Thread;
using emulation::Tile;
using emulation::WarpSum;

template <class Args>
int Launch(void (*kernel)(Args), Grid grid, int threads, size_t shared_bytes, const Args& args) {
  emulation::RunGrid(grid.x, grid.y, grid.z, threads, shared_bytes, [&] { kernel(args); });
  return 0;
}

#endif

}  // namespace device
}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_CUDA_PLATFORM_H_
