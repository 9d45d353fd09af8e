// Q8_0: scale max |x| / 127, codes rounded half away from zero. Weights are ignored.
//
// The contract is EncodeRows in encoder.h; both functions give the same bytes.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_Q8_0_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_Q8_0_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

void EncodeQ8_0(const float* rows, size_t num_rows, size_t columns, const float* weights,
                uint8_t* out);
void EncodeQ8_0Reference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_Q8_0_H_
