#include "quantize/encode/refine/iq4_xs.h"

#include <cmath>
#include <limits>

#include "formats/codec/iq4_xs.h"
#include "quantize/encode/iq4_xs_scales.h"
#include "quantize/encode/level_search.h"
#include "quantize/encode/refine/block_scale.h"
#include "quantize/encode/refine/effort_encoders.h"
#include "quantize/encode/refine/level_fit.h"
#include "quantize/encode/signed_search.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/refine/iq4_xs.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/level_search-inl.h"
#include "quantize/encode/refine/level_fit-inl.h"

// Scalar parts, once for all instruction sets.
#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_IQ4_XS_ONCE
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_IQ4_XS_ONCE
namespace gguf {
namespace {

constexpr size_t kValues = BlockIQ4_XS::kValues;
constexpr float kSigmaFactor = 2.0f / static_cast<float>(kValues);

constexpr BlockScaleSearch kStandardSearch = {false, 2};
constexpr BlockScaleSearch kMaxSearch = {true, 3};

float FiniteOrZero(float v) { return std::fabs(v) <= std::numeric_limits<float>::max() ? v : 0.0f; }

// The groups of one block.
struct ScalarGroups {
  static constexpr size_t kBlocks = 1;

  void BestCodes(const float* d, const float* first, int count, float* codes, float* errors) const {
    for (size_t g = 0; g < kIQ4_XSGroups; ++g) {
      codes[g] = first[g];
      errors[g] = std::numeric_limits<float>::infinity();
      for (int k = 0; k < count; ++k) {
        const float code = first[g] + static_cast<float>(k);
        const float error = ErrorOfScale(d[g] * code, x + g * kLevelValues, w + g * kLevelValues);
        if (error < errors[g]) {
          errors[g] = error;
          codes[g] = code;
        }
      }
    }
  }

  void Moments(const float* scales, float* xl, float* l2) const {
    for (size_t g = 0; g < kIQ4_XSGroups; ++g) {
      const LevelMoments sums =
          MomentsOfInverse(InverseOfScale(scales[g]), x + g * kLevelValues, w + g * kLevelValues);
      xl[g] = sums.xl;
      l2[g] = sums.l2;
    }
  }

  float BestDivisor(const float* ratios, const float* curvatures) const {
    return gguf::BestDivisor(ratios, curvatures);
  }

  const float* x;
  const float* w;
};

// The block scale and the 6-bit scales; the scales they make are for the codes.
template <class Block>
void StoreScales(const Block& found, BlockIQ4_XS& block, float* scales) {
  int32_t codes[kIQ4_XSGroups];
  for (size_t g = 0; g < kIQ4_XSGroups; ++g) {
    codes[g] = static_cast<int32_t>(found.codes[g]);
    scales[g] = found.d * found.codes[g];
  }
  StoreIQ4_XSScales(found.d, codes, block);
}

void EncodeBlock(const BlockScaleSearch& search, const float* x, const float* importance,
                 BlockIQ4_XS& block) {
  const float sigma2 = SumOfSquares(x, kValues) * kSigmaFactor;
  float w[kValues], reference[kIQ4_XSGroups], scales[kIQ4_XSGroups];
  for (size_t g = 0; g < kIQ4_XSGroups; ++g) {
    const size_t first = g * kLevelValues;
    LevelWeights(x + first, importance != nullptr ? importance + first : nullptr, sigma2,
                 w + first);
    const float found = SearchLevels(x + first, w + first);
    scales[g] = FiniteOrZero(SearchTrials(kLevelTrials, found, x + first, w + first));
    reference[g] = FiniteOrZero(found);
  }
  ScalarGroups groups = {x, w};
  BlockScaleFit<ScalarGroups> fit(groups, reference, scales);
  fit.Search(search);
  StoreScales(fit.block(0), block, scales);
  for (size_t g = 0; g < kIQ4_XSGroups; ++g) {
    PackLevels(x + g * kLevelValues, InverseOfScale(scales[g]), block.qs + g * kLevelValues / 2);
  }
}

void EncodeScalar(const BlockScaleSearch& search, const float* rows, size_t num_rows,
                  size_t columns, const float* weights, uint8_t* out) {
  auto* blocks = reinterpret_cast<BlockIQ4_XS*>(out);
  for (size_t n = 0; n < num_rows * columns / kValues; ++n) {
    const float* importance = weights != nullptr ? weights + n * kValues % columns : nullptr;
    EncodeBlock(search, rows + n * kValues, importance, blocks[n]);
  }
}

}  // namespace
}  // namespace gguf
#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_IQ4_XS_ONCE

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The groups of as many blocks as fill a vector, at least one: vectors of groups, transposed.
class LaneGroups {
 public:
  static constexpr size_t kBlocks = hn::MaxLanes(LaneTag()) > kIQ4_XSGroups ? 2 : 1;
  static constexpr size_t kGroups = kBlocks * kIQ4_XSGroups;

