#include "quantize/encode/iq2_s.h"

#include "formats/codec/iq2_s.h"
#include "quantize/encode/grid_search.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/iq2_s.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/grid_search-inl.h"

// Scalar parts, once for all instruction sets.
#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ2_S_ONCE
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ2_S_ONCE
namespace gguf {
namespace {

struct TypeIQ2_S {
  static constexpr GridType kType = {
      .sub_values = 16,
      .run = 8,
      .levels = 3,
      .even_signs = false,
      .sigma2_factor = 2.0f,
      .weights = GridWeights::kQuarterSigma2PlusSquare,
      .tiny = 1e-8f,
      .seeded = false,
      .steps = 9,
      .step_size = 0.1f,
      .top = 5.0f,
      .final_pass = GridFinalPass::kOffGrid,
      .d_factor = 0.9875f,
  };
};

void PackBlock(const GridBlock& fitted, const uint8_t* nibbles, BlockIQ2_S& block) {
  for (size_t k = 0; k < 32; ++k) {
    block.qs[k] = static_cast<uint8_t>(fitted.indices[k]);
    block.qh[k / 4] |= fitted.indices[k] >> 8 << (2 * (k % 4));
    block.signs[k] = fitted.signs[k];
  }
  for (size_t b = 0; b < 8; ++b) block.scales[b] = nibbles[2 * b] | nibbles[2 * b + 1] << 4;
}

}  // namespace
}  // namespace gguf
#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ2_S_ONCE

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {

void EncodeIQ2_SImpl(const float* HWY_RESTRICT rows, size_t num_rows, size_t columns,
                     const float* HWY_RESTRICT weights, uint8_t* HWY_RESTRICT out) {
  EncodeGrid<TypeIQ2_S, BlockIQ2_S>(Iq2sGrid(), rows, num_rows, columns, weights, PackBlock, out);
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

void EncodeIQ2_SReference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                          uint8_t* out) {
  EncodeGridReference<BlockIQ2_S>(TypeIQ2_S::kType, Iq2sGrid(), rows, num_rows, columns, weights,
                                  PackBlock, out);
}

HWY_EXPORT(EncodeIQ2_SImpl);

void EncodeIQ2_S(const float* rows, size_t num_rows, size_t columns, const float* weights,
                 uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeIQ2_SImpl)(rows, num_rows, columns, weights, out);
}

}  // namespace gguf
#endif  // HWY_ONCE
