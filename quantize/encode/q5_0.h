// Q5_0. Without weights the value of largest magnitude becomes code 0 (scale max / -16); with
// weights the scale is searched (SearchSigned) for the smallest weighted error.
//
// The contract is EncodeRows in encoder.h; both functions give the same bytes.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_Q5_0_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_Q5_0_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

void EncodeQ5_0(const float* rows, size_t num_rows, size_t columns, const float* weights,
                uint8_t* out);
void EncodeQ5_0Reference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_Q5_0_H_
