// Products on the matrix unit of recent x86 servers (AMX), which multiplies bfloat16 about eight
// times as fast as vector units multiply floats.
//
// A float becomes one to three parts: the bfloat16 nearest to it, the one nearest to what remains,
// and again. Three hold all 24 bits of a float, two 16 bits, one 8. Products of parts are added in
// float, but for those below 2^-26 of the whole: with three parts of activations, and as many of
// weights as hold them exactly, results are as close as those of a sum of floats. One part of each
// is three to six times as fast, with an error of at most 2^-8 per factor.

#ifndef GGUF_TOOLCHAIN_RUNTIME_OPS_AMX_H_
#define GGUF_TOOLCHAIN_RUNTIME_OPS_AMX_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

// Whether this machine has the unit and the system lets this process use it. When false, nothing
// below may be called.
bool HasAmx();

inline constexpr size_t kAmxTokens = 32;  // activations of a panel
inline constexpr size_t kAmxRows = 32;    // rows of a block of weights
inline constexpr size_t kAmxDepth = 32;   // columns of a step; depths are rounded up to it

// Columns rounded up to whole steps.
constexpr size_t AmxDepth(size_t columns) {
  return (columns + kAmxDepth - 1) / kAmxDepth * kAmxDepth;
}

// Of weights and of activations: {1, 1}, {1, 3}, {2, 3} or {3, 3}.
struct AmxParts {
  int weights = 1;
  int activations = 1;
};

// 16-bit values of a panel or of a block of `depth` columns in `parts` parts. Also where column
// `depth`, a multiple of kAmxDepth, begins in a longer one.
constexpr size_t AmxValues(size_t depth, int parts) { return parts * kAmxTokens * AmxDepth(depth); }

// Packs `count` rows (1 to kAmxTokens) of `depth` activations (stride `row_stride`) into a panel,
// zeros beyond either. `parts` is 1 or 3; `out` is aligned to 64 bytes.
void AmxPackActivations(const float* in, size_t row_stride, size_t count, size_t depth, int parts,
                        uint16_t* out);

// Packs row `row` < kAmxRows of a block of weights; the other rows stay as they are. `parts` is 1,
// 2 or 3.
void AmxPackWeights(const float* values, size_t row, size_t depth, int parts, uint16_t* block);

// Takes the unit for this thread, and gives it back. AmxMultiply may be called in between.
void AmxBegin();
void AmxEnd();

// c[r * c_stride + t] += the product of row r of `num_blocks` blocks with activation t of a panel,
// over `depth` columns rounded up to steps. Blocks begin `block_values` apart and follow one
// another in the rows of c. Writes all kAmxRows * num_blocks rows and kAmxTokens columns.
void AmxMultiply(const uint16_t* blocks, size_t num_blocks, size_t block_values,
                 const uint16_t* panel, size_t depth, AmxParts parts, float* c, size_t c_stride);

// out[t * out_stride + r] = sums[r * stride + t] + bias[r] (`bias` may be null), for r < rows and
// t < count, which lie within whole tiles of 16 x 16 of `sums`.
void AmxStoreTurned(const float* sums, size_t stride, size_t rows, size_t count, const float* bias,
                    float* out, size_t out_stride);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_OPS_AMX_H_
