// RefineLegacyBlock (legacy_refine.h) for one block of 32 values per SIMD lane. Every lane does the
// scalar operations in the scalar order; what only some lanes accept is masked.

// Per-target include guard
#if defined(GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_LEGACY_REFINE_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_LEGACY_REFINE_INL_H_
#undef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_LEGACY_REFINE_INL_H_
#else
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_LEGACY_REFINE_INL_H_
#endif

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

#include "hwy/highway.h"
#include "quantize/encode/legacy_affine-inl.h"
#include "quantize/encode/refine/legacy_refine.h"
#include "quantize/encode/refine/stored_scale-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// LegacyInput of Lanes blocks, with value i of lane k at [i * Lanes + k], and what is stored of
// them.
template <class Shape>
struct LegacyRefineGroup {
  static constexpr size_t kMaxLanes = hn::MaxLanes(RefineFloats());

  HWY_ALIGN float x[kLegacyValues * kMaxLanes];
  HWY_ALIGN float weights[kLegacyValues * kMaxLanes];
  HWY_ALIGN float centred[kLegacyValues * kMaxLanes];
  HWY_ALIGN float inverse_weight[kMaxLanes];
  HWY_ALIGN float mean[kMaxLanes];
  HWY_ALIGN float lowest[kMaxLanes];
  HWY_ALIGN float highest[kMaxLanes];
  HWY_ALIGN float d[kMaxLanes];
  HWY_ALIGN float m[kMaxLanes];
};

// LegacyLine of every lane.
struct LegacyLaneLine {
  HWY_ALIGN float gain[hn::MaxLanes(RefineFloats())];
  HWY_ALIGN float scale[hn::MaxLanes(RefineFloats())];
  HWY_ALIGN float offset[hn::MaxLanes(RefineFloats())];
};

// LegacySums of every lane.
struct LegacyLaneSums {
  HWY_INLINE LegacyLaneSums() { l = ll = lx = FSet(0.0f); }

  HWY_INLINE FVec Spread(FVec inverse_weight) const {
    return hn::Sub(ll, hn::Mul(hn::Mul(l, l), inverse_weight));
  }

  template <class Shape>
  HWY_INLINE void Line(const LegacyRefineGroup<Shape>& group, FVec& gain, FVec& scale,
                       FVec& offset) const {
    const FVec inverse_weight = FLoad(group.inverse_weight);
    const FVec spread = Spread(inverse_weight);
    const FVec zero = FSet(0.0f);
    scale = hn::Div(lx, spread);
    gain = hn::IfThenElseZero(hn::And(hn::Gt(spread, zero), hn::Gt(lx, zero)), hn::Mul(lx, scale));
    const FVec middle = hn::Add(hn::Mul(l, inverse_weight), FSet(LegacyInput<Shape>::kMiddle));
    offset = hn::Sub(FLoad(group.mean), hn::Mul(scale, middle));
  }

  FVec l, ll, lx;
};

// Code of LegacyRounding. Not hn::Min and hn::Max, which treat a NaN as the machine likes.
template <class Shape>
HWY_INLINE FVec LegacyCodeLanes(FVec position) {
  return RoundToIntegerLanes(LimitLanes(position, FSet(0.0f), FSet(LegacyInput<Shape>::kMaxCode)));
}

template <class Shape>
HWY_INLINE void MeasureLegacyInput(LegacyRefineGroup<Shape>& group) {
  const size_t lanes = hn::Lanes(RefineFloats());
  FVec sum_w = FSet(0.0f), sum_wx = sum_w;
  FVec lowest = FLoad(group.x), highest = lowest;
  for (size_t i = 0; i < kLegacyValues * lanes; i += lanes) {
    const FVec x = FLoad(group.x + i);
    const FVec w = FLoad(group.weights + i);
    sum_w = hn::Add(sum_w, w);
    sum_wx = hn::Add(sum_wx, hn::Mul(w, x));
    lowest = hn::IfThenElse(hn::Lt(x, lowest), x, lowest);
    highest = hn::IfThenElse(hn::Gt(x, highest), x, highest);
  }
  const FVec inverse_weight = hn::Div(FSet(1.0f), sum_w);
  const FVec mean = hn::Mul(sum_wx, inverse_weight);
  for (size_t i = 0; i < kLegacyValues * lanes; i += lanes) {
    const FVec centred = hn::Sub(FLoad(group.x + i), mean);
    FStore(hn::Mul(FLoad(group.weights + i), centred), group.centred + i);
  }
  FStore(inverse_weight, group.inverse_weight);
  FStore(mean, group.mean);
  FStore(lowest, group.lowest);
  FStore(highest, group.highest);
}

