// Products on the matrix unit of recent x86 servers (AMX), which multiplies bfloat16 about eight
// times as fast as vector units multiply floats.
//
// In full precision a float is split into a bfloat16 and the bfloat16 nearest to what remains; of
// the four products of two such pairs all but the smallest are added, in float. The relative error
// of a product is at most 3 * 2^-16, typically a tenth of that. In half precision only the first
// product counts: three times as fast, with a relative error of at most 2^-7, which is below that
// of activations rounded to 8 bits.

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

// 16-bit values of a panel or of a block of `depth` columns: two per number in full precision.
constexpr size_t AmxValues(size_t depth, bool is_full) {
  return (is_full ? 2 : 1) * kAmxTokens * AmxDepth(depth);
}

// Packs `count` rows (1 to kAmxTokens) of `depth` activations (stride `row_stride`) into a panel,
// zeros beyond either. `out` is aligned to 64 bytes.
void AmxPackActivations(const float* in, size_t row_stride, size_t count, size_t depth,
                        bool is_full, uint16_t* out);

// Packs row `row` < kAmxRows of a block of weights; the other rows stay as they are.
void AmxPackWeights(const float* values, size_t row, size_t depth, bool is_full, uint16_t* block);

// Takes the unit for this thread, and gives it back. AmxMultiply may be called in between.
void AmxBegin();
void AmxEnd();

// c[r * c_stride + t] += the product of row r of `num_blocks` blocks with activation t of a panel,
// over `depth` columns rounded up to steps. Blocks begin `block_values` apart and follow one
// another in the rows of c. Writes all kAmxRows * num_blocks rows and kAmxTokens columns.
void AmxMultiply(const uint16_t* blocks, size_t num_blocks, size_t block_values,
                 const uint16_t* panel, size_t depth, bool is_full, float* c, size_t c_stride);

// out[t * out_stride + r] = sums[r * stride + t] + bias[r] (`bias` may be null), for r < rows and
// t < count, which lie within whole tiles of 16 x 16 of `sums`.
void AmxStoreTurned(const float* sums, size_t stride, size_t rows, size_t count, const float* bias,
                    float* out, size_t out_stride);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_OPS_AMX_H_
