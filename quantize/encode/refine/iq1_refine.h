// Blocks of IQ1_S and IQ1_M of lower error, starting from the reference's.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_IQ1_REFINE_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_IQ1_REFINE_H_

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "quantize/encode/refine/iq1_choice.h"
#include "quantize/encode/refine/iq1_points.h"

namespace gguf {

// What a block stores. Run i of sub-block b is run b * (32 / num_sub_blocks) + i.
struct Iq1Parts {
  uint16_t d;  // binary16
  uint8_t scale_codes[kIq1MaxSubBlocks];
  bool negative[kIq1Runs];  // shift; with IQ1_S the same within a sub-block
  uint16_t rows[kIq1Runs];
};

// How far the search goes; 1 + ratios + 2 * rounds samples at most Iq1Samples::kMax.
struct Iq1Plan {
  absl::Span<const float> sample_ratios;  // scales to find points at, to the sub-block's best one
  absl::Span<const float> starts;         // of the block's scale, to the reference's
  size_t num_codes;                       // scale codes tried per sub-block
  size_t num_rounds;                      // of points at the very scales of the best block so far
};

// The searches of iq1_points.h and iq1_choice.h, fast or plain.
struct Iq1Searches {
  decltype(&NearestIq1Points) nearest;
  decltype(&FitIq1Points) fit;
  decltype(&ChooseIq1) choose;
};
inline constexpr Iq1Searches kIq1Fast = {NearestIq1Points, FitIq1Points, ChooseIq1};
inline constexpr Iq1Searches kIq1Scalar = {NearestIq1PointsScalar, FitIq1PointsScalar,
                                           ChooseIq1Scalar};

// Improves `parts`, the reference's, for 256 values x with weights w. False, and `parts` as they
// were, when there is nothing better, when d is not positive and finite, or when values or weights
// are beyond kIq1LargestValue and kIq1LargestWeight.
bool RefineIq1(const Iq1Shape& shape, const Iq1Plan& plan, const Iq1Searches& searches,
               const float* x, const float* w, Iq1Parts& parts);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_IQ1_REFINE_H_