// The codes of a vector of blocks with these scales and offsets, by the number of the value.
template <class Shape>
class LegacyStoredCodes {
 public:
  HWY_INLINE LegacyStoredCodes(const LegacyRefineGroup<Shape>& group, FVec scale, FVec offset)
      : x_(group.x), inverse_(hn::Div(FSet(1.0f), scale)), offset_(offset) {}

  HWY_INLINE FVec Distance(size_t i) const {
    return hn::Sub(FLoad(x_ + i * hn::Lanes(RefineFloats())), offset_);
  }
  HWY_INLINE FVec Code(FVec distance) const {
    return LegacyCodeLanes<Shape>(hn::Mul(distance, inverse_));
  }
  HWY_INLINE hn::Vec<RefineInts> operator()(size_t i) const {
    return hn::ConvertTo(RefineInts(), Code(Distance(i)));
  }

 private:
  const float* x_;
  FVec inverse_, offset_;
};

template <class Shape>
HWY_INLINE FVec LegacyErrorLanes(const LegacyRefineGroup<Shape>& group, FVec scale, FVec offset) {
  const size_t lanes = hn::Lanes(RefineFloats());
  const LegacyStoredCodes<Shape> codes(group, scale, offset);
  FVec sum = FSet(0.0f);
  for (size_t i = 0; i < kLegacyValues; ++i) {
    const FVec distance = codes.Distance(i);
    const FVec error = hn::Sub(hn::Mul(scale, codes.Code(distance)), distance);
    sum = hn::Add(sum, hn::Mul(FLoad(group.weights + i * lanes), hn::Mul(error, error)));
  }
  return sum;
}

// The sums over the codes that one scale gives with kCount offsets, of which `base` is that times
// `inverse` for each.
template <size_t kCount, class Shape>
HWY_INLINE void SumLegacyCodes(const LegacyRefineGroup<Shape>& group, FVec inverse, FVec base0,
                               FVec base1, FVec base2, LegacyLaneSums& sums0, LegacyLaneSums& sums1,
                               LegacyLaneSums& sums2) {
  static_assert(kCount == 1 || kCount == 3, "as the sums below");
  const size_t lanes = hn::Lanes(RefineFloats());
  const FVec zero = FSet(0.0f);
  const FVec max_code = FSet(LegacyInput<Shape>::kMaxCode);
  const FVec middle = FSet(LegacyInput<Shape>::kMiddle);
  const auto add = [&](FVec ratio, FVec base, FVec w, FVec centred, LegacyLaneSums& sums) HWY_ATTR {
    // Never NaN for the scales and offsets that are used.
    const FVec position = hn::Min(hn::Max(hn::Sub(ratio, base), zero), max_code);
    const FVec l = hn::Sub(RoundToIntegerLanes(position), middle);
    const FVec wl = hn::Mul(w, l);
    sums.l = hn::Add(sums.l, wl);
    sums.ll = hn::Add(sums.ll, hn::Mul(wl, l));
    sums.lx = hn::Add(sums.lx, hn::Mul(l, centred));
  };
  for (size_t i = 0; i < kLegacyValues * lanes; i += lanes) {
    const FVec ratio = hn::Mul(FLoad(group.x + i), inverse);
    const FVec w = FLoad(group.weights + i);
    const FVec centred = FLoad(group.centred + i);
    add(ratio, base0, w, centred, sums0);
    if (kCount > 1) add(ratio, base1, w, centred, sums1);
    if (kCount > 2) add(ratio, base2, w, centred, sums2);
  }
}

