// Q4_1. Without weights scale and minimum are those of the values' range; with weights both are
// searched for the least weighted error.
//
// The contract is EncodeRows in encoder.h; both functions give the same bytes.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_Q4_1_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_Q4_1_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

void EncodeQ4_1(const float* rows, size_t num_rows, size_t columns, const float* weights,
                uint8_t* out);
void EncodeQ4_1Reference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_Q4_1_H_
