// IQ1_M. Per 16 values the best of all splits of the sorted values into three levels, with a shift
// per 8 values; runs of 8 that are not grid rows move to the nearest one. The block scale is
// fitted.
//
// The contract is EncodeRows in encoder.h; both functions give the same bytes.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ1_M_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ1_M_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

void EncodeIQ1_M(const float* rows, size_t num_rows, size_t columns, const float* weights,
                 uint8_t* out);
void EncodeIQ1_MReference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                          uint8_t* out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ1_M_H_