// Puts a line into the list where it belongs; the last one falls out.
template <int kStarts>
HWY_INLINE void InsertLineLanes(FVec gain, FVec scale, FVec offset, LegacyLaneLine* lines) {
  for (int at = 0; at < kStarts; ++at) {
    const FVec old_gain = FLoad(lines[at].gain);
    const FMask better = hn::Gt(gain, old_gain);
    if (hn::AllFalse(RefineFloats(), better)) continue;
    const FVec old_scale = FLoad(lines[at].scale), old_offset = FLoad(lines[at].offset);
    FStore(hn::IfThenElse(better, gain, old_gain), lines[at].gain);
    FStore(hn::IfThenElse(better, scale, old_scale), lines[at].scale);
    FStore(hn::IfThenElse(better, offset, old_offset), lines[at].offset);
    gain = hn::IfThenElse(better, old_gain, gain);
    scale = hn::IfThenElse(better, old_scale, scale);
    offset = hn::IfThenElse(better, old_offset, offset);
  }
}

template <class Shape, class Search>
HWY_NOINLINE void ChooseLineLanes(const LegacyRefineGroup<Shape>& group, LegacyLaneLine* lines) {
  static_assert(Search::kOffsets % 3 == 0, "three at a time");
  const FVec d = FLoad(group.d), m = FLoad(group.m);
  FVec gain, scale, offset;
  {
    const FVec inverse = hn::Div(FSet(1.0f), d);
    const FVec base = hn::Mul(m, inverse);
    LegacyLaneSums sums, unused1, unused2;
    SumLegacyCodes<1>(group, inverse, base, base, base, sums, unused1, unused2);
    sums.Line(group, gain, scale, offset);
  }
  for (int k = 0; k < Search::kStarts; ++k) {
    FStore(k == 0 ? gain : FSet(0.0f), lines[k].gain);
    FStore(k == 0 ? scale : d, lines[k].scale);
    FStore(k == 0 ? offset : m, lines[k].offset);
  }
  const FVec lowest = FLoad(group.lowest);
  const FVec range = hn::Sub(FLoad(group.highest), lowest);
  const FVec even = hn::Div(range, FSet(LegacyInput<Shape>::kMaxCode));
  for (int i = 0; i < Search::kScales; ++i) {
    const FVec step = hn::Mul(even, FSet(LegacyScaleFactor<Search>(i)));
    const FVec first = hn::Sub(lowest, hn::Mul(FSet(0.5f), step));
    const FVec way = hn::Sub(range, hn::Mul(FSet(LegacyInput<Shape>::kMaxCode - 1.0f), step));
    const FVec inverse = hn::Div(FSet(1.0f), step);
    const auto base = [&](int k) HWY_ATTR {
      return hn::Mul(hn::Add(first, hn::Mul(way, FSet(LegacyOffsetPart<Search>(k)))), inverse);
    };
    for (int k = 0; k < Search::kOffsets; k += 3) {
      LegacyLaneSums sums0, sums1, sums2;
      SumLegacyCodes<3>(group, inverse, base(k), base(k + 1), base(k + 2), sums0, sums1, sums2);
      for (const LegacyLaneSums* sums : {&sums0, &sums1, &sums2}) {
        sums->Line(group, gain, scale, offset);
        InsertLineLanes<Search::kStarts>(gain, scale, offset, lines);
      }
    }
  }
}

// One line on the move: its codes, where they would move to, and their sums.
template <class Shape>
struct LegacyMoving {
  static constexpr size_t kFloats = kLegacyValues * hn::MaxLanes(RefineFloats());

  HWY_INLINE LegacyMoving(const LegacyRefineGroup<Shape>& group, const LegacyLaneLine& line) {
    const size_t lanes = hn::Lanes(RefineFloats());
    const FVec zero = FSet(0.0f), one = FSet(1.0f);
    const FVec inverse = hn::Div(one, FLoad(line.scale));
    const FVec base = hn::Mul(FLoad(line.offset), inverse);
    for (size_t i = 0; i < kLegacyValues * lanes; i += lanes) {
      const FVec position = hn::Sub(hn::Mul(FLoad(group.x + i), inverse), base);
      const FVec code = LegacyCodeLanes<Shape>(position);
      const FVec move = hn::IfThenElse(hn::Gt(position, code), one, hn::Neg(one));
      const FVec moved = hn::Add(code, move);
      const FMask inside =
          hn::And(hn::Ge(moved, zero), hn::Le(moved, FSet(LegacyInput<Shape>::kMaxCode)));
      FStore(hn::IfThenElseZero(inside, move), moves + i);
      const FVec l = hn::Sub(code, FSet(LegacyInput<Shape>::kMiddle));
      FStore(l, codes + i);
      const FVec wl = hn::Mul(FLoad(group.weights + i), l);
      sums.l = hn::Add(sums.l, wl);
      sums.ll = hn::Add(sums.ll, hn::Mul(wl, l));
      sums.lx = hn::Add(sums.lx, hn::Mul(l, FLoad(group.centred + i)));
    }
    spread = sums.Spread(FLoad(group.inverse_weight));
  }

