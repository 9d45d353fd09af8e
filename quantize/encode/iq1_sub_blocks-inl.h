// Sub-blocks of IQ1_S and IQ1_M from floats to grid rows, one per SIMD lane (see iq1_search.h).

// Per-target include guard
#if defined(GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ1_SUB_BLOCKS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ1_SUB_BLOCKS_INL_H_
#undef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ1_SUB_BLOCKS_INL_H_
#else
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ1_SUB_BLOCKS_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "quantize/encode/iq1_grid.h"
#include "quantize/encode/iq1_search-inl.h"
#include "quantize/encode/iq1_search.h"
#include "quantize/encode/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The levels of lanes by their splits, 2 bits each, 16 to a word; mirrored where the scale is
// negative, and so are scales and shifts.
template <size_t kValues>
HWY_INLINE void LevelWords(LaneTag df, const int32_t* HWY_RESTRICT element, LaneInts where,
                           LaneFloats& scale, LaneInts& shifts, LaneInts& low, LaneInts& high) {
  const LaneIntTag di;
  const size_t lanes = hn::Lanes(df);
  const auto split1 = hn::ShiftRight<16>(where);
  const auto split2 = hn::And(hn::ShiftRight<8>(where), hn::Set(di, 255));
  shifts = hn::And(where, hn::Set(di, 255));
  low = hn::Zero(di);
  high = hn::Zero(di);
  for (size_t j = 0; j < kValues; ++j) {
    const auto e = hn::LoadU(di, element + j * lanes);
    const auto one = hn::Shl(hn::Set(di, 1), hn::ShiftLeft<1>(hn::And(e, hn::Set(di, 15))));
    const auto after = hn::Set(di, static_cast<int32_t>(j) + 1);
    const auto level = hn::Add(hn::IfThenElseZero(hn::Gt(after, split1), one),
                               hn::IfThenElseZero(hn::Gt(after, split2), one));
    if constexpr (kValues == 32) {
      const auto upper = hn::Gt(e, hn::Set(di, 15));
      low = hn::Add(low, hn::IfThenZeroElse(upper, level));
      high = hn::Add(high, hn::IfThenElseZero(upper, level));
    } else {
      low = hn::Add(low, level);
    }
  }
  const auto all_two = hn::Set(di, static_cast<int32_t>(0xAAAAAAAAu));
  const auto all_shifts = hn::Set(di, kValues == 32 ? 1 : 3);
  const auto negative = hn::Lt(scale, hn::Zero(df));
  const auto mirrored = hn::RebindMask(di, negative);
  low = hn::IfThenElse(mirrored, hn::Sub(all_two, low), low);
  high = hn::IfThenElse(mirrored, hn::Sub(all_two, high), high);
  shifts = hn::IfThenElse(mirrored, hn::Sub(all_shifts, shifts), shifts);
  scale = hn::IfThenElse(negative, hn::Neg(scale), scale);
}

// costs[4 * k + level] of the levels of value k of `codes`.
template <size_t k>
HWY_INLINE LaneFloats CostsOfLevels(LaneTag df, LaneInts codes, const float* HWY_RESTRICT costs) {
  const LaneIntTag di;
  const auto level = hn::And(hn::ShiftRight<2 * k>(codes), hn::Set(di, 3));
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
  const auto table = hn::LoadDup128(df, costs + 4 * k);
  return hn::TableLookupLanes(table, hn::IndicesFromVec(df, level));
#else
  const auto low = hn::IfThenElse(hn::RebindMask(df, hn::TestBit(level, hn::Set(di, 1))),
                                  hn::Set(df, costs[4 * k + 1]), hn::Set(df, costs[4 * k]));
  return hn::IfThenElse(hn::RebindMask(df, hn::TestBit(level, hn::Set(di, 2))),
                        hn::Set(df, costs[4 * k + 2]), low);
#endif
}

// Iq1Grid::NearestNeighbour.
HWY_INLINE uint32_t NearestNeighbourFast(LaneTag df, const Iq1Grid::List& list,
                                         const float* HWY_RESTRICT costs) {
  const LaneIntTag di;
  const hn::Rebind<uint16_t, LaneTag> d16;
  const size_t lanes = hn::Lanes(df);
  auto least = hn::Set(df, hwy::HighestValue<float>());
  auto nearest = hn::Zero(di);
  auto position = hn::Iota(di, 0);
  for (size_t n = 0; n < list.padded_length; n += lanes) {
    const auto codes = hn::PromoteTo(di, hn::LoadU(d16, list.codes + n));
    auto sum = CostsOfLevels<0>(df, codes, costs);
    sum = hn::Add(sum, CostsOfLevels<1>(df, codes, costs));
    sum = hn::Add(sum, CostsOfLevels<2>(df, codes, costs));
    sum = hn::Add(sum, CostsOfLevels<3>(df, codes, costs));
    sum = hn::Add(sum, CostsOfLevels<4>(df, codes, costs));
    sum = hn::Add(sum, CostsOfLevels<5>(df, codes, costs));
    sum = hn::Add(sum, CostsOfLevels<6>(df, codes, costs));
    sum = hn::Add(sum, CostsOfLevels<7>(df, codes, costs));
    const auto closer = hn::Lt(sum, least);
    least = hn::IfThenElse(closer, sum, least);
    nearest = hn::IfThenElse(hn::RebindMask(di, closer), position, nearest);
    position = hn::Add(position, hn::Set(di, static_cast<int32_t>(lanes)));
  }
  const auto minimal = hn::RebindMask(di, hn::Eq(least, hn::MinOfLanes(df, least)));
  const auto first = hn::IfThenElse(minimal, nearest, hn::Set(di, 1 << 30));
  return list.codes[hn::GetLane(hn::MinOfLanes(di, first))];
}

