// Scalar search for the scale of types with uneven levels (IQ4_NL, IQ4_XS): x ~ scale * level.
//
// These define the bytes; level_search-inl.h does the same for one block per SIMD lane. Binary32
// without contraction, sums in element order, products from left to right (spec: the quantizer of
// IQ4_NL of ggml, August 2026).

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_LEVEL_SEARCH_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_LEVEL_SEARCH_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

// Values that share a scale.
inline constexpr size_t kLevelValues = 32;

// The index of the level nearest to v, the upper one of two equally near; 15 for NaN.
int NearestLevel(float v);

// Of 16 scales around max |x| / 127 the one with the largest (sum w*x*level)^2 / sum w*level^2 for
// kLevelValues values; 0 when all are below 1e-15.
float SearchLevels(const float* x, const float* weights);

// The weights of kLevelValues values: x * x without importance, otherwise importance *
// sqrt(sigma2 + x * x).
void LevelWeights(const float* x, const float* importance, float sigma2, float* weights);

// The codes of kLevelValues values by the inverse of their scale, two to a byte: value j in the low
// nibble of byte j, value j + 16 in the high one.
void PackLevels(const float* x, float inverse, uint8_t* qs);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_LEVEL_SEARCH_H_
