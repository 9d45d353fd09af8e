// Whole rows of a type with signed sub-scales: the reference's blocks, improved in place.
//
// `Type` has: kType; Block; kMax, kLow, kHigh (signed_scales.h); Scales(block, choice) reads the
// scales of a block; Store(choice, codes, block) writes all of a block.

// Per-target include guard
#if defined(GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_SIGNED_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_SIGNED_ROWS_INL_H_
#undef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_SIGNED_ROWS_INL_H_
#else
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_SIGNED_ROWS_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "quantize/encode/error_weights.h"
#include "quantize/encode/lanes-inl.h"
#include "quantize/encode/refine/signed_scales-inl.h"
#include "quantize/encode/refine/signed_scales.h"
#include "quantize/encode/signed_search-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Weights of a block as in ErrorWeights, transposed: `weights` holds the transposed importance
// before, where the rule needs it; sigma2 is the mean square that it needs.
HWY_INLINE void WeighBlock(WeightRule rule, float sigma2, const float* HWY_RESTRICT values,
                           float* HWY_RESTRICT weights) {
  const LaneTag df;
  const auto mean_square = hn::Set(df, sigma2);
  for (size_t i = 0; i < kScaleValues; i += hn::Lanes(df)) {
    const auto v = hn::Load(df, values + i);
    const auto square = hn::Mul(v, v);
    if (rule == WeightRule::kSquare) {
      hn::Store(square, df, weights + i);
    } else if (rule == WeightRule::kImportanceTimesRoot) {
      const auto root = hn::Sqrt(hn::Add(mean_square, square));
      hn::Store(hn::Mul(hn::Load(df, weights + i), root), df, weights + i);
    }
  }
}

template <class Type>
HWY_INLINE void ImproveRows(const ScalePlan& plan, const float* HWY_RESTRICT rows, size_t num_rows,
                            size_t columns, const float* HWY_RESTRICT importance,
                            typename Type::Block* HWY_RESTRICT blocks) {
  constexpr size_t kGroup = 8;  // SumsOfSquares computes so many sums at a time
  const LaneTag df;
  const ErrorWeightRule rule = ErrorWeightRuleOf(Type::kType, importance != nullptr);
  SignedScalesLanes<Type::kMax, Type::kLow, Type::kHigh> block_scales;
  HWY_ALIGN uint8_t codes[kScaleValues];
  HWY_ALIGN float squares[kGroup] = {};
  const size_t num_blocks = num_rows * columns / kScaleValues;
  size_t column = 0;
  for (size_t n = 0; n < num_blocks; ++n) {
    const float* HWY_RESTRICT x = rows + n * kScaleValues;
    if (n % kGroup == 0 && rule.mean_values != 0) {
      SumsOfSquares(df, x, kScaleValues, HWY_MIN(kGroup, num_blocks - n), kScaleValues, squares);
    }
    ScaleChoice choice;
    Type::Scales(blocks[n], choice);
    if (IsUsableScale(choice.d)) {
      for (size_t b = 0; b < kScaleSubBlocks; b += hn::Lanes(df)) {
        const size_t at = b * kScaleSubValues;
        LoadBlocksToLanes(df, x + at, kScaleSubValues, hn::Lanes(df), kScaleSubValues,
                          block_scales.values() + at);
        if (importance == nullptr) continue;
        LoadBlocksToLanes(df, importance + column + at, kScaleSubValues, hn::Lanes(df),
                          kScaleSubValues, block_scales.weights() + at);
      }
      const float sigma2 =
          rule.mean_factor * squares[n % kGroup] / static_cast<float>(kScaleValues);
      WeighBlock(rule.rule, sigma2, block_scales.values(), block_scales.weights());
      block_scales.Prepare();
      if (block_scales.Improve(plan, choice)) {
        block_scales.Codes(x, choice, codes);
        Type::Store(choice, codes, blocks[n]);
      }
    }
    column = column + kScaleValues == columns ? 0 : column + kScaleValues;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
