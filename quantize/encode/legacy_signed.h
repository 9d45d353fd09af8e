// The scalar definition of Q4_0 and Q5_0: blocks of 32 values, a scale and codes of 2 * kNmax
// levels, x ~ d * (code - kNmax). legacy_signed-inl.h does the same in SIMD lanes.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_LEGACY_SIGNED_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_LEGACY_SIGNED_H_

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "gguf/base/float16.h"
#include "quantize/encode/signed_search.h"

namespace gguf {

// Codes of a block without importance; returns the scale.
template <int kNmax, size_t kValues>
float EncodePlainSigned(const float* x, uint8_t* codes) {
  const float d = FirstLargest(x, kValues) / -static_cast<float>(kNmax);
  const float id = d != 0.0f ? 1.0f / d : 0.0f;
  for (size_t i = 0; i < kValues; ++i) {
    // The inverse of a subnormal d can be infinite; its codes are 0.
    const int code = std::isinf(id) ? 0 : static_cast<int>(x[i] * id + (kNmax + 0.5f));
    codes[i] = static_cast<uint8_t>(code < 2 * kNmax - 1 ? code : 2 * kNmax - 1);
  }
  return d;
}

// Codes of a block whose row has mean square sigma2; returns the scale.
template <int kNmax, size_t kValues>
float EncodeWeightedSigned(const float* x, const float* weights, float sigma2, uint8_t* codes) {
  float w[kValues];
  for (size_t i = 0; i < kValues; ++i) w[i] = ImportanceWeight(weights[i], sigma2, x[i]);
  return SearchSigned(kValues, kNmax, x, w, codes);
}

// Whole rows, as EncodeRows (encoder.h). `pack(codes, block)` stores the codes of a block.
template <int kNmax, class Block, class Pack>
void EncodeLegacySigned(const float* rows, size_t num_rows, size_t columns, const float* weights,
                        Block* block, const Pack& pack) {
  constexpr size_t kValues = Block::kValues;
  for (size_t r = 0; r < num_rows; ++r) {
    const float* row = rows + r * columns;
    const float sigma2 =
        weights != nullptr ? SumOfSquares(row, columns) / static_cast<float>(columns) : 0.0f;
    for (size_t c = 0; c < columns; c += kValues, ++block) {
      uint8_t codes[kValues];
      block->d = F32ToF16(weights != nullptr ? EncodeWeightedSigned<kNmax, kValues>(
                                                   row + c, weights + c, sigma2, codes)
                                             : EncodePlainSigned<kNmax, kValues>(row + c, codes));
      pack(codes, *block);
    }
  }
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_LEGACY_SIGNED_H_
