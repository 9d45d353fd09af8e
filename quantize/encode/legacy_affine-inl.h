// Blocks of Q4_1 and Q5_1 (legacy_affine.h), one block per SIMD lane.

// Per-target include guard
#if defined(GGUF_TOOLCHAIN_QUANTIZE_ENCODE_LEGACY_AFFINE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_LEGACY_AFFINE_INL_H_
#undef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_LEGACY_AFFINE_INL_H_
#else
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_LEGACY_AFFINE_INL_H_
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "hwy/highway.h"
#include "quantize/encode/affine_search-inl.h"
#include "quantize/encode/lanes-inl.h"
#include "quantize/encode/legacy_affine.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using LegacyFloats = hn::CappedTag<float, 16>;
using LegacyInts = hn::RebindToSigned<LegacyFloats>;

// The mean square of every row, one row per lane: a row's squares are added in order.
HWY_INLINE std::vector<float> RowMeanSquares(const float* rows, size_t num_rows, size_t columns) {
  const LegacyFloats df;
  const size_t lanes = hn::Lanes(df);
  std::vector<float> means(num_rows + lanes);
  HWY_ALIGN float tile[kLegacyValues * hn::MaxLanes(df)];
  for (size_t row = 0; row < num_rows; row += lanes) {
    const size_t count = HWY_MIN(lanes, num_rows - row);
    auto sum = hn::Zero(df);
    for (size_t column = 0; column < columns; column += kLegacyValues) {
      LoadBlocksToLanes(df, rows + row * columns + column, columns, count, kLegacyValues, tile);
      for (size_t i = 0; i < kLegacyValues; ++i) {
        const auto x = hn::Load(df, tile + i * lanes);
        sum = hn::Add(sum, hn::Mul(x, x));
      }
    }
    const auto mean = hn::Div(sum, hn::Set(df, static_cast<float>(columns)));
    hn::StoreU(mean, df, means.data() + row);
  }
  return means;
}

// Two vectors of blocks, one after the other. Value i of lane k of a vector is at [i * Lanes + k].
struct LegacyGroup {
  static constexpr size_t kMaxLanes = hn::MaxLanes(LegacyFloats());

  HWY_ALIGN float x[2 * kLegacyValues * kMaxLanes];
  HWY_ALIGN float weights[2 * kLegacyValues * kMaxLanes];
  HWY_ALIGN float scales[2 * kMaxLanes];
  HWY_ALIGN float minimums[2 * kMaxLanes];
  HWY_ALIGN float inverses[2 * kMaxLanes];
  HWY_ALIGN float bases[2 * kMaxLanes];
};

// The codes of one vector of blocks that the search chose.
class SearchedCodes {
 public:
  SearchedCodes(int max_code, const float* x, const float* inverses, const float* bases)
      : max_code_(max_code), x_(x), inverses_(inverses), bases_(bases) {}

  // Of value i.
  HWY_INLINE hn::Vec<LegacyInts> operator()(size_t i) const {
    const LegacyFloats df;
    return RoundFitLanes(df, hn::Load(df, x_ + i * hn::Lanes(df)), hn::Load(df, inverses_),
                         hn::Load(df, bases_), hn::Set(LegacyInts(), max_code_));
  }

 private:
  int max_code_;
  const float* x_;
  const float* inverses_;
  const float* bases_;
};

// The codes of one vector of blocks by adding 0.5 and truncating, as without importance.
class DividedCodes {
 public:
  DividedCodes(int max_code, const float* x, const float* inverses, const float* minimums)
      : max_code_(max_code), x_(x), inverses_(inverses), minimums_(minimums) {}

  // Of value i.
  HWY_INLINE hn::Vec<LegacyInts> operator()(size_t i) const {
    const LegacyFloats df;
    const LegacyInts di;
    const auto x = hn::Load(df, x_ + i * hn::Lanes(df));
    const auto scaled = hn::Mul(hn::Sub(x, hn::Load(df, minimums_)), hn::Load(df, inverses_));
    const auto code = hn::Add(scaled, hn::Set(df, 0.5f));
    // Infinite or not a number when the scale is subnormal or overflowed: code 0.
    const auto sane = hn::Le(code, hn::Set(df, hwy::HighestValue<float>()));
    return hn::ConvertTo(
        di, hn::Min(hn::IfThenElseZero(sane, code), hn::Set(df, static_cast<float>(max_code_))));
  }

 private:
  int max_code_;
  const float* x_;
  const float* inverses_;
  const float* minimums_;
};

// Writes the blocks of one vector.
template <class Packer, class Block>
HWY_INLINE void StoreLegacyVector(const float* d, const float* m, const int32_t* words,
                                  size_t num_blocks, Block* blocks) {
  const size_t lanes = hn::Lanes(LegacyFloats());
  for (size_t k = 0; k < num_blocks; ++k) {
    blocks[k].d = F32ToF16(d[k]);
    blocks[k].m = F32ToF16(m[k]);
    uint8_t* bytes = reinterpret_cast<uint8_t*>(blocks + k) + Packer::kOffset;
    for (size_t i = 0; i < Packer::kWords; ++i) {
      std::memcpy(bytes + 4 * i, words + i * lanes + k, 4);
    }
  }
}

