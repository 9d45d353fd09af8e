#include "quantize/encode/refine/iq1_points.h"

#include <algorithm>
#include <array>
#include <bit>
#include <bitset>
#include <limits>
#include <vector>

#include "formats/codec/codebooks/iq1s.h"
#include "quantize/encode/iq1_grid.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/refine/iq1_points.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

// Scalar parts, once for all instruction sets.
#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_IQ1_POINTS_ONCE
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_IQ1_POINTS_ONCE
namespace gguf {
namespace {

constexpr size_t kGridRows = 2048;
constexpr size_t kHalves = 81;
constexpr size_t kLevels = 3;
constexpr size_t kHalfValues = kIq1RunValues / 2;

// Costs of second halves carry their number in these bits, so that their minimum tells which it is.
constexpr int32_t kHalfBits = 7;
constexpr int32_t kHalfMask = (1 << kHalfBits) - 1;

constexpr size_t kMaxLanes = 16;
// Costs of a half with both shifts in a table of lanes.
constexpr size_t kHalfStride = 2 * kMaxLanes;

// The second halves that occur with each first one. Many occur in pairs with many first ones: the
// minima of such pairs, computed once, stand for both, which leaves less than half of the 2048
// comparisons.
struct HalfLists {
  static constexpr size_t kMaxPairs = 112;
  static constexpr size_t kMinUses = 5;  // of a pair, so that it pays
  static constexpr size_t kUnroll = 2;

  struct Pair {
    uint16_t first;
    uint16_t second;
  };

  // Cells are second halves or, from kHalves on, pairs of earlier cells, times kHalfStride.
  size_t num_pairs = 0;
  std::array<Pair, kMaxPairs> pairs = {};
  // Cells of a: at begin[a] to begin[a + 1]; the last one is repeated up to a multiple of kUnroll.
  std::array<uint16_t, kHalves + 1> begin = {};
  std::array<uint16_t, kGridRows + kHalves* kUnroll> cells = {};

  std::array<uint16_t, kGridRows> halves = {};             // by row
  std::array<uint16_t, kHalves << kHalfBits> rows = {};    // by halves
  std::array<uint16_t, kHalves << kHalfBits> levels = {};  // value k's in bits 2k and 2k + 1
};

int32_t HalfOf(const int8_t* levels) {
  int32_t half = 0;
  for (size_t k = kHalfValues; k-- > 0;) half = half * 3 + levels[k] + 1;
  return half;
}

// By cell: the first halves with which it occurs.
using Uses = std::vector<std::bitset<kHalves>>;

// The two cells that have most first halves in common, and how many those are.
size_t CommonestPair(const Uses& uses, size_t& first, size_t& second) {
  size_t most = 0;
  for (size_t i = 0; i < uses.size(); ++i) {
    if (uses[i].count() <= most) continue;
    for (size_t j = 0; j < i; ++j) {
      const size_t common = (uses[i] & uses[j]).count();
      if (common <= most) continue;
      most = common;
      first = j;
      second = i;
    }
  }
  return most;
}

void SharePairs(Uses& uses, HalfLists& lists) {
  while (lists.num_pairs < HalfLists::kMaxPairs) {
    size_t i = 0, j = 0;
    if (CommonestPair(uses, i, j) < HalfLists::kMinUses) return;
    const std::bitset<kHalves> common = uses[i] & uses[j];
    uses[i] &= ~common;
    uses[j] &= ~common;
    uses.push_back(common);
    lists.pairs[lists.num_pairs++] = {static_cast<uint16_t>(i * kHalfStride),
                                      static_cast<uint16_t>(j * kHalfStride)};
  }
}

HalfLists MakeHalfLists() {
  HalfLists lists;
  Uses uses(kHalves);
  for (size_t row = 0; row < kGridRows; ++row) {
    const int32_t halves = HalfOf(kIq1s[row]) << kHalfBits | HalfOf(kIq1s[row] + kHalfValues);
    lists.halves[row] = static_cast<uint16_t>(halves);
    lists.rows[halves] = static_cast<uint16_t>(row);
    for (size_t k = 0; k < kIq1RunValues; ++k) lists.levels[halves] |= (kIq1s[row][k] + 1) << 2 * k;
    uses[halves & kHalfMask].set(halves >> kHalfBits);
  }
  SharePairs(uses, lists);
  size_t end = 0;
  for (size_t a = 0; a < kHalves; ++a) {
    lists.begin[a] = static_cast<uint16_t>(end);
    for (size_t cell = 0; cell < uses.size(); ++cell) {
      if (uses[cell][a]) lists.cells[end++] = static_cast<uint16_t>(cell * kHalfStride);
    }
    for (; end % HalfLists::kUnroll != 0; ++end) lists.cells[end] = lists.cells[end - 1];
  }
  lists.begin[kHalves] = static_cast<uint16_t>(end);
  return lists;
}

const HalfLists& Lists() {
  static const HalfLists* const lists = new HalfLists(MakeHalfLists());  // usable at exit
  return *lists;
}

}  // namespace
}  // namespace gguf
#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_IQ1_POINTS_ONCE

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using PointTag = hn::CappedTag<float, kMaxLanes>;

