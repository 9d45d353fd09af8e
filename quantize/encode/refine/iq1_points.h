// The grid points of IQ1_S and IQ1_M nearest to runs of 8 values at a given scale, over all 2048.
//
// Value k costs w * (scale * level - x)^2 on a level. A point is two halves of four levels, each a
// number a or b below 81 (base 3, the first value has the least digit): the costs of all halves are
// 2 x 81 sums, and the least of a point is min over a of (cost of a + min over b of cost of b), b
// from the halves that occur with a.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_IQ1_POINTS_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_IQ1_POINTS_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

inline constexpr size_t kIq1Runs = 32;
inline constexpr size_t kIq1RunValues = 8;

// A block of 256 values: value k of run r at [k * kIq1Runs + r]. |x| <= kIq1LargestValue,
// 0 <= w <= kIq1LargestWeight, no -0 among w.
struct Iq1Runs {
  float x[kIq1Runs * kIq1RunValues];
  float w[kIq1Runs * kIq1RunValues];
};

// With scales up to 2^22, no cost overflows within these.
inline constexpr float kIq1LargestValue = 0x1p30f;
inline constexpr float kIq1LargestWeight = 0x1p60f;

// A point for every run with positive [0] and with negative [1] shift. With q the levels of the
// point, the run's error at scale s is s * s * q2 - 2 * s * qx more than sum w*x*x.
struct Iq1Points {
  int32_t halves[2][kIq1Runs];  // a * 128 + b
  float qx[2][kIq1Runs];        // sum w*q*x
  float q2[2][kIq1Runs];        // sum w*q*q
};

// The nearest points, up to a factor of 1 + 2^-16 in the cost of second halves; of equally near
// ones the least a, then the least b. scales: of every run, from 0 to 2^22. The two give identical
// results; the second is the plain definition.
void NearestIq1Points(const Iq1Runs& runs, const float* scales, Iq1Points& nearest);
void NearestIq1PointsScalar(const Iq1Runs& runs, const float* scales, Iq1Points& nearest);

// Sets qx and q2 of `points` by its halves.
void FitIq1Points(const Iq1Runs& runs, Iq1Points& points);
void FitIq1PointsScalar(const Iq1Runs& runs, Iq1Points& points);

// The row of the grid with these halves, which must occur together.
size_t Iq1RowOfHalves(int32_t halves);

// The halves of a row.
int32_t Iq1HalvesOfRow(size_t row);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_IQ1_POINTS_H_