  // Moves the code at [i], with its weight and centred value, in the lanes that gain.
  HWY_INLINE void Move(size_t i, FVec w, FVec centred, FVec inverse_weight) {
    const FVec move = FLoad(moves + i), code = FLoad(codes + i);
    const FVec moved = hn::Mul(w, move);
    LegacyLaneSums other;
    other.l = hn::Add(sums.l, moved);
    other.ll = hn::Add(sums.ll, hn::Mul(moved, hn::Add(hn::Add(code, code), move)));
    other.lx = hn::Add(sums.lx, hn::Mul(move, centred));
    const FVec other_spread = other.Spread(inverse_weight);
    const FMask gains = hn::Gt(hn::Mul(hn::Mul(other.lx, other.lx), spread),
                               hn::Mul(hn::Mul(sums.lx, sums.lx), other_spread));
    const FMask better = hn::And(gains, hn::Gt(other_spread, FSet(0.0f)));
    sums.l = hn::IfThenElse(better, other.l, sums.l);
    sums.ll = hn::IfThenElse(better, other.ll, sums.ll);
    sums.lx = hn::IfThenElse(better, other.lx, sums.lx);
    spread = hn::IfThenElse(better, other_spread, spread);
    FStore(hn::IfThenElse(better, hn::Add(code, move), code), codes + i);
    FStore(hn::IfThenElse(better, hn::Neg(move), move), moves + i);
  }

  LegacyLaneSums sums;
  FVec spread;
  HWY_ALIGN float codes[kFloats];
  HWY_ALIGN float moves[kFloats];
};

// MoveCodes for four lines, whose chains of dependent additions overlap.
template <class Shape, class Search>
HWY_NOINLINE void MoveCodeLanes4(const LegacyRefineGroup<Shape>& group, LegacyLaneLine* lines) {
  const size_t lanes = hn::Lanes(RefineFloats());
  LegacyMoving<Shape> a(group, lines[0]), b(group, lines[1]);
  LegacyMoving<Shape> c(group, lines[2]), d(group, lines[3]);
  const FVec inverse_weight = FLoad(group.inverse_weight);
  for (int pass = 0; pass < Search::kPasses; ++pass) {
    for (size_t i = 0; i < kLegacyValues * lanes; i += lanes) {
      const FVec w = FLoad(group.weights + i);
      const FVec centred = FLoad(group.centred + i);
      a.Move(i, w, centred, inverse_weight);
      b.Move(i, w, centred, inverse_weight);
      c.Move(i, w, centred, inverse_weight);
      d.Move(i, w, centred, inverse_weight);
    }
  }
  const LegacyMoving<Shape>* all[] = {&a, &b, &c, &d};
  for (size_t k = 0; k < 4; ++k) {
    FVec gain, scale, offset;
    all[k]->sums.Line(group, gain, scale, offset);
    FStore(gain, lines[k].gain);
    FStore(scale, lines[k].scale);
    FStore(offset, lines[k].offset);
  }
}

// Searches from group.d and group.m, whose error is `best`; all three become those of the best
// found.
template <class Shape, class Search>
HWY_NOINLINE void SearchLegacyLanes(LegacyRefineGroup<Shape>& group, FVec& best) {
  static_assert(Search::kStarts % 4 == 0, "four at a time");
  if constexpr (!std::is_void_v<typename Search::First>) {
    SearchLegacyLanes<Shape, typename Search::First>(group, best);
  }
  LegacyLaneLine lines[Search::kStarts];
  ChooseLineLanes<Shape, Search>(group, lines);
  for (int k = 0; k < Search::kStarts; k += 4) MoveCodeLanes4<Shape, Search>(group, lines + k);
  const FVec zero = FSet(0.0f), max = FSet(kF16Max);
  for (const LegacyLaneLine& line : lines) {
    const FVec scale = RoundToF16Lanes(FLoad(line.scale));
    const FVec offset = RoundSignedToF16Lanes(FLoad(line.offset));
    const FMask fits = hn::And(hn::Gt(FLoad(line.gain), zero), hn::Gt(scale, zero));
    const FMask stored = hn::And(hn::Le(scale, max), hn::Le(hn::Abs(offset), max));
    const FVec error = LegacyErrorLanes(group, scale, offset);
    const FMask better = hn::And(hn::And(fits, stored), hn::Lt(error, best));
    best = hn::IfThenElse(better, error, best);
    FStore(hn::IfThenElse(better, scale, FLoad(group.d)), group.d);
    FStore(hn::IfThenElse(better, offset, FLoad(group.m)), group.m);
  }
}

