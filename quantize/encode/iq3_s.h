// IQ3_S. Runs of 4 from 512 points, a scale per 32 values, all signs stored.
//
// ggml's quantizer misplaces what follows a sub-block of 32 zeros within its block; here it is
// where the decoder looks for it.
//
// The contract is EncodeRows in encoder.h; both functions give the same bytes.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ3_S_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ3_S_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

void EncodeIQ3_S(const float* rows, size_t num_rows, size_t columns, const float* weights,
                 uint8_t* out);
void EncodeIQ3_SReference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                          uint8_t* out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ3_S_H_