// Values and weights of `count` blocks from number `first` of the matrix on into a vector.
HWY_INLINE void LoadLegacyVector(const float* rows, size_t first, size_t count, size_t row_blocks,
                                 const float* importance, const float* sigma2,
                                 float* HWY_RESTRICT x, float* HWY_RESTRICT weights) {
  const LegacyFloats df;
  const size_t lanes = hn::Lanes(df);
  const float* columns[hn::MaxLanes(df)];
  HWY_ALIGN float means[hn::MaxLanes(df)];
  for (size_t k = 0; k < lanes; ++k) {
    const size_t block = first + HWY_MIN(k, count - 1);
    columns[k] = importance + block % row_blocks * kLegacyValues;
    means[k] = sigma2[block / row_blocks];
  }
  LoadBlocksToLanes(df, rows + first * kLegacyValues, kLegacyValues, count, kLegacyValues, x);
  TransposeToLanes(df, columns, kLegacyValues, weights);
  const auto mean = hn::Load(df, means);
  for (size_t i = 0; i < kLegacyValues; ++i) {
    const auto xi = hn::Load(df, x + i * lanes);
    const auto root = hn::Sqrt(hn::Add(mean, hn::Mul(xi, xi)));
    hn::Store(hn::Mul(hn::Load(df, weights + i * lanes), root), df, weights + i * lanes);
  }
}

// Encodes with importance. Packer::Pack(codes, words) writes the 4-byte words of the blocks' codes,
// word i of lane k at [i * Lanes + k]; there are kWords, at kOffset of the block.
template <class Shape, class Packer>
void EncodeImportantLegacyRows(const float* rows, size_t num_rows, size_t columns,
                               const float* importance, uint8_t* out) {
  using Block = typename Shape::Block;
  const LegacyFloats df;
  const size_t lanes = hn::Lanes(df);
  const size_t row_blocks = columns / kLegacyValues;
  const size_t num_blocks = num_rows * row_blocks;
  const std::vector<float> sigma2 = RowMeanSquares(rows, num_rows, columns);
  Block* blocks = reinterpret_cast<Block*>(out);
  LegacyGroup group;
  HWY_ALIGN int32_t words[Packer::kWords * LegacyGroup::kMaxLanes];
  const size_t vector_floats = kLegacyValues * lanes;
  const int max_code = Shape::kMaxCode;
  for (size_t first = 0; first < num_blocks; first += 2 * lanes) {
    for (size_t v = 0; v < 2; ++v) {
      // A second vector beyond the end repeats the last block.
      const size_t begin = HWY_MIN(first + v * lanes, num_blocks - 1);
      LoadLegacyVector(rows, begin, HWY_MIN(lanes, num_blocks - begin), row_blocks, importance,
                       sigma2.data(), group.x + v * vector_floats,
                       group.weights + v * vector_floats);
    }
    FitAffineLanes<WeightedAffineSearch<Shape::kMaxCode>, kLegacyValues, 1>(
        df, group.x, group.weights, {group.scales, group.minimums, group.inverses, group.bases});
    for (size_t v = 0; v < 2 && first + v * lanes < num_blocks; ++v) {
      const size_t at = v * lanes;
      const SearchedCodes codes(max_code, group.x + v * vector_floats, group.inverses + at,
                                group.bases + at);
      Packer::Pack(codes, words);
      const auto minimum = hn::Load(df, group.minimums + at);
      hn::Store(hn::Neg(minimum), df, group.minimums + at);
      StoreLegacyVector<Packer>(group.scales + at, group.minimums + at, words,
                                HWY_MIN(lanes, num_blocks - first - at), blocks + first + at);
    }
  }
}

// Encodes without importance: the range of the values, divided evenly.
template <class Shape, class Packer>
void EncodePlainLegacyRows(const float* rows, size_t num_blocks, uint8_t* out) {
  using Block = typename Shape::Block;
  const LegacyFloats df;
  const size_t lanes = hn::Lanes(df);
  constexpr size_t kMaxLanes = LegacyGroup::kMaxLanes;
  Block* blocks = reinterpret_cast<Block*>(out);
  HWY_ALIGN float x[kLegacyValues * kMaxLanes];
  HWY_ALIGN float scales[kMaxLanes];
  HWY_ALIGN float inverses[kMaxLanes];
  HWY_ALIGN float minimums[kMaxLanes];
  HWY_ALIGN int32_t words[Packer::kWords * kMaxLanes];
  for (size_t first = 0; first < num_blocks; first += lanes) {
    const size_t count = HWY_MIN(lanes, num_blocks - first);
    LoadBlocksToLanes(df, rows + first * kLegacyValues, kLegacyValues, count, kLegacyValues, x);
    auto min = hn::Load(df, x);
    auto max = min;
    for (size_t i = 1; i < kLegacyValues; ++i) {
      const auto xi = hn::Load(df, x + i * lanes);
      // Not hn::Min: of 0.0 and -0.0 the first one counts.
      min = hn::IfThenElse(hn::Lt(xi, min), xi, min);
      max = hn::IfThenElse(hn::Gt(xi, max), xi, max);
    }
    const auto zero = hn::Zero(df);
    const auto max_code = hn::Set(df, static_cast<float>(Shape::kMaxCode));
    const auto scale = hn::Div(hn::Sub(max, min), max_code);
    const auto inverse = hn::Div(hn::Set(df, 1.0f), scale);
    hn::Store(scale, df, scales);
    hn::Store(hn::IfThenElse(hn::Eq(scale, zero), zero, inverse), df, inverses);
    hn::Store(min, df, minimums);
    Packer::Pack(DividedCodes(Shape::kMaxCode, x, inverses, minimums), words);
    StoreLegacyVector<Packer>(scales, minimums, words, count, blocks + first);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
