// The inner loop of every product of many columns: of weights with a prompt, and inside attention.

// Per-target include guard
#if defined(GGUF_TOOLCHAIN_RUNTIME_OPS_GEMM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GGUF_TOOLCHAIN_RUNTIME_OPS_GEMM_INL_H_
#undef GGUF_TOOLCHAIN_RUNTIME_OPS_GEMM_INL_H_
#else
#define GGUF_TOOLCHAIN_RUNTIME_OPS_GEMM_INL_H_
#endif

#include <cstddef>

#include "hwy/highway.h"
#include "runtime/ops/gemm.h"
#include "runtime/ops/unroll.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_HAVE_SCALABLE

HWY_INLINE void MultiplyPanel(const GemmA& a, size_t rows, const float* b, size_t depth, float* c,
                              size_t c_stride, size_t lanes) {
  GemmPanelReference(a, rows, b, depth, c, c_stride, lanes);
}

#else

using DFloat = hn::CappedTag<float, 16>;
inline constexpr size_t kFloats = hn::MaxLanes(DFloat());

// As many rows as keep every sum in a register: 32 registers or 16, of which two hold b and one a.
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
inline constexpr int kGemmRows = 14;
#else
inline constexpr int kGemmRows = 6;
#endif

// c[kRows][kVectors] += a * b, sums over depth in order.
template <int kRows, int kVectors>
HWY_NOINLINE void GemmBlock(const float* HWY_RESTRICT a, size_t a_row, size_t a_column,
                            const float* HWY_RESTRICT b, size_t depth, float* HWY_RESTRICT c,
                            size_t c_stride) {
  const DFloat d;
  hn::Vec<DFloat> sums[kRows][kVectors];
  GGUF_UNROLL
  for (int r = 0; r < kRows; ++r) {
    GGUF_UNROLL
    for (int v = 0; v < kVectors; ++v) sums[r][v] = hn::LoadU(d, c + r * c_stride + v * kFloats);
  }
  for (size_t k = 0; k < depth; ++k) {
    hn::Vec<DFloat> right[kVectors];
    GGUF_UNROLL
    for (int v = 0; v < kVectors; ++v) right[v] = hn::LoadU(d, b + k * kGemmLanes + v * kFloats);
    GGUF_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const auto left = hn::Set(d, a[r * a_row + k * a_column]);
      GGUF_UNROLL
      for (int v = 0; v < kVectors; ++v) sums[r][v] = hn::MulAdd(left, right[v], sums[r][v]);
    }
  }
  GGUF_UNROLL
  for (int r = 0; r < kRows; ++r) {
    GGUF_UNROLL
    for (int v = 0; v < kVectors; ++v) hn::StoreU(sums[r][v], d, c + r * c_stride + v * kFloats);
  }
}

template <int kRows>
HWY_INLINE void GemmRows(const GemmA& a, size_t row, const float* b, size_t depth, float* c,
                         size_t c_stride, size_t lanes) {
  const float* left = a.values + row * a.row_stride;
  float* out = c + row * c_stride;
  size_t lane = 0;
  for (; lane + kFloats < lanes; lane += 2 * kFloats) {
    GemmBlock<kRows, 2>(left, a.row_stride, a.column_stride, b + lane, depth, out + lane, c_stride);
  }
  if (lane < lanes) {
    GemmBlock<kRows, 1>(left, a.row_stride, a.column_stride, b + lane, depth, out + lane, c_stride);
  }
}

// See gemm.h.
HWY_INLINE void MultiplyPanel(const GemmA& a, size_t rows, const float* b, size_t depth, float* c,
                              size_t c_stride, size_t lanes) {
  size_t row = 0;
  for (; row + kGemmRows <= rows; row += kGemmRows) {
    GemmRows<kGemmRows>(a, row, b, depth, c, c_stride, lanes);
  }
  for (; row + 4 <= rows; row += 4) GemmRows<4>(a, row, b, depth, c, c_stride, lanes);
  for (; row < rows; ++row) GemmRows<1>(a, row, b, depth, c, c_stride, lanes);
}

#endif  // HWY_HAVE_SCALABLE

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
