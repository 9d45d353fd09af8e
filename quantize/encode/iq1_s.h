// IQ1_S. Per 32 values the best of all splits of the sorted values into three levels, with one of
// two shifts; runs of 8 that are not grid rows move to the nearest one. Needs weights.
//
// The contract is EncodeRows in encoder.h; both functions give the same bytes.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ1_S_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ1_S_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

void EncodeIQ1_S(const float* rows, size_t num_rows, size_t columns, const float* weights,
                 uint8_t* out);
void EncodeIQ1_SReference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                          uint8_t* out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ1_S_H_
