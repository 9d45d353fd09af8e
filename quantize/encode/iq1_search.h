// Scalar search for the levels and the scale of a sub-block of IQ1_S and IQ1_M, and what both do
// with it.
//
// These define the bytes; iq1_search-inl.h does the same for one sub-block per SIMD lane. Binary32
// without contraction, products from left to right (spec: the quantizers of IQ1_S and IQ1_M of
// ggml, August 2026).

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ1_SEARCH_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ1_SEARCH_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

// Sub-blocks whose largest magnitude is below this have scale 0 and rows 0.
inline constexpr float kIq1_STiny = 1e-12f;
inline constexpr float kIq1_MTiny = 1e-7f;

// In ascending order of value, the elements before `split1` get level 0, those before `split2`
// level 1, the others level 2. Bits of `shifts` are set where levels are shifted down: IQ1_S bit 0;
// IQ1_M bit 1 for the first 8 values and bit 0 for the last 8.
struct Iq1Split {
  int split1 = 0;
  int split2 = 0;
  int shifts = 0;
  float scale = 0.0f;
  bool found = false;
};

// order[j] is the element that comes j-th by value; equal ones keep their order. At most 32 values.
void Iq1SortOrder(const float* x, size_t num_values, uint8_t* order);

// Tries all splits of 32 values with both shifts; keeps the largest (sum w*v*x)^2 / sum w*v*v.
Iq1Split SearchIq1_S(const float* x, const float* weights, const uint8_t* order);

// The same for 16 values with a shift of their own per 8 values.
Iq1Split SearchIq1_M(const float* x, const float* weights, const uint8_t* order);

// What a sub-block becomes.
struct Iq1SubBlock {
  float scale = 0.0f;     // not negative
  int shifts = 0;         // as in Iq1Split
  uint16_t rows[4] = {};  // grid row per run of 8 values
};

// The sub-block of 32 (IQ1_S) or 16 values (IQ1_M).
Iq1SubBlock EncodeIq1_SSubBlock(const float* x, const float* weights);
Iq1SubBlock EncodeIq1_MSubBlock(const float* x, const float* weights);

// The 3-bit code of the scale of a sub-block, for the inverse of the scale of the block.
int Iq1ScaleCode(float inverse, float scale);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ1_SEARCH_H_
