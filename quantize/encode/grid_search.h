// Scalar search of the IQ2 and IQ3 types: per sub-block a scale, a grid point per run of values and
// the signs; per block the scales as nibbles of one block scale.
//
// This defines the bytes; grid_search-inl.h does the same for one sub-block per SIMD lane. All
// arithmetic is binary32 without contraction, sums run in element order, products from left to
// right (spec: the quantizers of the IQ2 and IQ3 types of ggml, August 2026).

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_GRID_SEARCH_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_GRID_SEARCH_H_

#include <cstddef>
#include <cstdint>

#include "quantize/encode/grid.h"

namespace gguf {

// Weight of a value x without importance; with importance w it is w * sqrt(sigma2 + x * x).
enum class GridWeights { kImportanceOnly, kSquare, kQuarterSigma2PlusSquare };

// Which runs are projected once more with the scale that was found (if positive).
enum class GridFinalPass { kAll, kOffGrid, kAllIfAnyOffGrid };

// What distinguishes the types.
struct GridType {
  size_t sub_values;    // values under one scale: 16 or 32
  size_t run;           // values per grid point
  int levels;           // 3 or 8
  bool even_signs;      // the eighth sign of eight values makes their number even
  float sigma2_factor;  // sigma2 = factor * (sum of x*x of the block) / 256
  GridWeights weights;  // without importance
  float tiny;           // a sub-block with a smaller maximum gets scale 0
  bool seeded;          // steps start from the scale of FitPositive, not from the maximum
  int steps;            // inverse scales (top + step_size * i) / max, |i| <= steps
  float step_size;
  float top;  // 5 or 15: the value of the highest level
  GridFinalPass final_pass;
  float d_factor;  // the block scale is stored times this
};

inline constexpr size_t kGridBlockValues = 256;

// A block before it is packed.
struct GridBlock {
  float scales[16];      // of sub-block b
  uint16_t indices[64];  // in the codebook, of run r
  uint8_t signs[32];     // bit i of byte k: value 8k + i is negative; bit 7 is 0 if `even_signs`
};

struct GridSubBlock {
  float scale;
  uint16_t* indices;  // sub_values / run
  uint8_t* signs;     // sub_values / 8
};

// Without importance, the multiple of sigma2 that the reference's weights add to x * x.
constexpr float GridPlainSigma2(const GridType& type) {
  return type.weights == GridWeights::kQuarterSigma2PlusSquare ? 0.25f : 0.0f;
}

// The weight of the squared error of every value of a block: without importance (null, unless
// kImportanceOnly) plain_sigma2 * sigma2 + x * x.
void GridBlockWeights(const GridType& type, float plain_sigma2, const float* x,
                      const float* importance, float* weights);

// The member of the neighbour list of `entry` (off the grid) with the least sum over the run of
// roots[k] * d * d, d = scale * (2 * level + 1) - x[k]; the first of equals.
uint32_t NearestGridPoint(const Grid& grid, uint32_t entry, const float* x, const float* roots,
                          float scale);

// Scale, points and signs of one sub-block.
//
// Where no scale is better than none (all weights zero) the points are the grid's first.
void FitGridSubBlock(const GridType& type, const Grid& grid, const float* x, const float* weights,
                     GridSubBlock& sub);

void FitGridBlock(const GridType& type, const Grid& grid, const float* x, const float* importance,
                  GridBlock& block);

// The block scale in binary16, and the sub-block scales as nibbles of it. False when all are zero:
// the block is zero bytes then.
bool QuantizeGridScales(const GridType& type, const float* scales, uint16_t& d, uint8_t* nibbles);

// Quantizes the scales and packs: `pack(fitted, nibbles, block)` fills all but the block scale.
template <class Block, class PackBlock>
void PackGridBlock(const GridType& type, const GridBlock& fitted, PackBlock pack, Block& block) {
  block = {};
  uint16_t d;
  uint8_t nibbles[16];
  if (!QuantizeGridScales(type, fitted.scales, d, nibbles)) return;
  block.d = d;
  pack(fitted, nibbles, block);
}

// Encodes rows by FitGridBlock.
template <class Block, class PackBlock>
void EncodeGridReference(const GridType& type, const Grid& grid, const float* rows, size_t num_rows,
                         size_t columns, const float* weights, PackBlock pack, uint8_t* out) {
  auto* blocks = reinterpret_cast<Block*>(out);
  const size_t num_blocks = num_rows * columns / kGridBlockValues;
  for (size_t n = 0; n < num_blocks; ++n) {
    const size_t first = n * kGridBlockValues;
    GridBlock fitted;
    FitGridBlock(type, grid, rows + first, weights != nullptr ? weights + first % columns : nullptr,
                 fitted);
    PackGridBlock(type, fitted, pack, blocks[n]);
  }
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_GRID_SEARCH_H_