// Costs of the three levels of 8 values, for NearestNeighbour.
HWY_INLINE void RunCosts(const float* HWY_RESTRICT x, const float* HWY_RESTRICT w, float scale,
                         const float* HWY_RESTRICT levels, float* HWY_RESTRICT costs) {
  const float v0 = scale * levels[0];
  const float v1 = scale * levels[1];
  const float v2 = scale * levels[2];
  for (size_t k = 0; k < 8; ++k) {
    const float d0 = v0 - x[k];
    const float d1 = v1 - x[k];
    const float d2 = v2 - x[k];
    costs[4 * k] = w[k] * d0 * d0;
    costs[4 * k + 1] = w[k] * d1 * d1;
    costs[4 * k + 2] = w[k] * d2 * d2;
    costs[4 * k + 3] = 0.0f;
  }
}

// Moves the runs of one sub-block to the grid; true when one was not on it. words: 16 levels each.
template <size_t kValues>
HWY_INLINE bool MoveToGrid(LaneTag df, const Iq1Grid& grid, const float* HWY_RESTRICT x,
                           const float* HWY_RESTRICT w, float scale, int shifts, uint32_t* words,
                           uint16_t* rows) {
  bool moved = false;
  for (size_t r = 0; r < kValues / 8; ++r) {
    uint32_t& word = words[r / 2];
    const size_t position = r % 2 * 16;
    uint32_t code = word >> position & 0xFFFF;
    int row = grid.Row(code);
    if (row < 0) {
      HWY_ALIGN float costs[32];
      const int shift = kValues == 32 ? shifts : shifts >> (1 - r) & 1;
      RunCosts(x + 8 * r, w + 8 * r, scale, kIq1Levels[shift], costs);
      code = NearestNeighbourFast(df, grid.Neighbours(code), costs);
      row = grid.Row(code);
      word = (word & ~(0xFFFFu << position)) | code << position;
      moved = true;
    }
    rows[r] = static_cast<uint16_t>(row);
  }
  return moved;
}

// The scale that fits the levels best; `scale` where there is none. Values in their own order.
template <size_t kValues>
HWY_INLINE LaneFloats FitLanes(LaneTag df, const float* HWY_RESTRICT x, const float* HWY_RESTRICT w,
                               LaneInts low, LaneInts high, LaneInts shifts, LaneFloats scale) {
  const LaneIntTag di;
  const size_t lanes = hn::Lanes(df);
  const auto zero = hn::Zero(df);
  const auto up = hn::Set(df, kIq1Levels[0][0]);
  const auto down = hn::Set(df, kIq1Levels[1][0]);
  const auto last =
      hn::IfThenElse(hn::RebindMask(df, hn::TestBit(shifts, hn::Set(di, 1))), down, up);
  const auto first =
      kValues == 32
          ? last
          : hn::IfThenElse(hn::RebindMask(df, hn::TestBit(shifts, hn::Set(di, 2))), down, up);
  auto qx = zero, q2 = zero;
  auto word = low;
  for (size_t i = 0; i < kValues; ++i) {
    if (i == 16) word = high;
    const auto level = hn::ConvertTo(df, hn::And(word, hn::Set(di, 3)));
    word = hn::ShiftRight<2>(word);
    const auto q = hn::Add(level, i < 8 ? first : last);
    const auto wq = hn::Mul(hn::LoadU(df, w + i * lanes), q);
    qx = hn::Add(qx, hn::Mul(wq, hn::LoadU(df, x + i * lanes)));
    q2 = hn::Add(q2, hn::Mul(wq, q));
  }
  const auto fits = hn::And(hn::Gt(qx, zero), hn::Gt(q2, zero));
  return hn::IfThenElse(fits, hn::Div(qx, q2), scale);
}

