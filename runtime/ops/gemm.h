// A small matrix product on packed panels: what the large ones are made of.
//
// Instead of a BLAS, which wants whole matrices in float: weights of a model decoded so would be
// four to twelve times its size, and decoded tile by tile a BLAS packs each of them once more. One
// thread of a 4th-generation Xeon, 2048 x 2048 floats by 512, thousand millions of products a
// second: OpenBLAS 0.3.21 31 as Debian's chooses its kernels there (for AVX2) and 53 with
// OPENBLAS_CORETYPE=SkylakeX, these panels 44; amx.h, which takes their place there, 74 as
// precise, and 235 in bfloat16.

#ifndef GGUF_TOOLCHAIN_RUNTIME_OPS_GEMM_H_
#define GGUF_TOOLCHAIN_RUNTIME_OPS_GEMM_H_

#include <cstddef>

namespace gguf {

// Columns of a panel, whatever the instruction set: two vectors of the widest.
inline constexpr size_t kGemmLanes = 32;

// The left matrix: element (r, k) at values[r * row_stride + k * column_stride].
struct GemmA {
  const float* values;
  size_t row_stride;
  size_t column_stride;
};

// c[r * c_stride + m] += sum over k in [0, depth) of a(r, k) * b[k * kGemmLanes + m], for r in
// [0, rows) and m in [0, lanes), lanes <= kGemmLanes. Each sum is over k in order, in float, with
// or without contraction: instruction sets differ in the last bits. Lanes of c up to kGemmLanes may
// be written (and must exist); those at and above `lanes` are undefined.
void GemmPanel(const GemmA& a, size_t rows, const float* b, size_t depth, float* c, size_t c_stride,
               size_t lanes);
void GemmPanelReference(const GemmA& a, size_t rows, const float* b, size_t depth, float* c,
                        size_t c_stride, size_t lanes);

// Packs `rows` <= kGemmLanes rows of `depth` values (stride `row_stride`) into a panel:
// out[k * kGemmLanes + m] = in[m * row_stride + k]; zero for m >= rows.
void PackPanel(const float* in, size_t row_stride, size_t rows, size_t depth, float* out);

// The sum of a[i] * b[i]; partial sums per lane, so instruction sets differ in the last bits.
float DotProduct(const float* a, const float* b, size_t n);
float DotProductReference(const float* a, const float* b, size_t n);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_OPS_GEMM_H_
