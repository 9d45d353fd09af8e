// Encoders of lower error for the IQ2 and IQ3 types.
//
// Every value of a block is a stored scale, d * (2 * nibble + 1) * unit, times a value of the
// codebook, with a sign. For one sub-block under a known scale the best points are found exactly:
// over all points, under the values that the decoder uses, and where the number of signs has to be
// even with the sign that costs least turned over. The points found for a scale s have an error of
// A * s * s - 2 * B * s + constant (A = sum w*q*q, B = sum w*|x|*q), which bounds the best error at
// any other scale.
//
//  1. Every sub-block tries scales from far above to far below its maximum, and keeps A and B.
//  2. Candidates for d are compared by these bounds, every sub-block with the two nibbles around
//     its best scale.
//  3. For the best candidates all sub-blocks search their points anew, under the stored scales of
//     a few nibbles; then d is fitted to the points by least squares.
//
// This is the plain version, which defines the bytes; grid_refine-inl.h does the same for one
// sub-block per SIMD lane. binary32 arithmetic without contraction.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_GRID_REFINE_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_GRID_REFINE_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "quantize/encode/grid_search.h"
#include "quantize/encode/refine/grid_halves.h"

namespace gguf {

inline constexpr size_t kMaxGridTrials = 32;
inline constexpr size_t kMaxGridScales = 64;     // candidates for d
inline constexpr size_t kMaxGridNibbles = 4;     // candidates per sub-block
inline constexpr size_t kMaxGridSubBlocks = 16;  // of a block
inline constexpr size_t kMaxGridSubRuns = 8;     // of a sub-block

struct GridEffort {
  size_t trials;      // scales per sub-block, a multiple of 4; the first puts the maximum at the
                      // smallest value of the codebook
  float first_trial;  // the second, times maximum / largest value of the codebook
  float trial_ratio;  // of each after that to the one before
  size_t scales;      // candidates for d, a multiple of 16
  float first_scale;  // the first, times the one where the largest scale has nibble 15
  float scale_step;   // from one to the next, in the same unit
  size_t starts;      // candidates for d that are followed
  size_t passes;      // times that d is fitted
  size_t nibbles;     // searched per sub-block around the best: 2 or 4
};

// Runs of 4 values have more levels, between which the trials have to be closer; runs of 8 gain
// from scales far below the maximum.
inline constexpr GridEffort kGridStandardRun8 = {12, 1.5f, 0.85f, 32, 0.7f, 0.025f, 1, 1, 4};
inline constexpr GridEffort kGridStandardRun4 = {16, 1.7f, 0.92f, 32, 0.7f, 0.025f, 1, 1, 4};
inline constexpr GridEffort kGridMax = {32, 2.1f, 0.93f, 64, 0.55f, 0.0165f, 2, 2, 4};

constexpr const GridEffort& GridStandard(const GridType& type) {
  return type.run == 8 ? kGridStandardRun8 : kGridStandardRun4;
}

// Blocks beyond these limits are left to the reference's search; within them nothing overflows, and
// what underflows does not matter.
inline constexpr float kRefineLargestValue = 0x1p15f;
inline constexpr float kRefineSmallestMaximum = 0x1p-20f;
inline constexpr float kRefineLargestWeight = 0x1p40f;
inline constexpr float kRefineSmallestWeight = 0x1p-60f;  // the largest of a block
inline constexpr float kRefineRange =
    0x1p-10f;  // maxima below this part of the block's count as it

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

// The scale of trial t + 1 of a sub-block, from that of trial t (unused for t = 0).
inline float NextGridTrial(const GridEffort& effort, size_t t, float max, float largest_value,
                           float scale) {
  return t == 0 ? max * (effort.first_trial / largest_value) : scale * effort.trial_ratio;
}

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

// v in binary16 and back.
float RoundToF16(float v);

// The first of the nibbles that a sub-block whose best scale is `best` searches under d; nibble n
// of the search is NibbleOfSearch(first, n).
inline int FirstNibble(float best, float unit_d) {
  float half = (best / unit_d - 1.0f) * 0.5f;
  half = half > 0.0f ? half : 0.0f;
  half = half < 14.0f ? half : 14.0f;
  return static_cast<int>(half);
}
inline int NibbleOfSearch(int first, size_t n, size_t nibbles) {
  const int nibble = first + static_cast<int>(n) - (nibbles > 2 ? 1 : 0);
  return nibble < 0 ? 0 : (nibble > 15 ? 15 : nibble);
}
inline float GridScale(float unit_d, int nibble) {
  return unit_d * static_cast<float>(2 * nibble + 1);
}

// Whether the limits hold, from the largest magnitude and the largest weight.
bool IsUsualGridBlock(float max, float max_weight);

// Candidates for d in `out` (effort.scales); false when there are none.
bool GridScaleCandidates(const GridEffort& effort, const GridTrials& trials, float* out);

// The scale with the least error of those fitted to the points of trials of one sub-block, which
// are a[t * stride] and b[t * stride].
float BestTrialScale(const GridEffort& effort, const float* a, const float* b, size_t stride);

// Bounds of the error of the block under each of the candidates.
void GridScaleBounds(const GridEffort& effort, const GridTrials& trials, const float* candidates,
                     float* bounds);

// The effort.starts best candidates, the first of equals first.
void BestGridScales(const GridEffort& effort, const float* candidates, const float* bounds,
                    float* starts);

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

uint16_t GridScaleBits(float d);

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
    block.d = GridScaleBits(best.d);
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
    GridBlockWeights(Type::kType, x, w, weights);
    GridBest best;
    const bool refined =
        RefineGridBlock(Type::kType, HalvesOf<Type>(), Type::kUnit, effort, x, weights, best);
    PackRefinedBlock<Type>(refined, x, w, weights, best, out + n * sizeof(typename Type::Block));
  }
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_GRID_REFINE_H_
