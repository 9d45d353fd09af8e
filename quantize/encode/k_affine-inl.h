// EncodeKBlock (k_affine.h) for one block of 256 values per SIMD lane: every sub-block is searched
// for all lanes at once, then the lanes' scales are packed one by one and the codes together.

// Per-target include guard
#if defined(GGUF_TOOLCHAIN_QUANTIZE_ENCODE_K_AFFINE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_K_AFFINE_INL_H_
#undef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_K_AFFINE_INL_H_
#else
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_K_AFFINE_INL_H_
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "hwy/highway.h"
#include "quantize/encode/affine_search-inl.h"
#include "quantize/encode/k_affine.h"
#include "quantize/encode/lanes-inl.h"
#include "quantize/encode/positive_search-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// 16 lanes keep a group of blocks (256 values each) within the first-level cache.
using KFloats = hn::CappedTag<float, 16>;
using KInts = hn::RebindToSigned<KFloats>;

template <class Shape>
class KCodes;

// A group of Lanes blocks. Value i of lane k is at [i * Lanes + k].
template <class Shape>
struct KGroup {
  static constexpr size_t kMaxLanes = hn::MaxLanes(KFloats());
  static constexpr size_t kSearched = 4;
  static constexpr size_t kSubLanes = Shape::kSubBlocks * kMaxLanes;

  HWY_ALIGN float x[kKValues * kMaxLanes];
  // Of the sub-blocks being searched.
  HWY_ALIGN float weights[kSearched * Shape::kSubValues * kMaxLanes];
  // Per sub-block, from the search.
  HWY_ALIGN float scales[kSubLanes];
  HWY_ALIGN float minimums[kSubLanes];
  HWY_ALIGN float inverses[kSubLanes];
  HWY_ALIGN float bases[kSubLanes];
  HWY_ALIGN float weight_sums[kSubLanes];
  HWY_ALIGN int32_t scale_codes[kSubLanes];
  HWY_ALIGN int32_t minimum_codes[kSubLanes];
  // Per sub-block, as stored: the factors that values are rounded against.
  HWY_ALIGN float stored_scales[kSubLanes];
  HWY_ALIGN float stored_minimums[kSubLanes];
  // Per block.
  HWY_ALIGN float d[kMaxLanes];
  HWY_ALIGN float dmin[kMaxLanes];
  HWY_ALIGN float sigma2[kMaxLanes];
  const float* importance[kMaxLanes];  // of the first value of the lane's block

  // The final codes of sub-block `j`.
  KCodes<Shape> Codes(size_t j) const { return KCodes<Shape>(*this, j); }
};

// Weights of one sub-block from the values alone.
template <class Shape>
HWY_INLINE void PlainKWeightLanes(const float* HWY_RESTRICT x, float* HWY_RESTRICT weights) {
  const KFloats df;
  const size_t lanes = hn::Lanes(df);
  if constexpr (!Shape::kPlainWeightHasMean) {
    for (size_t i = 0; i < Shape::kSubValues; ++i) {
      hn::Store(hn::Abs(hn::Load(df, x + i * lanes)), df, weights + i * lanes);
    }
  } else {
    auto sum = hn::Zero(df);
    for (size_t i = 0; i < Shape::kSubValues; ++i) {
      const auto xi = hn::Load(df, x + i * lanes);
      sum = hn::Add(sum, hn::Mul(xi, xi));
    }
    const auto count = hn::Set(df, static_cast<float>(Shape::kSubValues));
    const auto mean = hn::Sqrt(hn::Div(sum, count));
    for (size_t i = 0; i < Shape::kSubValues; ++i) {
      hn::Store(hn::Add(mean, hn::Abs(hn::Load(df, x + i * lanes))), df, weights + i * lanes);
    }
  }
}

// Weights of sub-block `j` with importance.
template <class Shape>
HWY_INLINE void ImportantKWeightLanes(const KGroup<Shape>& group, size_t j,
                                      float* HWY_RESTRICT weights, float* HWY_RESTRICT weight_sum) {
  const KFloats df;
  const size_t lanes = hn::Lanes(df);
  const float* importance[KGroup<Shape>::kMaxLanes];
  for (size_t k = 0; k < lanes; ++k) importance[k] = group.importance[k] + j * Shape::kSubValues;
  TransposeToLanes(df, importance, Shape::kSubValues, weights);
  const float* HWY_RESTRICT x = group.x + j * Shape::kSubValues * lanes;
  const auto sigma2 = hn::Load(df, group.sigma2);
  auto sum = hn::Zero(df);
  for (size_t i = 0; i < Shape::kSubValues; ++i) {
    const auto xi = hn::Load(df, x + i * lanes);
    const auto root = hn::Sqrt(hn::Add(sigma2, hn::Mul(xi, xi)));
    const auto weight = hn::Mul(hn::Load(df, weights + i * lanes), root);
    hn::Store(weight, df, weights + i * lanes);
    sum = hn::Add(sum, weight);
  }
  hn::Store(sum, df, weight_sum);
}

