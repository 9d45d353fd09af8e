#include "quantize/encode/q4_k.h"

#include <cstddef>

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/q4_k.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/k_affine-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

struct Q4_KPacker {
  static constexpr size_t kOffset = offsetof(BlockQ4_K, qs);
  static constexpr size_t kWords = sizeof(BlockQ4_K::qs) / 4;

  static void Pack(const KGroup<Q4_KShape>& group, int32_t* HWY_RESTRICT words) {
    const KInts di;
    const size_t lanes = hn::Lanes(di);
    for (size_t j = 0; j < 8; j += 2) {
      const KCodes<Q4_KShape> low(group, j);
      const KCodes<Q4_KShape> high(group, j + 1);
      const auto byte = [&](size_t i)
                            HWY_ATTR { return hn::Or(low(i), hn::ShiftLeft<4>(high(i))); };
      for (size_t i = 0; i < 32; i += 4, words += lanes) {
        auto word = byte(i);
        word = hn::Or(word, hn::ShiftLeft<8>(byte(i + 1)));
        word = hn::Or(word, hn::ShiftLeft<16>(byte(i + 2)));
        word = hn::Or(word, hn::ShiftLeft<24>(byte(i + 3)));
        hn::Store(word, di, words);
      }
    }
  }
};

void EncodeQ4_KRows(const float* rows, size_t num_rows, size_t columns, const float* weights,
                    uint8_t* out) {
  EncodeKRows<Q4_KShape, Q4_KPacker>(rows, num_rows, columns, weights, out);
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {
namespace {

void PackCodes(const uint8_t* codes, BlockQ4_K& block) {
  for (int g = 0; g < 4; ++g) {
    for (int i = 0; i < 32; ++i) {
      const uint8_t* c = codes + 64 * g + i;
      block.qs[32 * g + i] = static_cast<uint8_t>(c[0] | c[32] << 4);
    }
  }
}

}  // namespace

HWY_EXPORT(EncodeQ4_KRows);

void EncodeQ4_K(const float* rows, size_t num_rows, size_t columns, const float* weights,
                uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeQ4_KRows)(rows, num_rows, columns, weights, out);
}

void EncodeQ4_KReference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out) {
  BlockQ4_K* block = reinterpret_cast<BlockQ4_K*>(out);
  for (size_t row = 0; row < num_rows; ++row) {
    for (size_t column = 0; column < columns; column += kKValues) {
      uint8_t codes[kKValues];
      EncodeKBlock<Q4_KShape>(rows + row * columns + column,
                              weights != nullptr ? weights + column : nullptr, *block, codes);
      PackCodes(codes, *block++);
    }
  }
}

}  // namespace gguf
#endif  // HWY_ONCE
