// RefineKBlock (k_refine.h) for rows: blocks are loaded one per SIMD lane, searched together
// (k_refine-inl.h) and written where their error became lower.

// Per-target include guard
#if defined(GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_K_REFINE_ROWS_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_K_REFINE_ROWS_INL_H_
#undef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_K_REFINE_ROWS_INL_H_
#else
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_K_REFINE_ROWS_INL_H_
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "hwy/highway.h"
#include "quantize/encode/k_affine-inl.h"
#include "quantize/encode/lanes-inl.h"
#include "quantize/encode/refine/k_refine-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Weights and their sums; the values are there already.
template <class Shape>
HWY_INLINE void WeighKGroup(bool has_importance, KRefineGroup<Shape>& group) {
  const size_t lanes = hn::Lanes(KFloats());
  if (has_importance) KSigma2Lanes(group.input);
  for (size_t j = 0; j < Shape::kSubBlocks; ++j) {
    const size_t first = j * Shape::kSubValues * lanes;
    const float* x = group.input.x + first;
    float* weights = group.weights + first;
    if (has_importance) {
      ImportantKWeightLanes(group.input, j, weights, group.sum_w + j * lanes);
    } else {
      PlainKWeightLanes<Shape>(x, weights);
    }
    FVec sum_w = FSet(0.0f), sum_wx = sum_w;
    for (size_t i = 0; i < Shape::kSubValues * lanes; i += lanes) {
      const FVec w = FLoad(weights + i);
      sum_w = hn::Add(sum_w, w);
      sum_wx = hn::Add(sum_wx, hn::Mul(w, FLoad(x + i)));
    }
    FStore(sum_w, group.sum_w + j * lanes);
    FStore(sum_wx, group.sum_wx + j * lanes);
  }
}

// The block of lane `lane` into group.state. False, and something harmless there, for blocks that
// RefineKBlock leaves alone.
template <class Shape>
HWY_INLINE bool LoadKState(const typename Shape::Block& block, size_t lane,
                           KLaneState<Shape>& state) {
  const size_t lanes = hn::Lanes(KFloats());
  const float d = F16ToF32(block.d);
  const float dmin = F16ToF32(block.dmin);
  const bool used = d > 0.0f && d <= kF16Max && dmin >= 0.0f && dmin <= kF16Max;
  state.d[lane] = used ? d : 1.0f;
  state.dmin[lane] = used ? dmin : 1.0f;
  for (size_t j = 0; j < Shape::kSubBlocks; ++j) {
    const int sub_block = static_cast<int>(j);
    state.scales[j * lanes + lane] = static_cast<float>(Shape::SubScale(block, sub_block));
    state.minimums[j * lanes + lane] = static_cast<float>(Shape::SubMinimum(block, sub_block));
  }
  return used;
}

// Everything of lane `lane`'s block, its codes from `words` (k_pack-inl.h).
template <class Shape, class Packer>
HWY_INLINE void StoreKState(const KLaneState<Shape>& state, const int32_t* words, size_t lane,
                            typename Shape::Block& block) {
  const size_t lanes = hn::Lanes(KFloats());
  uint8_t scales[Shape::kSubBlocks], minimums[Shape::kSubBlocks];
  for (size_t j = 0; j < Shape::kSubBlocks; ++j) {
    scales[j] = static_cast<uint8_t>(state.scales[j * lanes + lane]);
    minimums[j] = static_cast<uint8_t>(state.minimums[j * lanes + lane]);
  }
  Shape::PackSubCodes(scales, minimums, block);
  block.d = F32ToF16(state.d[lane]);
  block.dmin = F32ToF16(state.dmin[lane]);
  uint8_t* bytes = reinterpret_cast<uint8_t*>(&block) + Packer::kOffset;
  for (size_t i = 0; i < Packer::kWords; ++i)
    std::memcpy(bytes + 4 * i, words + i * lanes + lane, 4);
}

// RefineKBlock for the blocks of `num_rows` rows, which `out` encodes.
template <class Shape, class Packer, class Search>
void RefineKRows(const float* rows, size_t num_rows, size_t columns, const float* importance,
                 uint8_t* out) {
  using Block = typename Shape::Block;
  const KFloats df;
  const size_t lanes = hn::Lanes(df);
  const size_t row_blocks = columns / kKValues;
  const size_t num_blocks = num_rows * row_blocks;
  Block* blocks = reinterpret_cast<Block*>(out);
  KRefineGroup<Shape> group;
  HWY_ALIGN int32_t words[Packer::kWords * hn::MaxLanes(df)];
  bool used[hn::MaxLanes(df)];
  HWY_ALIGN float improved[hn::MaxLanes(df)];
  for (size_t first = 0; first < num_blocks; first += lanes) {
    const size_t count = HWY_MIN(lanes, num_blocks - first);
    LoadBlocksToLanes(df, rows + first * kKValues, kKValues, count, kKValues, group.input.x);
    for (size_t k = 0; k < lanes; ++k) {
      const size_t block = first + HWY_MIN(k, count - 1);
      group.input.importance[k] = importance + block % row_blocks * kKValues;
      used[k] = LoadKState(blocks[block], k, group.state);
    }
    WeighKGroup(importance != nullptr, group);
    const FMask better = RefineKLanes<Shape, Search>(group);
    FStore(hn::IfThenElseZero(better, FSet(1.0f)), improved);
    Packer::Pack(group, words);
    for (size_t k = 0; k < count; ++k) {
      if (!used[k] || improved[k] == 0.0f) continue;
      StoreKState<Shape, Packer>(group.state, words, k, blocks[first + k]);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
