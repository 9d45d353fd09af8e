// The scale of a block whose groups have integer multiples of it, as in IQ4_XS.
//
// A group's error is hardly worse than its best while its scale is near its best real scale; how
// fast it grows tells its sum of squared levels. So a few block scales are compared by exact errors
// with the neighbouring codes of every group: those that give the largest group scale certain
// codes, and one for which the sum of these parabolas is least.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_BLOCK_SCALE_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_BLOCK_SCALE_H_

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "quantize/encode/iq4_xs_scales.h"
#include "quantize/encode/refine/level_fit.h"
#include "quantize/encode/rounding.h"
#include "quantize/encode/signed_search.h"

namespace gguf {

// Codes of the largest group scale with which a search starts, negated.
inline constexpr float kStartDivisors[] = {32.0f, 28.0f, 24.0f, 20.0f};

// Those whose parabolas are compared: kFirstDivisor + i * kDivisorStep.
inline constexpr float kFirstDivisor = 17.125f;
inline constexpr float kDivisorStep = 0.125f;
inline constexpr int kDivisors = 128;

// Of one divisor the sum over the groups of curvature * (ratio * divisor - integer)^2, per square
// of the divisor. `ratios`: the groups' scales over the largest.
inline float DivisorCost(float divisor, const float* ratios, const float* curvatures) {
  float sum = 0.0f;
  for (size_t g = 0; g < kIQ4_XSGroups; ++g) {
    const float code = ratios[g] * divisor;
    const float error = code - ((code + 12582912.0f) - 12582912.0f);
    sum += (curvatures[g] * error) * error;
  }
  return sum / (divisor * divisor);
}

// The first divisor of least cost.
inline float BestDivisor(const float* ratios, const float* curvatures) {
  float best = kFirstDivisor;
  float least = DivisorCost(best, ratios, curvatures);
  for (int i = 1; i < kDivisors; ++i) {
    const float divisor = kFirstDivisor + kDivisorStep * static_cast<float>(i);
    const float cost = DivisorCost(divisor, ratios, curvatures);
    if (cost < least) {
      least = cost;
      best = divisor;
    }
  }
  return best;
}

// How a search goes on after the start.
struct BlockScaleSearch {
  bool tries_all_codes;  // of every group, with the best block scale
  int descents;          // least squares block scales for the codes, then neighbouring codes
};

// Finds the block scales and codes of kBlocks blocks. `Groups` evaluates all groups at once:
//   static constexpr size_t kBlocks;
//   // Of each group the code of least error of first, first + 1, ... (`count`) times its d.
//   void BestCodes(const float* d, const float* first, int count, float* codes, float* errors);
//   // Sums of w*x*level and w*level^2 by the levels nearest to x / scale.
//   void Moments(const float* scales, float* xl, float* l2);
//   float BestDivisor(const float* ratios, const float* curvatures);  // as above
template <class Groups>
class BlockScaleFit {
 public:
  static constexpr size_t kBlocks = Groups::kBlocks;
  static constexpr size_t kGroups = kBlocks * kIQ4_XSGroups;

  struct Block {
    float d;  // a binary16 value
    float error;
    float codes[kIQ4_XSGroups];
  };

  // `reference_scales`: of the groups, as the reference finds them; its choice comes first, so that
  // nothing worse is kept. `scales`: better ones.
  BlockScaleFit(Groups& groups, const float* reference_scales, const float* scales)
      : groups_(groups), scales_(scales) {
    float d[kBlocks], first[kGroups];
    for (size_t b = 0; b < kBlocks; ++b) {
      int32_t codes[kIQ4_XSGroups];
      d[b] =
          SignedBinary16Scale(ReferenceIQ4_XSScales(reference_scales + b * kIQ4_XSGroups, codes));
      for (size_t g = 0; g < kIQ4_XSGroups; ++g) {
        first[b * kIQ4_XSGroups + g] = static_cast<float>(codes[g]);
      }
      blocks_[b].error = -1.0f;
    }
    Try(d, first, 1);
  }