// weights[i] in the order of the values of a lane.
template <size_t kValues>
HWY_INLINE void GatherSorted(LaneTag df, const float* HWY_RESTRICT from,
                             const int32_t* HWY_RESTRICT element, float* HWY_RESTRICT to) {
  const LaneIntTag di;
  const size_t lanes = hn::Lanes(df);
  const auto lane = hn::Iota(di, 0);
  const auto stride = hn::Set(di, static_cast<int32_t>(lanes));
  for (size_t i = 0; i < kValues * lanes; i += lanes) {
    const auto index = hn::Add(hn::Mul(hn::LoadU(di, element + i), stride), lane);
    hn::StoreU(hn::GatherIndex(df, from, index), df, to + i);
  }
}

// EncodeIq1_SSubBlock (kValues 32) or EncodeIq1_MSubBlock (16) of `count` sub-blocks, at most one
// per lane. x and w: one sub-block after the other.
template <size_t kValues>
HWY_INLINE void EncodeSubBlocks(LaneTag df, const Iq1Grid& grid, const float* HWY_RESTRICT x,
                                const float* HWY_RESTRICT w, size_t count,
                                Iq1SubBlock* HWY_RESTRICT subs) {
  const LaneIntTag di;
  constexpr float kTiny = kValues == 32 ? kIq1_STiny : kIq1_MTiny;
  HWY_ALIGN float xt[kValues * kMaxLanes];
  HWY_ALIGN float wt[kValues * kMaxLanes];
  HWY_ALIGN float sorted_x[kValues * kMaxLanes];
  HWY_ALIGN float sorted_w[kValues * kMaxLanes];
  HWY_ALIGN int32_t element[kValues * kMaxLanes];
  LoadBlocksToLanes(df, x, kValues, count, kValues, xt);
  LoadBlocksToLanes(df, w, kValues, count, kValues, wt);
  hwy::CopyBytes<sizeof(xt)>(xt, sorted_x);
  SortLanes<kValues>(df, sorted_x, element);
  GatherSorted<kValues>(df, wt, element, sorted_w);

  LaneFloats scale;
  LaneInts where, nothing, shifts, low, high;
  SearchLanes<kValues>(df, sorted_x, sorted_w, element, kTiny, scale, where, nothing);
  HWY_ALIGN int32_t wheres[kMaxLanes], nothings[kMaxLanes], shift[kMaxLanes], moved[kMaxLanes] = {};
  HWY_ALIGN uint32_t words[2][kMaxLanes];
  HWY_ALIGN float scales[kMaxLanes];
  hn::StoreU(where, di, wheres);
  hn::StoreU(nothing, di, nothings);
  LevelWords<kValues>(df, element, where, scale, shifts, low, high);
  hn::StoreU(shifts, di, shift);
  hn::StoreU(scale, df, scales);
  const hn::RebindToUnsigned<LaneTag> du;
  hn::StoreU(hn::BitCast(du, low), du, words[0]);
  hn::StoreU(hn::BitCast(du, high), du, words[1]);
  for (size_t b = 0; b < count; ++b) {
    if (wheres[b] == kNowhere) continue;
    uint32_t pair[2] = {words[0][b], words[1][b]};
    moved[b] = MoveToGrid<kValues>(df, grid, x + b * kValues, w + b * kValues, scales[b], shift[b],
                                   pair, subs[b].rows);
    words[0][b] = pair[0];
    words[1][b] = pair[1];
  }
  const auto fitted = FitLanes<kValues>(df, xt, wt, hn::BitCast(di, hn::LoadU(du, words[0])),
                                        hn::BitCast(di, hn::LoadU(du, words[1])), shifts, scale);
  const auto was_moved = hn::RebindMask(df, hn::Gt(hn::LoadU(di, moved), hn::Zero(di)));
  hn::StoreU(hn::IfThenElse(was_moved, fitted, scale), df, scales);
  for (size_t b = 0; b < count; ++b) {
    if (wheres[b] != kNowhere) {
      subs[b].scale = scales[b];
      subs[b].shifts = shift[b];
    } else if (nothings[b] != 0) {
      subs[b] = {};
    } else {
      subs[b] = kValues == 32 ? EncodeIq1_SSubBlock(x + b * kValues, w + b * kValues)
                              : EncodeIq1_MSubBlock(x + b * kValues, w + b * kValues);
    }
  }
}

// Weights of a block of 256 values: importance * sqrt(sigma2 + x*x), or x*x without importance.
HWY_INLINE void Iq1Weights(LaneTag df, const float* HWY_RESTRICT x,
                           const float* HWY_RESTRICT importance, float sum_of_squares,
                           float* HWY_RESTRICT w) {
  const auto sigma2 = hn::Set(df, 2.0f * sum_of_squares / 256.0f);
  for (size_t i = 0; i < 256; i += hn::Lanes(df)) {
    const auto v = hn::LoadU(df, x + i);
    const auto square = hn::Mul(v, v);
    const auto weight = importance == nullptr ? square
                                              : hn::Mul(hn::LoadU(df, importance + i),
                                                        hn::Sqrt(hn::Add(sigma2, square)));
    hn::StoreU(weight, df, w + i);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