template <class Shape>
HWY_INLINE void KSigma2Lanes(KGroup<Shape>& group) {
  const KFloats df;
  const size_t lanes = hn::Lanes(df);
  auto sum = hn::Zero(df);
  for (size_t i = 0; i < kKValues; ++i) {
    const auto xi = hn::Load(df, group.x + i * lanes);
    sum = hn::Add(sum, hn::Mul(xi, xi));
  }
  const auto factor = hn::Set(df, Shape::kSigma2Factor);
  const auto count = hn::Set(df, static_cast<float>(kKValues));
  hn::Store(hn::Div(hn::Mul(factor, sum), count), df, group.sigma2);
}

// Scale and minimum of every sub-block.
template <class Shape, class Search>
HWY_INLINE void SearchKGroup(bool has_importance, KGroup<Shape>& group) {
  const KFloats df;
  const size_t lanes = hn::Lanes(df);
  const size_t sub_floats = Shape::kSubValues * lanes;
  if (has_importance) KSigma2Lanes(group);
  constexpr size_t kSearched = KGroup<Shape>::kSearched;
  for (size_t j = 0; j < Shape::kSubBlocks; j += kSearched) {
    const float* x = group.x + j * sub_floats;
    for (size_t k = 0; k < kSearched; ++k) {
      float* w = group.weights + k * sub_floats;
      if (has_importance) {
        ImportantKWeightLanes(group, j + k, w, group.weight_sums + (j + k) * lanes);
      } else {
        PlainKWeightLanes<Shape>(x + k * sub_floats, w);
      }
    }
    FitAffineLanes<Search, Shape::kSubValues, kSearched / 2>(
        df, x, group.weights,
        {group.scales + j * lanes, group.minimums + j * lanes, group.inverses + j * lanes,
         group.bases + j * lanes});
  }
}

// PlainSubCodes of the scalar reference.
template <class Shape>
HWY_INLINE void PlainSubCodeLanes(const float* HWY_RESTRICT fits, int32_t* HWY_RESTRICT codes,
                                  float* HWY_RESTRICT scale) {
  const KFloats df;
  const KInts di;
  const size_t lanes = hn::Lanes(df);
  const auto zero = hn::Zero(df);
  auto max = zero;
  for (size_t j = 0; j < Shape::kSubBlocks; ++j) {
    const auto fit = hn::Load(df, fits + j * lanes);
    max = hn::IfThenElse(hn::Gt(fit, max), fit, max);
  }
  const auto limit = hn::Set(df, static_cast<float>(Shape::kMaxSubCode));
  const auto inverse = hn::IfThenElseZero(hn::Gt(max, zero), hn::Div(limit, max));
  for (size_t j = 0; j < Shape::kSubBlocks; ++j) {
    const auto code = RintLanes(df, hn::Mul(inverse, hn::Load(df, fits + j * lanes)));
    hn::Store(hn::And(code, hn::Set(di, 255)), di, codes + j * lanes);
  }
  hn::Store(hn::Div(max, limit), df, scale);
}

// Everything of lane `lane`'s block but the codes.
template <class Shape>
HWY_INLINE void StoreSubCodes(bool limit, size_t lane, KGroup<Shape>& group,
                              typename Shape::Block& block) {
  const size_t lanes = hn::Lanes(KFloats());
  uint8_t scale_codes[Shape::kSubBlocks], minimum_codes[Shape::kSubBlocks];
  for (size_t j = 0; j < Shape::kSubBlocks; ++j) {
    scale_codes[j] = static_cast<uint8_t>(group.scale_codes[j * lanes + lane]);
    minimum_codes[j] = static_cast<uint8_t>(group.minimum_codes[j * lanes + lane]);
  }
  if (limit) {
    LimitSubCodes<Shape>(scale_codes);
    LimitSubCodes<Shape>(minimum_codes);
  }
  Shape::PackSubCodes(scale_codes, minimum_codes, block);
  block.d = F32ToF16(group.d[lane]);
  block.dmin = F32ToF16(group.dmin[lane]);
}

template <class Shape>
HWY_INLINE void LoadStoredScales(const typename Shape::Block& block, size_t lane,
                                 KGroup<Shape>& group) {
  const size_t lanes = hn::Lanes(KFloats());
  const float d = F16ToF32(block.d);
  const float dmin = F16ToF32(block.dmin);
  for (size_t j = 0; j < Shape::kSubBlocks; ++j) {
    group.stored_scales[j * lanes + lane] = d * static_cast<float>(Shape::SubScale(block, j));
    group.stored_minimums[j * lanes + lane] =
        dmin * static_cast<float>(Shape::SubMinimum(block, j));
  }
}