  void Search(const BlockScaleSearch& search) {
    float d[kBlocks], first[kGroups];
    for (const float divisor : kStartDivisors) {
      for (size_t b = 0; b < kBlocks; ++b) d[b] = SignedBinary16Scale(-Largest(b) / divisor);
      TryNear(d);
    }
    ModelScales(d);
    TryNear(d);
    if (search.tries_all_codes) {
      for (size_t b = 0; b < kBlocks; ++b) d[b] = blocks_[b].d;
      for (float& code : first) code = static_cast<float>(kLeastIQ4_XSScale);
      Try(d, first, kGreatestIQ4_XSScale - kLeastIQ4_XSScale + 1);
    }
    for (int i = 0; i < search.descents; ++i) {
      LeastSquares(d);
      for (size_t g = 0; g < kGroups; ++g) first[g] = FirstOfNeighbours(Code(g));
      Try(d, first, kNeighbours);
    }
  }

  const Block& block(size_t b) const { return blocks_[b]; }

 private:
  static constexpr int kNeighbours = 3;

  static float FirstOfNeighbours(float code) {
    const float first = code - 1.0f;
    const float last = static_cast<float>(kGreatestIQ4_XSScale - kNeighbours + 1);
    const float least = static_cast<float>(kLeastIQ4_XSScale);
    return first > least ? (first < last ? first : last) : least;
  }

  float Code(size_t g) const { return blocks_[g / kIQ4_XSGroups].codes[g % kIQ4_XSGroups]; }

  float Largest(size_t b) const { return FirstLargest(scales_ + b * kIQ4_XSGroups, kIQ4_XSGroups); }

  // Keeps what is better than before; anything in a block whose error is negative.
  void Try(const float* d, const float* first, int count) {
    float group_d[kGroups], codes[kGroups], errors[kGroups];
    for (size_t g = 0; g < kGroups; ++g) group_d[g] = d[g / kIQ4_XSGroups];
    groups_.BestCodes(group_d, first, count, codes, errors);
    for (size_t b = 0; b < kBlocks; ++b) {
      float error = 0.0f;
      for (size_t g = 0; g < kIQ4_XSGroups; ++g) error += errors[b * kIQ4_XSGroups + g];
      Block& block = blocks_[b];
      if (!(error < block.error || block.error < 0.0f)) continue;
      block.error = error;
      block.d = d[b];
      for (size_t g = 0; g < kIQ4_XSGroups; ++g) block.codes[g] = codes[b * kIQ4_XSGroups + g];
    }
  }

  // With the codes around each group's own scale.
  void TryNear(const float* d) {
    float first[kGroups];
    for (size_t g = 0; g < kGroups; ++g) {
      const float code = scales_[g] * InverseOfScale(d[g / kIQ4_XSGroups]);
      first[g] = FirstOfNeighbours(static_cast<float>(RoundByBits(code)));
    }
    Try(d, first, kNeighbours);
  }

  void ModelScales(float* d) {
    float xl[kGroups], l2[kGroups], ratios[kIQ4_XSGroups];
    groups_.Moments(scales_, xl, l2);
    for (size_t b = 0; b < kBlocks; ++b) {
      const float inverse = InverseOfScale(Largest(b));
      for (size_t g = 0; g < kIQ4_XSGroups; ++g) {
        ratios[g] = scales_[b * kIQ4_XSGroups + g] * inverse;
      }
      d[b] = SignedBinary16Scale(-Largest(b) / groups_.BestDivisor(ratios, l2 + b * kIQ4_XSGroups));
    }
  }

  void LeastSquares(float* d) {
    float scales[kGroups], xl[kGroups], l2[kGroups];
    for (size_t g = 0; g < kGroups; ++g) scales[g] = blocks_[g / kIQ4_XSGroups].d * Code(g);
    groups_.Moments(scales, xl, l2);
    for (size_t b = 0; b < kBlocks; ++b) {
      float sum_xl = 0.0f, sum_l2 = 0.0f;
      for (size_t g = b * kIQ4_XSGroups; g < (b + 1) * kIQ4_XSGroups; ++g) {
        sum_xl += Code(g) * xl[g];
        sum_l2 += (Code(g) * Code(g)) * l2[g];
      }
      d[b] = sum_l2 > 0.0f ? SignedBinary16Scale(sum_xl / sum_l2) : blocks_[b].d;
    }
  }

  Groups& groups_;
  const float* scales_;
  Block blocks_[kBlocks];
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_BLOCK_SCALE_H_
