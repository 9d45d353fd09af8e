// NearestGridPoint (grid_search.h) for many runs at a time.

// Per-target include guard
#if defined(GGUF_TOOLCHAIN_QUANTIZE_ENCODE_GRID_NEAREST_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_GRID_NEAREST_INL_H_
#undef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_GRID_NEAREST_INL_H_
#else
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_GRID_NEAREST_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "quantize/encode/grid.h"
#include "quantize/encode/grid_search.h"
#include "quantize/encode/signed_search-inl.h"

// Whether one instruction looks up 8 or 16 floats by the low bits of as many indices.
#undef GGUF_GRID_TABLE_LOOKUPS
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
#define GGUF_GRID_TABLE_LOOKUPS 1
#else
#define GGUF_GRID_TABLE_LOOKUPS 0
#endif

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// In a resolved entry: the run was off the grid, and this is its nearest neighbour.
inline constexpr uint32_t kWasOffGrid = 0x40000000u;

// Scratch for up to kItems runs.
template <size_t kItems>
struct GridNearestSpace {
  uint32_t short_lists[kItems + kMaxLanes];  // where they are: those with lists of one group
  uint32_t long_lists[kItems + kMaxLanes];
  uint32_t sorted[kItems];  // the latter by length of list
};

// Where the run of entries[item] has its values: entries are [step][run][lane].
template <size_t kRun, size_t kRuns>
struct GridItem {
  size_t values;  // in the run arrays
  size_t trial;   // in the array [step][lane]
  GridItem(size_t item, size_t lanes)
      : values(item % (kRuns * lanes) * kRun),
        trial(item / (kRuns * lanes) * lanes + item % lanes) {}
};

#if GGUF_GRID_TABLE_LOOKUPS

// table[index % Lanes]
template <class DF, class VU>
HWY_INLINE hn::Vec<DF> LookUpLowBits(DF df, hn::Vec<DF> table, VU index) {
  const hn::RebindToSigned<DF> di;
  // The instruction ignores the bits above, which only Highway's assertion minds.
#if HWY_IS_DEBUG_BUILD
  index = hn::And(index, hn::Set(hn::RebindToUnsigned<DF>(), hn::Lanes(df) - 1));
#endif
  return hn::TableLookupLanes(table, hn::IndicesFromVec(df, hn::BitCast(di, index)));
}

// The vector of kSlot values each from pointers[0], pointers[1], ...
template <size_t kSlot, class D, class T>
HWY_INLINE hn::Vec<D> LoadSlots(D d, const T* const* pointers) {
  if constexpr (hn::MaxLanes(D()) == kSlot) {
    return hn::LoadU(d, pointers[0]);
  } else {
    const hn::Half<D> dh;
    constexpr size_t kHalf = hn::MaxLanes(D()) / 2 / kSlot;
    return hn::Combine(d, LoadSlots<kSlot>(dh, pointers + kHalf), LoadSlots<kSlot>(dh, pointers));
  }
}

// The vector of *pointers[0] kSlot times, then *pointers[1], ...
template <size_t kSlot, class D>
HWY_INLINE hn::Vec<D> SetSlots(D d, const float* const* pointers) {
  if constexpr (hn::MaxLanes(D()) == kSlot) {
    return hn::Set(d, *pointers[0]);
  } else {
    const hn::Half<D> dh;
    constexpr size_t kHalf = hn::MaxLanes(D()) / 2 / kSlot;
    return hn::Combine(d, SetSlots<kSlot>(dh, pointers + kHalf), SetSlots<kSlot>(dh, pointers));
  }
}

// In every four lanes the four floats from pointers[s][k] on, s being the slot.
template <size_t kSlot, class D>
HWY_INLINE hn::Vec<D> LoadFours(D d, const float* const* pointers, size_t k) {
  if constexpr (hn::MaxLanes(D()) == kSlot) {
    return hn::LoadDup128(d, pointers[0] + k);
  } else {
    const hn::Half<D> dh;
    constexpr size_t kHalf = hn::MaxLanes(D()) / 2 / kSlot;
    return hn::Combine(d, LoadFours<kSlot>(dh, pointers + kHalf, k),
                       LoadFours<kSlot>(dh, pointers, k));
  }
}

