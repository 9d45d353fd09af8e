// IQ2_S. Runs of 8 from 1024 points, a scale per 16 values, all signs stored.
//
// The contract is EncodeRows in encoder.h; both functions give the same bytes.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ2_S_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ2_S_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

void EncodeIQ2_S(const float* rows, size_t num_rows, size_t columns, const float* weights,
                 uint8_t* out);
void EncodeIQ2_SReference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                          uint8_t* out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ2_S_H_
