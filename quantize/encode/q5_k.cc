#include "quantize/encode/q5_k.h"

#include <cstddef>

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/q5_k.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/k_affine-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

struct Q5_KPacker {
  static constexpr size_t kOffset = offsetof(BlockQ5_K, qh);
  static constexpr size_t kHighWords = sizeof(BlockQ5_K::qh) / 4;
  static constexpr size_t kWords = kHighWords + sizeof(BlockQ5_K::qs) / 4;
  static_assert(offsetof(BlockQ5_K, qs) == kOffset + sizeof(BlockQ5_K::qh), "qs follows qh");

  static void Pack(const KGroup<Q5_KShape>& group, int32_t* HWY_RESTRICT words) {
    const KInts di;
    const size_t lanes = hn::Lanes(di);
    int32_t* HWY_RESTRICT low_words = words + kHighWords * lanes;
    for (size_t i = 0; i < kHighWords * lanes; i += lanes) {
      hn::Store(hn::Zero(di), di, words + i);
    }
    for (size_t j = 0; j < 8; j += 2) {
      const KCodes<Q5_KShape> codes0(group, j);
      const KCodes<Q5_KShape> codes1(group, j + 1);
      for (size_t i = 0; i < 8; ++i, low_words += lanes) {
        auto word0 = codes0(4 * i);
        auto word1 = codes1(4 * i);
        word0 = hn::Or(word0, hn::ShiftLeft<8>(codes0(4 * i + 1)));
        word1 = hn::Or(word1, hn::ShiftLeft<8>(codes1(4 * i + 1)));
        word0 = hn::Or(word0, hn::ShiftLeft<16>(codes0(4 * i + 2)));
        word1 = hn::Or(word1, hn::ShiftLeft<16>(codes1(4 * i + 2)));
        word0 = hn::Or(word0, hn::ShiftLeft<24>(codes0(4 * i + 3)));
        word1 = hn::Or(word1, hn::ShiftLeft<24>(codes1(4 * i + 3)));
        const auto nibble = hn::Set(di, 0x0F0F0F0F);
        hn::Store(hn::Or(hn::And(word0, nibble), hn::ShiftLeft<4>(hn::And(word1, nibble))), di,
                  low_words);
        const auto bit = hn::Set(di, 0x01010101);
        const auto fifth = hn::Or(hn::And(hn::ShiftRight<4>(word0), bit),
                                  hn::ShiftLeft<1>(hn::And(hn::ShiftRight<4>(word1), bit)));
        int32_t* to = words + i * lanes;
        hn::Store(hn::Or(hn::Load(di, to), hn::ShiftLeftSame(fifth, static_cast<int>(j))), di, to);
      }
    }
  }
};

void EncodeQ5_KRows(const float* rows, size_t num_rows, size_t columns, const float* weights,
                    uint8_t* out) {
  EncodeKRows<Q5_KShape, Q5_KPacker>(rows, num_rows, columns, weights, out);
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {
namespace {

void PackCodes(const uint8_t* codes, BlockQ5_K& block) {
  for (int i = 0; i < 32; ++i) {
    int fifth_bits = 0;
    for (int j = 0; j < 8; ++j) fifth_bits |= (codes[32 * j + i] >> 4) << j;
    block.qh[i] = static_cast<uint8_t>(fifth_bits);
  }
  for (int g = 0; g < 4; ++g) {
    for (int i = 0; i < 32; ++i) {
      const uint8_t* c = codes + 64 * g + i;
      block.qs[32 * g + i] = static_cast<uint8_t>((c[0] & 15) | (c[32] & 15) << 4);
    }
  }
}

}  // namespace

HWY_EXPORT(EncodeQ5_KRows);

void EncodeQ5_K(const float* rows, size_t num_rows, size_t columns, const float* weights,
                uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeQ5_KRows)(rows, num_rows, columns, weights, out);
}

void EncodeQ5_KReference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out) {
  BlockQ5_K* block = reinterpret_cast<BlockQ5_K*>(out);
  for (size_t row = 0; row < num_rows; ++row) {
    for (size_t column = 0; column < columns; column += kKValues) {
      uint8_t codes[kKValues];
      EncodeKBlock<Q5_KShape>(rows + row * columns + column,
                              weights != nullptr ? weights + column : nullptr, *block, codes);
      PackCodes(codes, *block++);
    }
  }
}

}  // namespace gguf
#endif  // HWY_ONCE
