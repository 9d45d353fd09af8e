// TQ1_0 and TQ2_0 with the scale of least error.
//
// The reference takes the largest magnitude of a block as its scale, so that most values of a
// bell-shaped block become 0. For squared errors the best scale of the k largest magnitudes as
// codes of +-1 is their mean; here all k are compared, each with its mean as binary16 (at most
// 65504), so that no other scale gives less. Blocks that are ternary already stay exact. The code 3
// of TQ2_0, which decodes to twice the scale, stays unused.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_TQ_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_TQ_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

void EncodeTQ1_0Standard(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out);
void EncodeTQ1_0StandardScalar(const float* rows, size_t num_rows, size_t columns,
                               const float* weights, uint8_t* out);

void EncodeTQ2_0Standard(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out);
void EncodeTQ2_0StandardScalar(const float* rows, size_t num_rows, size_t columns,
                               const float* weights, uint8_t* out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_TQ_H_
