// Scalar search for the scale of non-negative values: x ~ scale * code. It quantizes the scales
// and minimums of sub-blocks.
//
// This defines the bytes; positive_search-inl.h does the same for one vector of values per SIMD
// lane (spec: the search make_qp_quants of ggml, August 2026).

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_POSITIVE_SEARCH_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_POSITIVE_SEARCH_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

// Below this, the largest value counts as zero.
inline constexpr float kPositiveSearchEpsilon = 1e-15f;

// Tries nine scales around max / max_code, then moves single codes while that improves the fit.
// Returns the scale; writes codes 0 .. max_code. A negative x gives a code modulo 256 (the codes
// are cells of 8 bits), which the caller has to live with.
float FitPositive(size_t num_values, int max_code, const float* x, const float* weights,
                  uint8_t* codes);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_POSITIVE_SEARCH_H_
