#include "quantize/encode/iq2_xs.h"

#include "formats/codec/iq2_xs.h"
#include "quantize/encode/grid_search.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/iq2_xs.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/grid_search-inl.h"

// Scalar parts, once for all instruction sets.
#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ2_XS_ONCE
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ2_XS_ONCE
namespace gguf {
namespace {

struct TypeIQ2_XS {
  static constexpr GridType kType = {
      .sub_values = 16,
      .run = 8,
      .levels = 3,
      .even_signs = true,
      .sigma2_factor = 1.0f,
      .weights = GridWeights::kImportanceOnly,
      .tiny = 1e-15f,
      .seeded = false,
      .steps = 9,
      .step_size = 0.1f,
      .top = 5.0f,
      .final_pass = GridFinalPass::kOffGrid,
      .d_factor = 1.0f,
  };
};

void PackBlock(const GridBlock& fitted, const uint8_t* nibbles, BlockIQ2_XS& block) {
  for (size_t k = 0; k < 32; ++k) {
    block.qs[k] = static_cast<uint16_t>(fitted.indices[k] | fitted.signs[k] << 9);
  }
  for (size_t b = 0; b < 8; ++b) block.scales[b] = nibbles[2 * b] | nibbles[2 * b + 1] << 4;
}

}  // namespace
}  // namespace gguf
#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ2_XS_ONCE

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {

void EncodeIQ2_XSImpl(const float* HWY_RESTRICT rows, size_t num_rows, size_t columns,
                      const float* HWY_RESTRICT weights, uint8_t* HWY_RESTRICT out) {
  EncodeGrid<TypeIQ2_XS, BlockIQ2_XS>(Iq2xsGrid(), rows, num_rows, columns, weights, PackBlock,
                                      out);
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

void EncodeIQ2_XSReference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                           uint8_t* out) {
  EncodeGridReference<BlockIQ2_XS>(TypeIQ2_XS::kType, Iq2xsGrid(), rows, num_rows, columns, weights,
                                   PackBlock, out);
}

HWY_EXPORT(EncodeIQ2_XSImpl);

void EncodeIQ2_XS(const float* rows, size_t num_rows, size_t columns, const float* weights,
                  uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeIQ2_XSImpl)(rows, num_rows, columns, weights, out);
}

}  // namespace gguf
#endif  // HWY_ONCE
