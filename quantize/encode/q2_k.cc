#include "quantize/encode/q2_k.h"

#include <cstddef>

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/q2_k.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/k_affine-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

struct Q2_KPacker {
  static constexpr size_t kOffset = offsetof(BlockQ2_K, qs);
  static constexpr size_t kWords = sizeof(BlockQ2_K::qs) / 4;

  static void Pack(const KGroup<Q2_KShape>& group, int32_t* HWY_RESTRICT words) {
    const KInts di;
    const size_t lanes = hn::Lanes(di);
    for (size_t i = 0; i < kWords * lanes; i += lanes) hn::Store(hn::Zero(di), di, words + i);
    for (size_t j = 0; j < 16; ++j) {
      const KCodes<Q2_KShape> codes(group, j);
      const int shift = j / 2 % 4 * 2;
      int32_t* to = words + (j / 8 * 8 + j % 2 * 4) * lanes;
      for (size_t i = 0; i < 4; ++i, to += lanes) {
        auto word = codes(4 * i);
        word = hn::Or(word, hn::ShiftLeft<8>(codes(4 * i + 1)));
        word = hn::Or(word, hn::ShiftLeft<16>(codes(4 * i + 2)));
        word = hn::Or(word, hn::ShiftLeft<24>(codes(4 * i + 3)));
        hn::Store(hn::Or(hn::Load(di, to), hn::ShiftLeftSame(word, shift)), di, to);
      }
    }
  }
};

void EncodeQ2_KRows(const float* rows, size_t num_rows, size_t columns, const float* weights,
                    uint8_t* out) {
  EncodeKRows<Q2_KShape, Q2_KPacker>(rows, num_rows, columns, weights, out);
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {
namespace {

void PackCodes(const uint8_t* codes, BlockQ2_K& block) {
  for (int half = 0; half < 2; ++half) {
    for (int i = 0; i < 32; ++i) {
      const uint8_t* c = codes + 128 * half + i;
      block.qs[32 * half + i] = static_cast<uint8_t>(c[0] | c[32] << 2 | c[64] << 4 | c[96] << 6);
    }
  }
}

}  // namespace

HWY_EXPORT(EncodeQ2_KRows);

void EncodeQ2_K(const float* rows, size_t num_rows, size_t columns, const float* weights,
                uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeQ2_KRows)(rows, num_rows, columns, weights, out);
}

void EncodeQ2_KReference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out) {
  BlockQ2_K* block = reinterpret_cast<BlockQ2_K*>(out);
  for (size_t row = 0; row < num_rows; ++row) {
    for (size_t column = 0; column < columns; column += kKValues) {
      uint8_t codes[kKValues];
      EncodeKBlock<Q2_KShape>(rows + row * columns + column,
                              weights != nullptr ? weights + column : nullptr, *block, codes);
      PackCodes(codes, *block++);
    }
  }
}

}  // namespace gguf
#endif  // HWY_ONCE