// False in the lanes whose error cannot be judged.
template <class Shape, class Search>
HWY_INLINE FMask RefineLegacyLanes(LegacyRefineGroup<Shape>& group) {
  FVec error = LegacyErrorLanes(group, FLoad(group.d), FLoad(group.m));
  const FMask judged = hn::Le(error, FSet(FLT_MAX));
  SearchLegacyLanes<Shape, Search>(group, error);
  return judged;
}

// Values, weights, d and m of `count` blocks from number `first` on. Marks the blocks that
// RefineLegacyBlock does not leave alone.
template <class Shape>
HWY_INLINE void LoadLegacyGroup(const float* rows, size_t first, size_t count, size_t row_blocks,
                                const float* importance, const float* sigma2,
                                const typename Shape::Block* blocks, bool* used,
                                LegacyRefineGroup<Shape>& group) {
  const RefineFloats df;
  const size_t lanes = hn::Lanes(df);
  if (importance != nullptr) {
    LoadLegacyVector(rows, first, count, row_blocks, importance, sigma2, group.x, group.weights);
  } else {
    LoadBlocksToLanes(df, rows + first * kLegacyValues, kLegacyValues, count, kLegacyValues,
                      group.x);
    for (size_t i = 0; i < kLegacyValues * lanes; i += lanes) FStore(FSet(1.0f), group.weights + i);
  }
  for (size_t k = 0; k < lanes; ++k) {
    const auto& block = blocks[first + HWY_MIN(k, count - 1)];
    const float d = F16ToF32(block.d);
    const float m = F16ToF32(block.m);
    used[k] = d > 0.0f && d <= kF16Max && std::fabs(m) <= kF16Max;
    group.d[k] = used[k] ? d : 1.0f;
    group.m[k] = used[k] ? m : 0.0f;
  }
  MeasureLegacyInput(group);
}

// RefineLegacyBlock for the blocks of `num_rows` rows, which `out` encodes.
template <class Shape, class Packer, class Search>
void RefineLegacyRows(const float* rows, size_t num_rows, size_t columns, const float* importance,
                      uint8_t* out) {
  const size_t lanes = hn::Lanes(RefineFloats());
  constexpr size_t kMaxLanes = hn::MaxLanes(RefineFloats());
  const size_t row_blocks = columns / kLegacyValues;
  const size_t num_blocks = num_rows * row_blocks;
  std::vector<float> sigma2;
  if (importance != nullptr) sigma2 = RowMeanSquares(rows, num_rows, columns);
  auto* blocks = reinterpret_cast<typename Shape::Block*>(out);
  LegacyRefineGroup<Shape> group;
  bool used[kMaxLanes];
  HWY_ALIGN float judged[kMaxLanes];
  HWY_ALIGN int32_t words[Packer::kWords * kMaxLanes];
  for (size_t first = 0; first < num_blocks; first += lanes) {
    const size_t count = HWY_MIN(lanes, num_blocks - first);
    LoadLegacyGroup(rows, first, count, row_blocks, importance, sigma2.data(), blocks, used, group);
    const FMask done = importance != nullptr
                           ? RefineLegacyLanes<Shape, Search>(group)
                           : RefineLegacyLanes<Shape, typename Search::Plain>(group);
    FStore(hn::IfThenElseZero(done, FSet(1.0f)), judged);
    Packer::Pack(LegacyStoredCodes<Shape>(group, FLoad(group.d), FLoad(group.m)), words);
    for (size_t k = 0; k < count; ++k) {
      if (!used[k] || judged[k] == 0.0f) continue;
      auto& block = blocks[first + k];
      block.d = F32ToF16(group.d[k]);
      block.m = F32ToF16(group.m[k]);
      uint8_t* bytes = reinterpret_cast<uint8_t*>(&block) + Packer::kOffset;
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
