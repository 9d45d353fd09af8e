// The IQ2 and IQ3 types as the grid searches see them, and how their blocks are packed.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_GRID_TYPES_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_GRID_TYPES_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "formats/codec/codebooks/iq2s.h"
#include "formats/codec/codebooks/iq2xs.h"
#include "formats/codec/codebooks/iq2xxs.h"
#include "formats/codec/codebooks/iq3s.h"
#include "formats/codec/codebooks/iq3xxs.h"
#include "formats/codec/iq2_s.h"
#include "formats/codec/iq2_xs.h"
#include "formats/codec/iq2_xxs.h"
#include "formats/codec/iq3_s.h"
#include "formats/codec/iq3_xxs.h"
#include "quantize/encode/grid.h"
#include "quantize/encode/grid_search.h"

namespace gguf {

// Per type: what distinguishes it; its block; its values, which are kUnit * d * (2 * nibble + 1)
// times a value of the codebook; kGain, by which the higher efforts store d larger than its least
// squares fit, which is too small for a model by what is lost of the weights (chosen by the
// divergence of the trained model in testdata); and Pack, which fills all of the block but d.

struct TypeIQ2_XXS {
  using Block = BlockIQ2_XXS;
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
  static constexpr float kUnit = 0.125f;
  static constexpr float kGain = 1.05f;
  static constexpr const auto& kCodebook = kIq2xxs;
  static const Grid& TypeGrid() { return Iq2xxsGrid(); }
  static void Pack(const GridBlock& fitted, const uint8_t* nibbles, BlockIQ2_XXS& block) {
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
};

struct TypeIQ2_XS {
  using Block = BlockIQ2_XS;
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
  static constexpr float kUnit = 0.125f;
  static constexpr float kGain = 1.04f;
  static constexpr const auto& kCodebook = kIq2xs;
  static const Grid& TypeGrid() { return Iq2xsGrid(); }
  static void Pack(const GridBlock& fitted, const uint8_t* nibbles, BlockIQ2_XS& block) {
    for (size_t k = 0; k < 32; ++k) {
      block.qs[k] = static_cast<uint16_t>(fitted.indices[k] | fitted.signs[k] << 9);
    }
    for (size_t b = 0; b < 8; ++b) block.scales[b] = nibbles[2 * b] | nibbles[2 * b + 1] << 4;
  }
};

struct TypeIQ2_S {
  using Block = BlockIQ2_S;
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
  static constexpr float kUnit = 0.125f;
  static constexpr float kGain = 1.03f;
  static constexpr const auto& kCodebook = kIq2s;
  static const Grid& TypeGrid() { return Iq2sGrid(); }
  static void Pack(const GridBlock& fitted, const uint8_t* nibbles, BlockIQ2_S& block) {
    for (size_t k = 0; k < 32; ++k) {
      block.qs[k] = static_cast<uint8_t>(fitted.indices[k]);
      block.qh[k / 4] |= fitted.indices[k] >> 8 << (2 * (k % 4));
      block.signs[k] = fitted.signs[k];
    }
    for (size_t b = 0; b < 8; ++b) block.scales[b] = nibbles[2 * b] | nibbles[2 * b + 1] << 4;
  }
};

struct TypeIQ3_XXS {
  using Block = BlockIQ3_XXS;
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
  static constexpr float kUnit = 0.25f;
  static constexpr float kGain = 1.015f;
  static constexpr const auto& kCodebook = kIq3xxs;
  static const Grid& TypeGrid() { return Iq3xxsGrid(); }
  static void Pack(const GridBlock& fitted, const uint8_t* nibbles, BlockIQ3_XXS& block) {
    for (size_t k = 0; k < 64; ++k) block.qs[k] = static_cast<uint8_t>(fitted.indices[k]);
    for (size_t g = 0; g < 8; ++g) {
      uint32_t word = static_cast<uint32_t>(nibbles[g]) << 28;
      for (size_t l = 0; l < 4; ++l) {
        word |= static_cast<uint32_t>(fitted.signs[4 * g + l]) << (7 * l);
      }
      block.signs_and_scale[g] = word;
    }
  }
};

struct TypeIQ3_S {
  using Block = BlockIQ3_S;
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
  static constexpr float kUnit = 1.0f;
  static constexpr float kGain = 1.015f;
  static constexpr const auto& kCodebook = kIq3s;
  static const Grid& TypeGrid() { return Iq3sGrid(); }
  static void Pack(const GridBlock& fitted, const uint8_t* nibbles, BlockIQ3_S& block) {
    for (size_t k = 0; k < 64; ++k) {
      block.qs[k] = static_cast<uint8_t>(fitted.indices[k]);
      block.qh[k / 8] |= fitted.indices[k] >> 8 << (k % 8);
    }
    std::memcpy(block.signs, fitted.signs, sizeof(block.signs));
    for (size_t b = 0; b < 4; ++b) block.scales[b] = nibbles[2 * b] | nibbles[2 * b + 1] << 4;
  }
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_GRID_TYPES_H_
