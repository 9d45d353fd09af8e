// A row of weights as small integers and their scales: what every block type is before it becomes
// floats.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_CODE_ROW_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_CODE_ROW_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

inline constexpr size_t kCodeGroup = 16;  // values that share a scale

// Value i is scales[i / 16] * codes[i] - minimums[i / 16], in float, as DecodeBlock computes it.
// Minimums exist in types that have them; for others nothing is written there.
struct CodeRow {
  int8_t* codes;    // [n]
  float* scales;    // [n / 16]
  float* minimums;  // [n / 16]

  // The row from value n on, a multiple of 16.
  CodeRow operator+(size_t n) const {
    return {codes + n, scales + n / kCodeGroup, minimums + n / kCodeGroup};
  }
  CodeRow& operator+=(size_t n) { return *this = *this + n; }
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_CODE_ROW_H_
