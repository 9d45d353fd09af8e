// The order in which Q4_1 and Q5_1 keep the bits of their codes, for one block per SIMD lane.
//
// A packer writes the 4-byte words of the codes of Lanes blocks, word i of lane k at [i * Lanes +
// k]; there are kWords, at byte kOffset of the block. `codes` is a function from the number of a
// value to its codes.

// Per-target include guard
#if defined(GGUF_TOOLCHAIN_QUANTIZE_ENCODE_LEGACY_PACK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_LEGACY_PACK_INL_H_
#undef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_LEGACY_PACK_INL_H_
#else
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_LEGACY_PACK_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "quantize/encode/legacy_affine-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

struct Q4_1Packer {
  static constexpr size_t kOffset = offsetof(BlockQ4_1, qs);
  static constexpr size_t kWords = sizeof(BlockQ4_1::qs) / 4;

  template <class Codes>
  static void Pack(const Codes& codes, int32_t* HWY_RESTRICT words) {
    const LegacyInts di;
    for (size_t i = 0; i < 16; i += 4, words += hn::Lanes(di)) {
      auto word = hn::Or(codes(i), hn::ShiftLeft<4>(codes(i + 16)));
      word = hn::Or(word, hn::ShiftLeft<8>(codes(i + 1)));
      word = hn::Or(word, hn::ShiftLeft<12>(codes(i + 17)));
      word = hn::Or(word, hn::ShiftLeft<16>(codes(i + 2)));
      word = hn::Or(word, hn::ShiftLeft<20>(codes(i + 18)));
      word = hn::Or(word, hn::ShiftLeft<24>(codes(i + 3)));
      word = hn::Or(word, hn::ShiftLeft<28>(codes(i + 19)));
      hn::Store(word, di, words);
    }
  }
};

struct Q5_1Packer {
  static constexpr size_t kOffset = offsetof(BlockQ5_1, qh);
  static constexpr size_t kWords = 1 + sizeof(BlockQ5_1::qs) / 4;
  static_assert(offsetof(BlockQ5_1, qs) == kOffset + 4, "qs follows qh");

  template <class Codes>
  static void Pack(const Codes& codes, int32_t* HWY_RESTRICT words) {
    const LegacyInts di;
    const size_t lanes = hn::Lanes(di);
    const auto nibble = hn::Set(di, 15);
    auto fifth = hn::Zero(di);
    for (size_t i = 0; i < 16; i += 4) {
      auto word = hn::Zero(di);
      for (size_t k = 0; k < 4; ++k) {
        const auto low = codes(i + k);
        const auto high = codes(i + k + 16);
        const auto byte = hn::Or(hn::And(low, nibble), hn::ShiftLeft<4>(hn::And(high, nibble)));
        word = hn::Or(word, hn::ShiftLeftSame(byte, static_cast<int>(8 * k)));
        const auto bits =
            hn::Or(hn::ShiftRight<4>(low), hn::ShiftLeft<16>(hn::ShiftRight<4>(high)));
        fifth = hn::Or(fifth, hn::ShiftLeftSame(bits, static_cast<int>(i + k)));
      }
      hn::Store(word, di, words + (1 + i / 4) * lanes);
    }
    hn::Store(fifth, di, words);
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
