// Encoders of lower error for the IQ2 and IQ3 types.
//
// Every value of a block is a stored scale, d * (2 * nibble + 1) * unit, times a value of the
// codebook, with a sign. For one sub-block under a known scale the best points are found exactly:
// over all points, under the values that the decoder uses, and where the number of signs has to be
// even with the sign that costs least turned over. The points found for a scale s have an error of
// A * s * s - 2 * B * s + constant (A = sum w*q*q, B = sum w*|x|*q), which bounds the best error at
// any other scale.
//
//  1. Every sub-block tries scales from above to far below its maximum, and keeps A and B.
//  2. Candidates for d are compared by these bounds, every sub-block with the two nibbles around
//     its best scale.
//  3. For the best candidates all sub-blocks search their points anew, under the stored scales of
//     the nibbles with the least bounds; then d is fitted to the points by least squares.
//
// Of the dense search over d and all nibbles, which this stands for, max misses about a thousandth
// of the error (a hundredth for runs of 4 without importance).
//
// This is the plain version, which defines the bytes; grid_refine-inl.h does the same for one
// sub-block per SIMD lane. binary32 arithmetic without contraction.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_GRID_REFINE_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_GRID_REFINE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "gguf/base/float16.h"
#include "quantize/encode/grid_search.h"
#include "quantize/encode/refine/grid_halves.h"