// The final codes of one sub-block, value by value; RequantizeK of the scalar reference.
template <class Shape>
class KCodes {
 public:
  KCodes(const KGroup<Shape>& group, size_t sub_block) : group_(group), sub_block_(sub_block) {
    const KFloats df;
    const auto scale = hn::Load(df, group.stored_scales + sub_block * hn::Lanes(df));
    some_keep_ = !hn::AllFalse(df, hn::Eq(scale, hn::Zero(df)));
  }

  // Of value i of the sub-block.
  HWY_INLINE hn::Vec<KInts> operator()(size_t i) const {
    const KFloats df;
    const KInts di;
    const size_t lanes = hn::Lanes(df);
    const size_t sub = sub_block_ * lanes;
    const auto max_code = hn::Set(di, Shape::PlainSearch::kMaxCode);
    const auto x = hn::Load(df, group_.x + (sub_block_ * Shape::kSubValues + i) * lanes);
    const auto scale = hn::Load(df, group_.stored_scales + sub);
    const auto minimum = hn::Load(df, group_.stored_minimums + sub);
    const auto rounded = RintLanes(df, hn::Div(hn::Add(x, minimum), scale));
    const auto code = hn::Min(hn::Max(rounded, hn::Zero(di)), max_code);
    if (HWY_LIKELY(!some_keep_)) return code;
    const auto kept = RoundFitLanes(df, x, hn::Load(df, group_.inverses + sub),
                                    hn::Load(df, group_.bases + sub), max_code);
    return hn::IfThenElse(hn::RebindMask(di, hn::Eq(scale, hn::Zero(df))), kept, code);
  }

 private:
  const KGroup<Shape>& group_;
  size_t sub_block_;
  bool some_keep_;
};

// Encodes `num_rows` rows. Packer::Pack(group, words) writes the 4-byte words of the blocks' codes,
// word i of lane k at [i * Lanes + k]; there are kWords, at kOffset of the block.
template <class Shape, class Packer>
void EncodeKRows(const float* rows, size_t num_rows, size_t columns, const float* importance,
                 uint8_t* out) {
  using Block = typename Shape::Block;
  const KFloats df;
  const size_t lanes = hn::Lanes(df);
  const size_t row_blocks = columns / kKValues;
  const size_t num_blocks = num_rows * row_blocks;
  Block* blocks = reinterpret_cast<Block*>(out);
  KGroup<Shape> group;
  HWY_ALIGN int32_t words[Packer::kWords * KGroup<Shape>::kMaxLanes];
  for (size_t first = 0; first < num_blocks; first += lanes) {
    const size_t count = HWY_MIN(lanes, num_blocks - first);
    LoadBlocksToLanes(df, rows + first * kKValues, kKValues, count, kKValues, group.x);
    if (importance != nullptr) {
      for (size_t k = 0; k < lanes; ++k) {
        const size_t block = first + HWY_MIN(k, count - 1);
        group.importance[k] = importance + block % row_blocks * kKValues;
      }
      SearchKGroup<Shape, typename Shape::WeightedSearch>(importance != nullptr, group);
      FitPositiveLanes<Shape::kSubBlocks>(df, Shape::kMaxSubCode, group.scales, group.weight_sums,
                                          group.scale_codes, group.d);
      FitPositiveLanes<Shape::kSubBlocks>(df, Shape::kMaxSubCode, group.minimums, group.weight_sums,
                                          group.minimum_codes, group.dmin);
    } else {
      SearchKGroup<Shape, typename Shape::PlainSearch>(importance != nullptr, group);
      PlainSubCodeLanes<Shape>(group.scales, group.scale_codes, group.d);
      PlainSubCodeLanes<Shape>(group.minimums, group.minimum_codes, group.dmin);
    }
    const bool limit = importance != nullptr ? Shape::kLimitWeighted : Shape::kLimitPlain;
    for (size_t k = 0; k < lanes; ++k) {
      Block& block = blocks[first + HWY_MIN(k, count - 1)];
      StoreSubCodes(limit, k, group, block);
      LoadStoredScales(block, k, group);
    }
    Packer::Pack(group, words);
    for (size_t k = 0; k < count; ++k) {
      uint8_t* bytes = reinterpret_cast<uint8_t*>(blocks + first + k) + Packer::kOffset;
      for (size_t i = 0; i < Packer::kWords; ++i) {
        std::memcpy(bytes + 4 * i, words + i * lanes + k, 4);
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
