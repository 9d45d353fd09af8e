#include "quantize/encode/q4_1.h"

#include <cstddef>

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/q4_1.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
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

void EncodeQ4_1Rows(const float* rows, size_t num_rows, size_t columns, const float* weights,
                    uint8_t* out) {
  if (weights == nullptr) {
    EncodePlainLegacyRows<Q4_1Shape, Q4_1Packer>(rows, num_rows * (columns / kLegacyValues), out);
    return;
  }
  EncodeImportantLegacyRows<Q4_1Shape, Q4_1Packer>(rows, num_rows, columns, weights, out);
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

HWY_EXPORT(EncodeQ4_1Rows);

void EncodeQ4_1(const float* rows, size_t num_rows, size_t columns, const float* weights,
                uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeQ4_1Rows)(rows, num_rows, columns, weights, out);
}

void EncodeQ4_1Reference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out) {
  BlockQ4_1* blocks = reinterpret_cast<BlockQ4_1*>(out);
  for (size_t row = 0; row < num_rows; ++row) {
    EncodeLegacyRow<Q4_1Shape>(rows + row * columns, columns, weights,
                               blocks + row * (columns / kLegacyValues));
  }
}

}  // namespace gguf
#endif  // HWY_ONCE