namespace gguf {

inline constexpr size_t kMaxGridTrials = 32;
inline constexpr size_t kMaxGridScales = 128;  // candidates for d
inline constexpr size_t kMaxGridStarts = 4;
inline constexpr size_t kMaxGridNibbles = 4;     // candidates per sub-block
inline constexpr size_t kMaxGridSubBlocks = 16;  // of a block
inline constexpr size_t kMaxGridSubRuns = 8;     // of a sub-block

inline constexpr float kGridStartDistance = 0.06f;

// Times the maximum of the block, the least maximum with which a sub-block is tried.
inline constexpr float kRefineRange = 0x1p-10f;

struct GridEffort {
  size_t trials;   // scales per sub-block, a multiple of 4
  size_t anchors;  // the first, at most as many as levels: the maximum is at the n-th highest level
  float first_trial;  // the others: the first times maximum / largest value of the codebook,
  float trial_ratio;  // and each to the one before
  size_t scales;      // candidates for d, a multiple of 32: half of them around the largest scale
                      // of a sub-block, half around the largest value
  float first_scale;  // the first of either, times the one that has these at nibble 15
  float scale_step;   // from one to the next, in the same unit
  size_t starts;      // candidates for d that are followed
  size_t passes;      // times that d is fitted
  size_t nibbles;     // searched per sub-block; an even number
};

// Runs of 4 values have more levels, between which the trials have to be closer; runs of 8 gain
// from scales far below the maximum.
inline constexpr GridEffort kGridStandardRun8 = {12, 3, 1.3f, 0.84f, 64, 0.6f, 0.05f, 1, 1, 2};
inline constexpr GridEffort kGridStandardRun4 = {16, 1, 1.7f, 0.92f, 64, 0.6f, 0.05f, 2, 1, 2};
inline constexpr GridEffort kGridMaxRun8 = {32, 3, 1.9f, 0.93f, 128, 0.5f, 0.025f, 2, 2, 2};
inline constexpr GridEffort kGridMaxRun4 = {32, 8, 1.9f, 0.93f, 128, 0.5f, 0.025f, 4, 2, 2};

constexpr const GridEffort& GridStandard(const GridType& type) {
  return type.run == 8 ? kGridStandardRun8 : kGridStandardRun4;
}
constexpr const GridEffort& GridMax(const GridType& type) {
  return type.run == 8 ? kGridMaxRun8 : kGridMaxRun4;
}

// Blocks beyond these limits are left to the reference's search; within them nothing overflows, and
// what underflows does not matter.
inline constexpr float kRefineLargestValue = 0x1p15f;
inline constexpr float kRefineSmallestMaximum = 0x1p-20f;
inline constexpr float kRefineLargestWeight = 0x1p40f;
inline constexpr float kRefineSmallestWeight = 0x1p-60f;  // the largest of a block

// A and B of one sub-block.
struct GridMoments {
  float a;
  float b;
};

inline float GridError(GridMoments m, float scale) { return scale * (scale * m.a - (m.b + m.b)); }

// A block while its scale is chosen. Of trial t of sub-block b: [t * stride + b].
struct GridTrials {
  size_t num_subs;
  float unit;
  size_t stride;
  const float* a;
  const float* b;
  const float* best;  // scales without regard to d; 0: any, the smaller the better
};

// What the maximum of a sub-block is multiplied by for its trials, in `out`.
void GridTrialFactors(const GridEffort& effort, const GridHalves& halves, float* out);

// The points of a sub-block under the scale of one nibble.
struct GridFit {
  int nibble;
  GridMoments moments;
  uint16_t codes[kMaxGridSubRuns];  // CodeOfHalves of its runs
};

// The best that was found for a block.
struct GridBest {
  float error;  // less sum w*x*x; 0: nothing was found
  float d;
  GridFit fits[kMaxGridSubBlocks];
};

// Of the nibbles 0 .. 14, the last whose scale is not above `best`.
inline int NibbleBelow(float best, float unit_d) {
  float half = (best / unit_d - 1.0f) * 0.5f;
  half = half > 0.0f ? half : 0.0f;
  half = half < 14.0f ? half : 14.0f;
  return static_cast<int>(half);
}

// The scale of a nibble; unit_d = d * unit.
inline float GridScale(float unit_d, int nibble) {
  return unit_d * static_cast<float>(2 * nibble + 1);
}

// Whether the limits hold, from the largest magnitude and the largest weight.
bool IsUsualGridBlock(float max, float max_weight);

// Candidates for d in `out` (effort.scales); false when there are none. `largest`: scale of the
// largest value at the highest level.
bool GridScaleCandidates(const GridEffort& effort, const GridTrials& trials, float largest,
                         float* out);

// The scale with the least error of those fitted to the points of trials of one sub-block, which
// are a[t * stride] and b[t * stride].
float BestTrialScale(const GridEffort& effort, const float* a, const float* b, size_t stride);

// Bounds of the error of the block under each of the candidates.
void GridScaleBounds(const GridEffort& effort, const GridTrials& trials, const float* candidates,
                     float* bounds);

// The effort.starts best candidates, the first of equals first, each at least kGridStartDistance
// times itself away from those before; where there are no more, the best again.
void BestGridScales(const GridEffort& effort, const float* candidates, const float* bounds,
                    float* starts);

// Weights of x * x alone, as the reference has them without importance, give up the small values
// once they are minimized in earnest: a model suffers (four times the divergence for IQ3_S), and
// the sum of all squared errors doubles. So half of sigma2 is added.
inline constexpr float kRefinedPlainSigma2 = 0.5f;

// The effort.nibbles nibbles with the least bounds for a sub-block under d, best first, the lower
// of equals first.
void BestNibbles(const GridEffort& effort, const GridTrials& trials, size_t sub, float unit_d,
                 int* nibbles);

// Takes `fits` of a search under d, and the same with d fitted to them, where they are better than
// `best`. Returns the fitted d.
float ImproveGridBest(const GridFit* fits, size_t num_subs, float unit, float d, GridBest& best);

// Fills `block` but for its scales: indices and signs; and the nibbles.
void FinishGridBlock(const GridType& type, const GridHalves& halves, const float* x,
                     const float* weights, const GridBest& best, GridBlock& block,
                     uint8_t* nibbles);

// `weights`: of the errors. False when the block is left to the reference's search.
bool RefineGridBlock(const GridType& type, const GridHalves& halves, float unit,
                     const GridEffort& effort, const float* x, const float* weights,
                     GridBest& best);

// Packs a block: refined, or by the reference's search if not `refined`.
template <class Type>
void PackRefinedBlock(bool refined, const float* x, const float* importance, const float* weights,
                      const GridBest& best, uint8_t* out) {
  typename Type::Block block = {};
  GridBlock fitted;
  uint8_t nibbles[kMaxGridSubBlocks];
  if (refined) {
    FinishGridBlock(Type::kType, HalvesOf<Type>(), x, weights, best, fitted, nibbles);
    Type::Pack(fitted, nibbles, block);
    block.d = F32ToF16(std::min(best.d * Type::kGain, 65504.0f));
  } else {
    FitGridBlock(Type::kType, Type::TypeGrid(), x, importance, fitted);
    PackGridBlock(Type::kType, fitted, Type::Pack, block);
  }
  std::memcpy(out, &block, sizeof(block));
}

// Encodes rows by RefineGridBlock. `Type`: of grid_types.h.
template <class Type>
void EncodeRefinedScalar(const GridEffort& effort, const float* rows, size_t num_rows,
                         size_t columns, const float* importance, uint8_t* out) {
  const size_t num_blocks = num_rows * columns / kGridBlockValues;
  for (size_t n = 0; n < num_blocks; ++n) {
    const size_t first = n * kGridBlockValues;
    const float* x = rows + first;
    const float* w = importance != nullptr ? importance + first % columns : nullptr;
    float weights[kGridBlockValues];
    GridBlockWeights(Type::kType, kRefinedPlainSigma2, x, w, weights);
    GridBest best;
    const bool refined =
        RefineGridBlock(Type::kType, HalvesOf<Type>(), Type::kUnit, effort, x, weights, best);
    PackRefinedBlock<Type>(refined, x, w, weights, best, out + n * sizeof(typename Type::Block));
  }
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_GRID_REFINE_H_