  // From block `first` on, at most kBlocks; `sums` are the sums of squares of these blocks.
  HWY_INLINE LaneGroups(const float* rows, size_t columns, const float* weights, size_t first,
                        size_t num_blocks, const float* HWY_RESTRICT sums)
      : tables_(LaneTag()) {
    const LaneTag df;
    const size_t lanes = hn::Lanes(df);
    HWY_ALIGN float sigma2[kMaxLanes];
    const size_t num_groups = num_blocks * kIQ4_XSGroups;
    for (size_t g = 0; g < kGroups; g += lanes) {
      const size_t count = HWY_MIN(lanes, num_groups - g);
      LoadLevelBlocks(df, rows, columns, weights, first * kIQ4_XSGroups + g, count, X(g), W(g));
      for (size_t b = 0; b < lanes; ++b) {
        sigma2[b] = sums[(g + HWY_MIN(b, count - 1)) / kIQ4_XSGroups] * kSigmaFactor;
      }
      LevelWeightsLanes(df, X(g), weights != nullptr, hn::Load(df, sigma2), W(g));
    }
  }

  HWY_INLINE void SearchScales(float* HWY_RESTRICT reference, float* HWY_RESTRICT scales) {
    const LaneTag df;
    for (size_t g = 0; g < kGroups; g += hn::Lanes(df)) {
      const auto found = SearchLevelsLanes(df, X(g), W(g));
      hn::StoreU(found, df, reference + g);
      hn::StoreU(SearchTrialsLanes(df, tables_, kLevelTrials, found, X(g), W(g)), df, scales + g);
    }
    for (size_t g = 0; g < kGroups; ++g) {
      reference[g] = FiniteOrZero(reference[g]);
      scales[g] = FiniteOrZero(scales[g]);
    }
  }

  HWY_NOINLINE void BestCodes(const float* HWY_RESTRICT d, const float* HWY_RESTRICT first,
                              int count, float* HWY_RESTRICT codes, float* HWY_RESTRICT errors) {
    const LaneTag df;
    for (size_t g = 0; g < kGroups; g += hn::Lanes(df)) {
      const auto group_d = hn::LoadU(df, d + g);
      const auto start = hn::LoadU(df, first + g);
      auto best = start;
      auto least = hn::Set(df, std::numeric_limits<float>::infinity());
      for (int k = 0; k < count; ++k) {
        const auto code = hn::Add(start, hn::Set(df, static_cast<float>(k)));
        const auto error = ErrorOfScaleLanes(df, tables_, hn::Mul(group_d, code), X(g), W(g));
        const auto better = hn::Lt(error, least);
        least = hn::IfThenElse(better, error, least);
        best = hn::IfThenElse(better, code, best);
      }
      hn::StoreU(best, df, codes + g);
      hn::StoreU(least, df, errors + g);
    }
  }

  HWY_NOINLINE void Moments(const float* HWY_RESTRICT scales, float* HWY_RESTRICT xl,
                            float* HWY_RESTRICT l2) {
    const LaneTag df;
    for (size_t g = 0; g < kGroups; g += hn::Lanes(df)) {
      LevelVec sum_xl, sum_l2;
      MomentsOfInverseLanes(df, tables_, InverseOfScaleLanes(df, hn::LoadU(df, scales + g)), X(g),
                            W(g), sum_xl, sum_l2);
      hn::StoreU(sum_xl, df, xl + g);
      hn::StoreU(sum_l2, df, l2 + g);
    }
  }