// The minimum of every kSlot lanes, in all of them.
template <size_t kSlot, class D, class V>
HWY_INLINE V MinOfSlots(D d, V v) {
  v = hn::Min(v, hn::Shuffle2301(v));
  v = hn::Min(v, hn::Shuffle1032(v));
  if constexpr (kSlot == 8) v = hn::Min(v, hn::SwapAdjacentBlocks(v));
  (void)d;
  return v;
}

// errors[k]: for every slot, w*d*d of value k under each of the kSlot levels.
template <size_t kRun, class DF>
HWY_INLINE void ErrorsOfLevels(DF df, const float* const* x, const float* const* roots,
                               const float* const* trials, hn::Vec<DF>* HWY_RESTRICT errors) {
  constexpr size_t kSlot = kRun == 8 ? 4 : 8;
  HWY_ALIGN static constexpr float kValues[2][16] = {
      {1, 3, 5, 7, 1, 3, 5, 7, 1, 3, 5, 7, 1, 3, 5, 7},
      {1, 3, 5, 7, 9, 11, 13, 15, 1, 3, 5, 7, 9, 11, 13, 15}};
  const auto levels = hn::Mul(SetSlots<kSlot>(df, trials), hn::Load(df, kValues[kSlot == 8]));
  const auto error = [&](auto xk, auto wk) HWY_ATTR {
    const auto difference = hn::Sub(levels, xk);
    return hn::Mul(hn::Mul(wk, difference), difference);
  };
  HWY_UNROLL(2)
  for (size_t k = 0; k < kRun; k += 4) {
    const auto vx = LoadFours<kSlot>(df, x, k);
    const auto vw = LoadFours<kSlot>(df, roots, k);
    errors[k] = error(hn::Broadcast<0>(vx), hn::Broadcast<0>(vw));
    errors[k + 1] = error(hn::Broadcast<1>(vx), hn::Broadcast<1>(vw));
    errors[k + 2] = error(hn::Broadcast<2>(vx), hn::Broadcast<2>(vw));
    errors[k + 3] = error(hn::Broadcast<3>(vx), hn::Broadcast<3>(vw));
  }
}

