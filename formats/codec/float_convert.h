// Rows of floats between binary32 and the other plain types, vectorised. The bits are those of
// gguf/base/float16.h, or of the conversion of C++, with every instruction set.
//
// Byte arrays may have any alignment; input and output do not overlap.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_FLOAT_CONVERT_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_FLOAT_CONVERT_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

// `in` holds `num_values` little-endian values. Exact; a NaN keeps its sign and payload.
void DecodeF16(const uint8_t* in, size_t num_values, float* out);
void DecodeBF16(const uint8_t* in, size_t num_values, float* out);
void DecodeF32(const uint8_t* in, size_t num_values, float* out);

// The nearest float, ties to even; infinity for doubles beyond the range of float.
void DecodeF64(const uint8_t* in, size_t num_values, float* out);
void DecodeI8(const uint8_t* in, size_t num_values, float* out);
void DecodeI16(const uint8_t* in, size_t num_values, float* out);
void DecodeI32(const uint8_t* in, size_t num_values, float* out);
void DecodeI64(const uint8_t* in, size_t num_values, float* out);

// Rounded to nearest even, as F32ToF16 and F32ToBF16. Writes 2 * num_values bytes.
void EncodeF16(const float* in, size_t num_values, uint8_t* out);
void EncodeBF16(const float* in, size_t num_values, uint8_t* out);

// Index of the first infinity or NaN; `num_values` when there is none.
size_t FindNonFinite(const float* values, size_t num_values);
size_t FindNonFiniteF32(const uint8_t* values, size_t num_values);
size_t FindNonFiniteF16(const uint8_t* values, size_t num_values);
size_t FindNonFiniteBF16(const uint8_t* values, size_t num_values);
size_t FindNonFiniteF64(const uint8_t* values, size_t num_values);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_FLOAT_CONVERT_H_
