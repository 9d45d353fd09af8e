#include "quantize/encode/iq3_s.h"

#include <cstring>

#include "formats/codec/iq3_s.h"
#include "quantize/encode/grid_search.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/iq3_s.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/grid_search-inl.h"

// Scalar parts, once for all instruction sets.
#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ3_S_ONCE
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ3_S_ONCE
namespace gguf {
namespace {

struct TypeIQ3_S {
  static constexpr GridType kType = {
      .sub_values = 32,
      .run = 4,
      .levels = 8,
      .even_signs = false,
      .sigma2_factor = 2.0f,
      .weights = GridWeights::kSquare,
      .tiny = 1e-45f,  // the smallest float: only 0 is below
      .seeded = false,
      .steps = 9,
      .step_size = 0.2f,
      .top = 15.0f,
      .final_pass = GridFinalPass::kAllIfAnyOffGrid,
      .d_factor = 1.033f,
  };
};

void PackBlock(const GridBlock& fitted, const uint8_t* nibbles, BlockIQ3_S& block) {
  for (size_t k = 0; k < 64; ++k) {
    block.qs[k] = static_cast<uint8_t>(fitted.indices[k]);
    block.qh[k / 8] |= fitted.indices[k] >> 8 << (k % 8);
  }
  std::memcpy(block.signs, fitted.signs, sizeof(block.signs));
  for (size_t b = 0; b < 4; ++b) block.scales[b] = nibbles[2 * b] | nibbles[2 * b + 1] << 4;
}

}  // namespace
}  // namespace gguf
#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ3_S_ONCE

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {

void EncodeIQ3_SImpl(const float* HWY_RESTRICT rows, size_t num_rows, size_t columns,
                     const float* HWY_RESTRICT weights, uint8_t* HWY_RESTRICT out) {
  EncodeGrid<TypeIQ3_S, BlockIQ3_S>(Iq3sGrid(), rows, num_rows, columns, weights, PackBlock, out);
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

void EncodeIQ3_SReference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                          uint8_t* out) {
  EncodeGridReference<BlockIQ3_S>(TypeIQ3_S::kType, Iq3sGrid(), rows, num_rows, columns, weights,
                                  PackBlock, out);
}

HWY_EXPORT(EncodeIQ3_SImpl);

void EncodeIQ3_S(const float* rows, size_t num_rows, size_t columns, const float* weights,
                 uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeIQ3_SImpl)(rows, num_rows, columns, weights, out);
}

}  // namespace gguf
#endif  // HWY_ONCE