// Costs of the 81 halves of four values with one shift, the half h at table[h * kHalfStride];
// kNumbered: with h in kHalfMask. costs: of level l of value k at [(k * kLevels + l) * kMaxLanes].
template <bool kNumbered>
HWY_INLINE void SumHalves(PointTag df, const float* HWY_RESTRICT costs, float* HWY_RESTRICT table) {
  const hn::RebindToSigned<PointTag> di;
  constexpr size_t kValueStride = kLevels * kMaxLanes;
  int32_t number = 0;
  for (size_t l3 = 0; l3 < kLevels; ++l3) {
    const auto sum3 = hn::LoadU(df, costs + 3 * kValueStride + l3 * kMaxLanes);
    for (size_t l2 = 0; l2 < kLevels; ++l2) {
      const auto sum2 = hn::Add(sum3, hn::LoadU(df, costs + 2 * kValueStride + l2 * kMaxLanes));
      for (size_t l1 = 0; l1 < kLevels; ++l1) {
        const auto sum1 = hn::Add(sum2, hn::LoadU(df, costs + kValueStride + l1 * kMaxLanes));
        for (size_t l0 = 0; l0 < kLevels; ++l0, table += kHalfStride, ++number) {
          auto sum = hn::Add(sum1, hn::LoadU(df, costs + l0 * kMaxLanes));
          if constexpr (kNumbered) {
            const auto bits = hn::And(hn::BitCast(di, sum), hn::Set(di, ~kHalfMask));
            sum = hn::BitCast(df, hn::Or(bits, hn::Set(di, number)));
          }
          hn::StoreU(sum, df, table);
        }
      }
    }
  }
}

struct HalfTables {
  HWY_ALIGN float first[kHalves * kHalfStride];
  HWY_ALIGN float second[(kHalves + HalfLists::kMaxPairs) * kHalfStride];  // cells, numbered
};

// The tables of the runs from x and w on, one per lane.
HWY_INLINE void FillTables(PointTag df, const float* HWY_RESTRICT x, const float* HWY_RESTRICT w,
                           const float* HWY_RESTRICT scales, HalfTables& tables) {
  HWY_ALIGN float costs[kIq1RunValues * kLevels * kMaxLanes];
  const auto scale = hn::LoadU(df, scales);
  for (size_t shift = 0; shift < 2; ++shift) {
    for (size_t l = 0; l < kLevels; ++l) {
      const auto level = hn::Mul(scale, hn::Set(df, kIq1Levels[shift][l]));
      for (size_t k = 0; k < kIq1RunValues; ++k) {
        const auto difference = hn::Sub(level, hn::LoadU(df, x + k * kIq1Runs));
        const auto cost = hn::Mul(hn::Mul(hn::LoadU(df, w + k * kIq1Runs), difference), difference);
        hn::StoreU(cost, df, costs + (k * kLevels + l) * kMaxLanes);
      }
    }
    SumHalves<false>(df, costs, tables.first + shift * kMaxLanes);
    SumHalves<true>(df, costs + kHalfValues * kLevels * kMaxLanes,
                    tables.second + shift * kMaxLanes);
  }
}

HWY_INLINE void FillPairs(PointTag df, const HalfLists& lists, float* HWY_RESTRICT second) {
  float* HWY_RESTRICT to = second + kHalves * kHalfStride;
  for (size_t n = 0; n < lists.num_pairs; ++n, to += kHalfStride) {
    const float* HWY_RESTRICT i = second + lists.pairs[n].first;
    const float* HWY_RESTRICT j = second + lists.pairs[n].second;
    hn::StoreU(hn::Min(hn::LoadU(df, i), hn::LoadU(df, j)), df, to);
    hn::StoreU(hn::Min(hn::LoadU(df, i + kMaxLanes), hn::LoadU(df, j + kMaxLanes)), df,
               to + kMaxLanes);
  }
}

