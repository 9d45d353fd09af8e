#include "runtime/ops/gemm.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/ops/gemm.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
//
#include "hwy/highway.h"
#include "runtime/ops/gemm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {

void Panel(const GemmA& a, size_t rows, const float* b, size_t depth, float* c, size_t c_stride,
           size_t lanes) {
  MultiplyPanel(a, rows, b, depth, c, c_stride, lanes);
}

float Dot(const float* HWY_RESTRICT a, const float* HWY_RESTRICT b, size_t n) {
#if HWY_HAVE_SCALABLE
  return DotProductReference(a, b, n);
#else
  // Four sums hide the latency of an addition.
  const DFloat d;
  auto sum0 = hn::Zero(d);
  auto sum1 = hn::Zero(d);
  auto sum2 = hn::Zero(d);
  auto sum3 = hn::Zero(d);
  size_t i = 0;
  for (; i + 4 * kFloats <= n; i += 4 * kFloats) {
    sum0 = hn::MulAdd(hn::LoadU(d, a + i), hn::LoadU(d, b + i), sum0);
    sum1 = hn::MulAdd(hn::LoadU(d, a + i + kFloats), hn::LoadU(d, b + i + kFloats), sum1);
    sum2 = hn::MulAdd(hn::LoadU(d, a + i + 2 * kFloats), hn::LoadU(d, b + i + 2 * kFloats), sum2);
    sum3 = hn::MulAdd(hn::LoadU(d, a + i + 3 * kFloats), hn::LoadU(d, b + i + 3 * kFloats), sum3);
  }
  for (; i + kFloats <= n; i += kFloats) {
    sum0 = hn::MulAdd(hn::LoadU(d, a + i), hn::LoadU(d, b + i), sum0);
  }
  float sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3))));
  for (; i < n; ++i) sum += a[i] * b[i];
  return sum;
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

HWY_EXPORT(Panel);
HWY_EXPORT(Dot);

void GemmPanel(const GemmA& a, size_t rows, const float* b, size_t depth, float* c, size_t c_stride,
               size_t lanes) {
  HWY_DYNAMIC_DISPATCH(Panel)(a, rows, b, depth, c, c_stride, lanes);
}

void GemmPanelReference(const GemmA& a, size_t rows, const float* b, size_t depth, float* c,
                        size_t c_stride, size_t lanes) {
  for (size_t r = 0; r < rows; ++r) {
    for (size_t m = 0; m < lanes; ++m) {
      float sum = c[r * c_stride + m];
      for (size_t k = 0; k < depth; ++k) {
        sum += a.values[r * a.row_stride + k * a.column_stride] * b[k * kGemmLanes + m];
      }
      c[r * c_stride + m] = sum;
    }
  }
}

void PackPanel(const float* in, size_t row_stride, size_t rows, size_t depth, float* out) {
  for (size_t k = 0; k < depth; ++k) {
    float* lane = out + k * kGemmLanes;
    for (size_t m = 0; m < rows; ++m) lane[m] = in[m * row_stride + k];
    for (size_t m = rows; m < kGemmLanes; ++m) lane[m] = 0.0f;
  }
}

float DotProduct(const float* a, const float* b, size_t n) {
  return HWY_DYNAMIC_DISPATCH(Dot)(a, b, n);
}

float DotProductReference(const float* a, const float* b, size_t n) {
  float sum = 0.0f;
  for (size_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace gguf
#endif  // HWY_ONCE
