#include "quantize/encode/iq3_xxs.h"

#include "formats/codec/iq3_xxs.h"
#include "quantize/encode/grid_search.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/iq3_xxs.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/grid_search-inl.h"

// Scalar parts, once for all instruction sets.
#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ3_XXS_ONCE
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ3_XXS_ONCE
namespace gguf {
namespace {

struct TypeIQ3_XXS {
  static constexpr GridType kType = {
      .sub_values = 32,
      .run = 4,
      .levels = 8,
      .even_signs = true,
      .sigma2_factor = 2.0f,
      .weights = GridWeights::kSquare,
      .tiny = 1e-8f,
      .seeded = false,
      .steps = 15,
      .step_size = 0.2f,
      .top = 15.0f,
      .final_pass = GridFinalPass::kOffGrid,
      .d_factor = 1.0125f,
  };
};

void PackBlock(const GridBlock& fitted, const uint8_t* nibbles, BlockIQ3_XXS& block) {
  for (size_t k = 0; k < 64; ++k) block.qs[k] = static_cast<uint8_t>(fitted.indices[k]);
  for (size_t g = 0; g < 8; ++g) {
    uint32_t word = static_cast<uint32_t>(nibbles[g]) << 28;
    for (size_t l = 0; l < 4; ++l) {
      word |= static_cast<uint32_t>(fitted.signs[4 * g + l]) << (7 * l);
    }
    block.signs_and_scale[g] = word;
  }
}

}  // namespace
}  // namespace gguf
#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ3_XXS_ONCE

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {

void EncodeIQ3_XXSImpl(const float* HWY_RESTRICT rows, size_t num_rows, size_t columns,
                       const float* HWY_RESTRICT weights, uint8_t* HWY_RESTRICT out) {
  EncodeGrid<TypeIQ3_XXS, BlockIQ3_XXS>(Iq3xxsGrid(), rows, num_rows, columns, weights, PackBlock,
                                        out);
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

void EncodeIQ3_XXSReference(const float* rows, size_t num_rows, size_t columns,
                            const float* weights, uint8_t* out) {
  EncodeGridReference<BlockIQ3_XXS>(TypeIQ3_XXS::kType, Iq3xxsGrid(), rows, num_rows, columns,
                                    weights, PackBlock, out);
}

HWY_EXPORT(EncodeIQ3_XXSImpl);

void EncodeIQ3_XXS(const float* rows, size_t num_rows, size_t columns, const float* weights,
                   uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeIQ3_XXSImpl)(rows, num_rows, columns, weights, out);
}

}  // namespace gguf
#endif  // HWY_ONCE