// Takes the points of first half `a` into account: m is the least cost of a second half.
template <class VF>
HWY_INLINE void TryFirstHalf(PointTag df, size_t a, const float* HWY_RESTRICT cost_a, VF m,
                             VF& least, VF& least_m, VF& least_a) {
  const hn::RebindToSigned<PointTag> di;
  const auto total = hn::Add(hn::LoadU(df, cost_a), m);
  const auto nearer = hn::Lt(total, least);
  const auto number = hn::BitCast(df, hn::Set(di, static_cast<int32_t>(a) << kHalfBits));
  least = hn::IfThenElse(nearer, total, least);
  least_m = hn::IfThenElse(nearer, m, least_m);
  least_a = hn::IfThenElse(nearer, number, least_a);
}

// NearestIq1Points of the runs r to r + Lanes(df).
HWY_INLINE void NearestOfLanes(PointTag df, const HalfLists& lists, const HalfTables& tables,
                               size_t r, Iq1Points& nearest) {
  const hn::RebindToSigned<PointTag> di;
  auto least0 = hn::Set(df, hwy::HighestValue<float>());
  auto least1 = least0;
  auto m0 = hn::Zero(df), m1 = m0, a0 = m0, a1 = m0;
  const uint16_t* HWY_RESTRICT cell = lists.cells.data();
  for (size_t a = 0; a < kHalves; ++a) {
    const uint16_t* HWY_RESTRICT end = lists.cells.data() + lists.begin[a + 1];
    auto p0 = hn::LoadU(df, tables.second + cell[0]);
    auto p1 = hn::LoadU(df, tables.second + cell[0] + kMaxLanes);
    auto q0 = hn::LoadU(df, tables.second + cell[1]);
    auto q1 = hn::LoadU(df, tables.second + cell[1] + kMaxLanes);
    for (cell += HalfLists::kUnroll; cell != end; cell += HalfLists::kUnroll) {
      const float* HWY_RESTRICT p = tables.second + cell[0];
      const float* HWY_RESTRICT q = tables.second + cell[1];
      p0 = hn::Min(p0, hn::LoadU(df, p));
      p1 = hn::Min(p1, hn::LoadU(df, p + kMaxLanes));
      q0 = hn::Min(q0, hn::LoadU(df, q));
      q1 = hn::Min(q1, hn::LoadU(df, q + kMaxLanes));
    }
    const float* HWY_RESTRICT cost = tables.first + a * kHalfStride;
    TryFirstHalf(df, a, cost, hn::Min(p0, q0), least0, m0, a0);
    TryFirstHalf(df, a, cost + kMaxLanes, hn::Min(p1, q1), least1, m1, a1);
  }
  const auto mask = hn::Set(di, kHalfMask);
  const auto halves0 = hn::Or(hn::And(hn::BitCast(di, m0), mask), hn::BitCast(di, a0));
  const auto halves1 = hn::Or(hn::And(hn::BitCast(di, m1), mask), hn::BitCast(di, a1));
  hn::StoreU(halves0, di, nearest.halves[0] + r);
  hn::StoreU(halves1, di, nearest.halves[1] + r);
}

// The sums of the points found for the runs r to r + Lanes(df).
HWY_INLINE void FitLanes(PointTag df, const HalfLists& lists, const Iq1Runs& runs, size_t shift,
                         size_t r, Iq1Points& nearest) {
  const hn::RebindToSigned<PointTag> di;
  HWY_ALIGN int32_t words[kMaxLanes];
  for (size_t i = 0; i < hn::Lanes(df); ++i) words[i] = lists.levels[nearest.halves[shift][r + i]];
  auto word = hn::LoadU(di, words);
  const auto lowest = hn::Set(df, kIq1Levels[shift][0]);
  auto qx = hn::Zero(df), q2 = hn::Zero(df);
  for (size_t k = 0; k < kIq1RunValues; ++k) {
    const auto q = hn::Add(hn::ConvertTo(df, hn::And(word, hn::Set(di, 3))), lowest);
    const auto wq = hn::Mul(hn::LoadU(df, runs.w + k * kIq1Runs + r), q);
    qx = hn::Add(qx, hn::Mul(wq, hn::LoadU(df, runs.x + k * kIq1Runs + r)));
    q2 = hn::Add(q2, hn::Mul(wq, q));
    word = hn::ShiftRight<2>(word);
  }
  hn::StoreU(qx, df, nearest.qx[shift] + r);
  hn::StoreU(q2, df, nearest.q2[shift] + r);
}

void FitIq1PointsImpl(const Iq1Runs& runs, Iq1Points& points) {
  const PointTag df;
  const HalfLists& lists = Lists();
  for (size_t r = 0; r < kIq1Runs; r += hn::Lanes(df)) {
    for (size_t shift = 0; shift < 2; ++shift) FitLanes(df, lists, runs, shift, r, points);
  }
}

