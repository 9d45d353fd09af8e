// The order in which Q2_K, Q4_K and Q5_K keep the bits of their codes, for one block per SIMD lane.
//
// A packer writes the 4-byte words of the codes of Lanes blocks, word i of lane k at [i * Lanes +
// k]; there are kWords, at byte kOffset of the block. `group.Codes(j)` is the sub-block j, a
// function from the number of a value to its codes.

// Per-target include guard
#if defined(GGUF_TOOLCHAIN_QUANTIZE_ENCODE_K_PACK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_K_PACK_INL_H_
#undef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_K_PACK_INL_H_
#else
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_K_PACK_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "quantize/encode/k_affine-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

struct Q2_KPacker {
  static constexpr size_t kOffset = offsetof(BlockQ2_K, qs);
  static constexpr size_t kWords = sizeof(BlockQ2_K::qs) / 4;

  template <class Group>
  static void Pack(const Group& group, int32_t* HWY_RESTRICT words) {
    const KInts di;
    const size_t lanes = hn::Lanes(di);
    for (size_t i = 0; i < kWords * lanes; i += lanes) hn::Store(hn::Zero(di), di, words + i);
    for (size_t j = 0; j < 16; ++j) {
      const auto codes = group.Codes(j);
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

struct Q4_KPacker {
  static constexpr size_t kOffset = offsetof(BlockQ4_K, qs);
  static constexpr size_t kWords = sizeof(BlockQ4_K::qs) / 4;

  template <class Group>
  static void Pack(const Group& group, int32_t* HWY_RESTRICT words) {
    const KInts di;
    const size_t lanes = hn::Lanes(di);
    for (size_t j = 0; j < 8; j += 2) {
      const auto low = group.Codes(j);
      const auto high = group.Codes(j + 1);
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

struct Q5_KPacker {
  static constexpr size_t kOffset = offsetof(BlockQ5_K, qh);
  static constexpr size_t kHighWords = sizeof(BlockQ5_K::qh) / 4;
  static constexpr size_t kWords = kHighWords + sizeof(BlockQ5_K::qs) / 4;
  static_assert(offsetof(BlockQ5_K, qs) == kOffset + sizeof(BlockQ5_K::qh), "qs follows qh");

  template <class Group>
  static void Pack(const Group& group, int32_t* HWY_RESTRICT words) {
    const KInts di;
    const size_t lanes = hn::Lanes(di);
    int32_t* HWY_RESTRICT low_words = words + kHighWords * lanes;
    for (size_t i = 0; i < kHighWords * lanes; i += lanes) {
      hn::Store(hn::Zero(di), di, words + i);
    }
    for (size_t j = 0; j < 8; j += 2) {
      const auto codes0 = group.Codes(j);
      const auto codes1 = group.Codes(j + 1);
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

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