// Replaces the entries of as many items as the vector has slots. kShort: all have lists of one
// group; else the lists ascend in length.
template <size_t kRun, size_t kRuns, bool kShort, class DF>
HWY_INLINE void ReplaceSlots(DF df, const Grid& grid, const uint32_t* HWY_RESTRICT items,
                             const float* HWY_RESTRICT x, const float* HWY_RESTRICT roots,
                             const float* HWY_RESTRICT trials, uint32_t* HWY_RESTRICT entries) {
  constexpr size_t kSlot = kRun == 8 ? 4 : 8;
  constexpr size_t kLanes = hn::MaxLanes(DF());
  constexpr size_t kSlots = kLanes / kSlot;
  using VF = hn::Vec<DF>;
  const hn::RebindToSigned<DF> di;
  const hn::RebindToUnsigned<DF> du;
  const float* px[kSlots];
  const float* pw[kSlots];
  const float* pt[kSlots];
  const uint32_t* members[kSlots];
  size_t groups[kSlots];
  for (size_t s = 0; s < kSlots; ++s) {
    const GridItem<kRun, kRuns> item(items[s], kLanes);
    px[s] = x + item.values;
    pw[s] = roots + item.values;
    pt[s] = trials + item.trial;
    const uint32_t entry = entries[items[s]];
    groups[s] = ListGroups(entry);
    members[s] = grid.member_levels.data() + ListFirstGroup(entry) * kSlot;
  }
  VF errors[kRun];
  ErrorsOfLevels<kRun>(df, px, pw, pt, errors);
  HWY_ALIGN static constexpr uint32_t kFirstLanes[2][16] = {
      {0, 0, 0, 0, 0x44444444, 0x44444444, 0x44444444, 0x44444444, 0x88888888, 0x88888888,
       0x88888888, 0x88888888, 0xCCCCCCCC, 0xCCCCCCCC, 0xCCCCCCCC, 0xCCCCCCCC},
      {0, 0, 0, 0, 0, 0, 0, 0, 0x88888888, 0x88888888, 0x88888888, 0x88888888, 0x88888888,
       0x88888888, 0x88888888, 0x88888888}};
  const auto first_lanes = hn::Load(du, kFirstLanes[kSlot == 8]);
  const auto sum_of_group = [&](const uint32_t* const* pointers) HWY_ATTR {
    const auto levels = hn::Or(LoadSlots<kSlot>(du, pointers), first_lanes);
    VF sum = LookUpLowBits(df, errors[0], levels);
    HWY_UNROLL(8)
    for (size_t k = 1; k < kRun; ++k) {
      const auto index = hn::ShiftRightSame(levels, static_cast<int>(kMemberBits * k));
      sum = hn::Add(sum, LookUpLowBits(df, errors[k], index));
    }
    return sum;
  };
  VF least = sum_of_group(members);
  HWY_ALIGN int32_t places[kLanes];  // in the list, of the least of the slot, in its first lane
  if constexpr (!kShort) {
    auto place = hn::And(hn::Iota(di, 0), hn::Set(di, kSlot - 1));
    auto best_place = place;
    for (size_t j = 1; j < groups[kSlots - 1]; ++j) {
      // A list that has ended repeats its last group, which is never less than itself.
      const uint32_t* pointers[kSlots];
      for (size_t s = 0; s < kSlots; ++s) {
        pointers[s] = members[s] + HWY_MIN(j, groups[s] - 1) * kSlot;
      }
      const VF sum = sum_of_group(pointers);
      place = hn::Add(place, hn::Set(di, kSlot));
      const auto less = hn::Lt(sum, least);
      least = hn::IfThenElse(less, sum, least);
      best_place = hn::IfThenElse(hn::RebindMask(di, less), place, best_place);
    }
    // Of equals the first of the list.
    const auto is_least = hn::RebindMask(di, hn::Eq(least, MinOfSlots<kSlot>(df, least)));
    best_place = hn::IfThenElse(is_least, best_place, hn::Set(di, 0x7FFFFFFF));
    hn::Store(MinOfSlots<kSlot>(di, best_place), di, places);
  } else {
    uint8_t bits[8] = {};
    hn::StoreMaskBits(df, hn::Eq(least, MinOfSlots<kSlot>(df, least)), bits);
    for (size_t s = 0; s < kSlots; ++s) {
      const uint32_t is_least = bits[s * kSlot / 8] >> (s * kSlot % 8) & ((1u << kSlot) - 1);
      places[s * kSlot] = static_cast<int32_t>(hwy::Num0BitsBelowLS1Bit_Nonzero32(is_least));
    }
  }
  for (size_t s = 0; s < kSlots; ++s) {
    const size_t member = members[s] - grid.member_levels.data() + places[s * kSlot];
    entries[items[s]] = grid.members[member] | kWasOffGrid;
  }
}

