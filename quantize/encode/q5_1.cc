#include "quantize/encode/q5_1.h"

#include <cstddef>

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/q5_1.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/legacy_affine-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

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

void EncodeQ5_1Rows(const float* rows, size_t num_rows, size_t columns, const float* weights,
                    uint8_t* out) {
  if (weights == nullptr) {
    EncodePlainLegacyRows<Q5_1Shape, Q5_1Packer>(rows, num_rows * (columns / kLegacyValues), out);
    return;
  }
  EncodeImportantLegacyRows<Q5_1Shape, Q5_1Packer>(rows, num_rows, columns, weights, out);
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

HWY_EXPORT(EncodeQ5_1Rows);

void EncodeQ5_1(const float* rows, size_t num_rows, size_t columns, const float* weights,
                uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeQ5_1Rows)(rows, num_rows, columns, weights, out);
}

void EncodeQ5_1Reference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out) {
  BlockQ5_1* blocks = reinterpret_cast<BlockQ5_1*>(out);
  for (size_t row = 0; row < num_rows; ++row) {
    EncodeLegacyRow<Q5_1Shape>(rows + row * columns, columns, weights,
                               blocks + row * (columns / kLegacyValues));
  }
}

}  // namespace gguf
#endif  // HWY_ONCE
