// IQ2_XS. Runs of 8 from 512 points, a scale per 16 values. Needs importance.
//
// The contract is EncodeRows in encoder.h; both functions give the same bytes.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ2_XS_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ2_XS_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

// `weights` must not be null.
void EncodeIQ2_XS(const float* rows, size_t num_rows, size_t columns, const float* weights,
                  uint8_t* out);
void EncodeIQ2_XSReference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                           uint8_t* out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ2_XS_H_
