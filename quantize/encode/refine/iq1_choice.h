// Scale codes, shifts and points of a block of IQ1_S or IQ1_M for a given scale of the block, from
// points found at a few sample scales.
//
// A point's error is a parabola in the scale (iq1_points.h), so that a point found at one scale is
// a candidate, with its exact error, at every other; a few samples give nearly the best point
// everywhere in between.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_IQ1_CHOICE_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_IQ1_CHOICE_H_

#include <cstddef>
#include <cstdint>

#include "quantize/encode/refine/iq1_points.h"

namespace gguf {

inline constexpr size_t kIq1MaxSubBlocks = 16;
inline constexpr size_t kIq1ScaleCodes = 8;

// How the 32 runs of a block belong together. Run i of sub-block b is at i * num_sub_blocks + b in
// all arrays of runs, so that neighbours belong to different sub-blocks.
struct Iq1Shape {
  size_t num_sub_blocks;  // 8 (IQ1_S) or 16 (IQ1_M)
  bool shift_per_run;     // otherwise per sub-block
};
inline constexpr Iq1Shape kIq1_SShape = {8, false};
inline constexpr Iq1Shape kIq1_MShape = {16, true};

struct Iq1Samples {
  static constexpr size_t kMax = 10;
  size_t count = 0;
  Iq1Points points[kMax];
};

struct Iq1Choice {
  int32_t scale_codes[kIq1MaxSubBlocks];
  int32_t points[kIq1Runs];    // sample * 2 + shift
  float qx[kIq1MaxSubBlocks];  // sums over the runs of the sub-block, in units of its scale
  float q2[kIq1MaxSubBlocks];
};

// The choice of least error at block scale d (positive, normal). `centers`: for every sub-block a
// scale near its best one; the `num_codes` (1 to 8) scale codes whose scales d * (2 * code + 1) lie
// around it are tried. Of equal ones the least code, shift, sample. The two give identical results;
// the second is the plain definition.
void ChooseIq1(const Iq1Shape& shape, const Iq1Samples& samples, const float* centers, float d,
               size_t num_codes, Iq1Choice& choice);
void ChooseIq1Scalar(const Iq1Shape& shape, const Iq1Samples& samples, const float* centers,
                     float d, size_t num_codes, Iq1Choice& choice);

// The first of the `num_codes` codes around `center`.
int32_t FirstIq1Code(float center, float d, size_t num_codes);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_IQ1_CHOICE_H_