void NearestIq1PointsImpl(const Iq1Runs& runs, const float* HWY_RESTRICT scales,
                          Iq1Points& nearest) {
  const PointTag df;
  const HalfLists& lists = Lists();
  HalfTables tables;
  for (size_t r = 0; r < kIq1Runs; r += hn::Lanes(df)) {
    FillTables(df, runs.x + r, runs.w + r, scales + r, tables);
    FillPairs(df, lists, tables.second);
    NearestOfLanes(df, lists, tables, r, nearest);
  }
  FitIq1PointsImpl(runs, nearest);
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {
namespace {

// costs: of level l of value k at [k][l].
void SumHalvesScalar(const float (*costs)[kLevels], float* table) {
  for (size_t h = 0; h < kHalves; ++h) {
    table[h] = costs[3][h / 27] + costs[2][h / 9 % 3] + costs[1][h / 3 % 3] + costs[0][h % 3];
  }
}

float WithNumber(float cost, size_t b) {
  return std::bit_cast<float>((std::bit_cast<int32_t>(cost) & ~kHalfMask) |
                              static_cast<int32_t>(b));
}

int32_t NearestOfRun(const float (*costs)[kLevels]) {
  const HalfLists& lists = Lists();
  float first[kHalves];
  float second[kHalves + HalfLists::kMaxPairs];
  SumHalvesScalar(costs, first);
  SumHalvesScalar(costs + kHalfValues, second);
  for (size_t b = 0; b < kHalves; ++b) second[b] = WithNumber(second[b], b);
  for (size_t n = 0; n < lists.num_pairs; ++n) {
    second[kHalves + n] = std::min(second[lists.pairs[n].first / kHalfStride],
                                   second[lists.pairs[n].second / kHalfStride]);
  }
  float least = std::numeric_limits<float>::max();
  int32_t halves = 0;
  for (size_t a = 0; a < kHalves; ++a) {
    if (first[a] >= least) continue;  // no second half makes it less
    float m = std::numeric_limits<float>::max();
    for (size_t n = lists.begin[a]; n < lists.begin[a + 1]; ++n) {
      m = std::min(m, second[lists.cells[n] / kHalfStride]);
    }
    const float total = first[a] + m;
    if (total < least) {
      least = total;
      halves = static_cast<int32_t>(a) << kHalfBits | (std::bit_cast<int32_t>(m) & kHalfMask);
    }
  }
  return halves;
}

}  // namespace

void FitIq1PointsScalar(const Iq1Runs& runs, Iq1Points& points) {
  for (size_t shift = 0; shift < 2; ++shift) {
    for (size_t r = 0; r < kIq1Runs; ++r) {
      const uint32_t levels = Lists().levels[points.halves[shift][r]];
      float qx = 0.0f, q2 = 0.0f;
      for (size_t k = 0; k < kIq1RunValues; ++k) {
        const float q = static_cast<float>(levels >> 2 * k & 3) + kIq1Levels[shift][0];
        const float wq = runs.w[k * kIq1Runs + r] * q;
        qx += wq * runs.x[k * kIq1Runs + r];
        q2 += wq * q;
      }
      points.qx[shift][r] = qx;
      points.q2[shift][r] = q2;
    }
  }
}

void NearestIq1PointsScalar(const Iq1Runs& runs, const float* scales, Iq1Points& nearest) {
  for (size_t r = 0; r < kIq1Runs; ++r) {
    for (size_t shift = 0; shift < 2; ++shift) {
      float costs[kIq1RunValues][kLevels];
      for (size_t k = 0; k < kIq1RunValues; ++k) {
        for (size_t l = 0; l < kLevels; ++l) {
          const float difference = scales[r] * kIq1Levels[shift][l] - runs.x[k * kIq1Runs + r];
          costs[k][l] = runs.w[k * kIq1Runs + r] * difference * difference;
        }
      }
      nearest.halves[shift][r] = NearestOfRun(costs);
    }
  }
  FitIq1PointsScalar(runs, nearest);
}

size_t Iq1RowOfHalves(int32_t halves) { return Lists().rows[halves]; }

int32_t Iq1HalvesOfRow(size_t row) { return Lists().halves[row]; }

HWY_EXPORT(FitIq1PointsImpl);

void FitIq1Points(const Iq1Runs& runs, Iq1Points& points) {
  HWY_DYNAMIC_DISPATCH(FitIq1PointsImpl)(runs, points);
}

HWY_EXPORT(NearestIq1PointsImpl);

void NearestIq1Points(const Iq1Runs& runs, const float* scales, Iq1Points& nearest) {
  HWY_DYNAMIC_DISPATCH(NearestIq1PointsImpl)(runs, scales, nearest);
}

}  // namespace gguf
#endif  // HWY_ONCE