  // A divisor per lane.
  HWY_NOINLINE float BestDivisor(const float* HWY_RESTRICT ratios,
                                 const float* HWY_RESTRICT curvatures) {
    const LaneTag df;
    const auto rounding = hn::Set(df, 12582912.0f);
    HWY_ALIGN float costs[kDivisors];
    for (int i = 0; i < kDivisors; i += static_cast<int>(hn::Lanes(df))) {
      const auto number = hn::Iota(df, static_cast<float>(i));
      const auto divisor =
          hn::Add(hn::Set(df, kFirstDivisor), hn::Mul(hn::Set(df, kDivisorStep), number));
      auto sum = hn::Zero(df);
      for (size_t g = 0; g < kIQ4_XSGroups; ++g) {
        const auto code = hn::Mul(hn::Set(df, ratios[g]), divisor);
        const auto error = hn::Sub(code, hn::Sub(hn::Add(code, rounding), rounding));
        sum = hn::Add(sum, hn::Mul(hn::Mul(hn::Set(df, curvatures[g]), error), error));
      }
      hn::Store(hn::Div(sum, hn::Mul(divisor, divisor)), df, costs + i);
    }
    int best = 0;
    for (int i = 1; i < kDivisors; ++i) {
      if (costs[i] < costs[best]) best = i;
    }
    return kFirstDivisor + kDivisorStep * static_cast<float>(best);
  }

 private:
  HWY_INLINE float* X(size_t g) { return x_ + g * kLevelValues; }
  HWY_INLINE float* W(size_t g) { return w_ + g * kLevelValues; }

  HWY_ALIGN float x_[kGroups * kLevelValues];
  HWY_ALIGN float w_[kGroups * kLevelValues];
  LevelTables tables_;
};

HWY_INLINE void EncodeLanes(const BlockScaleSearch& search, const float* rows, size_t columns,
                            const float* weights, size_t first, size_t count, const float* sums,
                            BlockIQ4_XS* blocks) {
  const LaneTag df;
  float reference[LaneGroups::kGroups], scales[LaneGroups::kGroups];
  LaneGroups groups(rows, columns, weights, first, count, sums);
  groups.SearchScales(reference, scales);
  BlockScaleFit<LaneGroups> fit(groups, reference, scales);
  fit.Search(search);
  for (size_t b = 0; b < count; ++b) {
    StoreScales(fit.block(b), blocks[first + b], scales);
    const float* x = rows + (first + b) * kValues;
    uint8_t* qs = blocks[first + b].qs;
    for (size_t g = 0; g < kIQ4_XSGroups; ++g) {
      PackLevelsFast(df, x + g * kLevelValues, InverseOfScale(scales[g]),
                     qs + g * kLevelValues / 2);
    }
  }
}

void EncodeImpl(const BlockScaleSearch& search, const float* HWY_RESTRICT rows, size_t num_rows,
                size_t columns, const float* HWY_RESTRICT weights, uint8_t* HWY_RESTRICT out) {
  const LaneTag df;
  constexpr size_t kBatch = 8;  // the number of sums that hide each other's latency
  auto* blocks = reinterpret_cast<BlockIQ4_XS*>(out);
  const size_t num_blocks = num_rows * columns / kValues;
  HWY_ALIGN float sums[kBatch] = {};
  for (size_t first = 0; first < num_blocks; first += kBatch) {
    const size_t count = HWY_MIN(kBatch, num_blocks - first);
    if (weights != nullptr) {
      SumsOfSquares(df, rows + first * kValues, kValues, count, kValues, sums);
    }
    for (size_t n = 0; n < count; n += LaneGroups::kBlocks) {
      EncodeLanes(search, rows, columns, weights, first + n,
                  HWY_MIN(LaneGroups::kBlocks, count - n), sums + n, blocks);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

HWY_EXPORT(EncodeImpl);

GGUF_DEFINE_EFFORT_ENCODERS(IQ4_XS, HWY_DYNAMIC_DISPATCH(EncodeImpl), EncodeScalar, kStandardSearch,
                            kMaxSearch);

}  // namespace gguf
#endif  // HWY_ONCE