// ReplaceSlots for any number of items.
template <size_t kRun, size_t kRuns, bool kShort, class DF>
HWY_INLINE void ReplaceItems(DF df, const Grid& grid, const uint32_t* HWY_RESTRICT items,
                             size_t num_items, const float* HWY_RESTRICT x,
                             const float* HWY_RESTRICT roots, const float* HWY_RESTRICT trials,
                             uint32_t* HWY_RESTRICT entries) {
  constexpr size_t kSlots = hn::MaxLanes(DF()) / (kRun == 8 ? 4 : 8);
  size_t i = 0;
  for (; i + kSlots <= num_items; i += kSlots) {
    ReplaceSlots<kRun, kRuns, kShort>(df, grid, items + i, x, roots, trials, entries);
  }
  if (i == num_items) return;
  // The rest, its last item repeated; all are read before one is replaced.
  uint32_t rest[kSlots];
  for (size_t s = 0; s < kSlots; ++s) rest[s] = items[HWY_MIN(i + s, num_items - 1)];
  ReplaceSlots<kRun, kRuns, kShort>(df, grid, rest, x, roots, trials, entries);
}

// Sorts items by the lengths of their lists, ascending.
HWY_INLINE void SortByGroups(const uint32_t* HWY_RESTRICT entries,
                             const uint32_t* HWY_RESTRICT items, size_t num_items,
                             uint32_t* HWY_RESTRICT sorted) {
  uint32_t starts[kMaxListGroups + 2] = {};
  for (size_t i = 0; i < num_items; ++i) ++starts[ListGroups(entries[items[i]]) + 1];
  for (size_t n = 1; n <= kMaxListGroups; ++n) starts[n] += starts[n - 1];
  for (size_t i = 0; i < num_items; ++i) {
    sorted[starts[ListGroups(entries[items[i]])]++] = items[i];
  }
}

#endif  // GGUF_GRID_TABLE_LOOKUPS

// Replaces the entries off the grid by kWasOffGrid and the nearest point.
template <size_t kRun, size_t kRuns, class DF, class Space>
HWY_NOINLINE void ReplaceOffGrid(DF df, const Grid& grid, size_t num_entries,
                                 const float* HWY_RESTRICT x, const float* HWY_RESTRICT roots,
                                 const float* HWY_RESTRICT trials, Space& space,
                                 uint32_t* HWY_RESTRICT entries) {
  const hn::RebindToSigned<DF> di;
  const hn::RebindToUnsigned<DF> du;
  const size_t lanes = hn::Lanes(df);
  size_t num_short = 0;
  size_t num_long = 0;
  auto place = hn::Iota(du, 0);
  const auto one_group = hn::Set(di, (1 << (kListGroupsShift + 1)) - 1);
  for (size_t i = 0; i < num_entries; i += lanes) {
    const auto entry = hn::BitCast(di, hn::Load(du, entries + i));
    // kOffGrid is the sign; below it is the length of the list.
    const auto off = hn::Lt(entry, hn::Zero(di));
    const auto length = hn::And(entry, hn::Set(di, 0x7FFFFFFF));
    const auto many = hn::Gt(length, one_group);
    const auto is_short = hn::RebindMask(du, hn::AndNot(many, off));
    const auto is_long = hn::RebindMask(du, hn::And(many, off));
    num_short += hn::CompressStore(place, is_short, du, space.short_lists + num_short);
    num_long += hn::CompressStore(place, is_long, du, space.long_lists + num_long);
    place = hn::Add(place, hn::Set(du, static_cast<uint32_t>(lanes)));
  }
#if GGUF_GRID_TABLE_LOOKUPS
  ReplaceItems<kRun, kRuns, true>(df, grid, space.short_lists, num_short, x, roots, trials,
                                  entries);
  if (num_long == 0) return;
  SortByGroups(entries, space.long_lists, num_long, space.sorted);
  ReplaceItems<kRun, kRuns, false>(df, grid, space.sorted, num_long, x, roots, trials, entries);
#else
  const auto replace = [&](uint32_t where) {
    const GridItem<kRun, kRuns> item(where, lanes);
    const uint32_t point = NearestGridPoint(grid, entries[where], x + item.values,
                                            roots + item.values, trials[item.trial]);
    entries[where] = point | kWasOffGrid;
  };
  for (size_t i = 0; i < num_short; ++i) replace(space.short_lists[i]);
  for (size_t i = 0; i < num_long; ++i) replace(space.long_lists[i]);
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
