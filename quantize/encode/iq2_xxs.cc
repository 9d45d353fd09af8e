#include "quantize/encode/iq2_xxs.h"

#include "formats/codec/iq2_xxs.h"
#include "quantize/encode/grid_search.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/iq2_xxs.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/grid_search-inl.h"

// Scalar parts, once for all instruction sets.
#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ2_XXS_ONCE
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ2_XXS_ONCE
namespace gguf {
namespace {

struct TypeIQ2_XXS {
  static constexpr GridType kType = {
      .sub_values = 32,
      .run = 8,
      .levels = 3,
      .even_signs = true,
      .sigma2_factor = 1.0f,
      .weights = GridWeights::kImportanceOnly,
      .tiny = 1e-15f,
      .seeded = true,
      .steps = 6,
      .step_size = 0.1f,
      .top = 5.0f,
      .final_pass = GridFinalPass::kAll,
      .d_factor = 1.0f,
  };
};

void PackBlock(const GridBlock& fitted, const uint8_t* nibbles, BlockIQ2_XXS& block) {
  for (size_t g = 0; g < 8; ++g) {
    BlockIQ2_XXS::Group& group = block.qs[g];
    uint32_t word = static_cast<uint32_t>(nibbles[g]) << 28;
    for (size_t l = 0; l < 4; ++l) {
      group.index[l] = static_cast<uint8_t>(fitted.indices[4 * g + l]);
      word |= static_cast<uint32_t>(fitted.signs[4 * g + l]) << (7 * l);
    }
    group.signs_and_scale = word;
  }
}

}  // namespace
}  // namespace gguf
#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ2_XXS_ONCE

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {

void EncodeIQ2_XXSImpl(const float* HWY_RESTRICT rows, size_t num_rows, size_t columns,
                       const float* HWY_RESTRICT weights, uint8_t* HWY_RESTRICT out) {
  EncodeGrid<TypeIQ2_XXS, BlockIQ2_XXS>(Iq2xxsGrid(), rows, num_rows, columns, weights, PackBlock,
                                        out);
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

void EncodeIQ2_XXSReference(const float* rows, size_t num_rows, size_t columns,
                            const float* weights, uint8_t* out) {
  EncodeGridReference<BlockIQ2_XXS>(TypeIQ2_XXS::kType, Iq2xxsGrid(), rows, num_rows, columns,
                                    weights, PackBlock, out);
}

HWY_EXPORT(EncodeIQ2_XXSImpl);

void EncodeIQ2_XXS(const float* rows, size_t num_rows, size_t columns, const float* weights,
                   uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeIQ2_XXSImpl)(rows, num_rows, columns, weights, out);
}

}  // namespace gguf
#endif  // HWY_ONCE
