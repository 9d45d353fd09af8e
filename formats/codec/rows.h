// The Highway decoders behind codec.h, two per block type; see Codec::decode and Codec::unpack.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_ROWS_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_ROWS_H_

#include <cstddef>
#include <cstdint>

#include "formats/codec/code_row.h"

namespace gguf {

void DecodeRowQ4_0(const uint8_t* blocks, size_t num_values, float* out);
void DecodeRowQ4_1(const uint8_t* blocks, size_t num_values, float* out);
void DecodeRowQ5_0(const uint8_t* blocks, size_t num_values, float* out);
void DecodeRowQ5_1(const uint8_t* blocks, size_t num_values, float* out);
void DecodeRowQ8_0(const uint8_t* blocks, size_t num_values, float* out);
void DecodeRowQ8_1(const uint8_t* blocks, size_t num_values, float* out);
void DecodeRowQ2_K(const uint8_t* blocks, size_t num_values, float* out);
void DecodeRowQ3_K(const uint8_t* blocks, size_t num_values, float* out);
void DecodeRowQ4_K(const uint8_t* blocks, size_t num_values, float* out);
void DecodeRowQ5_K(const uint8_t* blocks, size_t num_values, float* out);
void DecodeRowQ6_K(const uint8_t* blocks, size_t num_values, float* out);
void DecodeRowQ8_K(const uint8_t* blocks, size_t num_values, float* out);
void DecodeRowIQ2_XXS(const uint8_t* blocks, size_t num_values, float* out);
void DecodeRowIQ2_XS(const uint8_t* blocks, size_t num_values, float* out);
void DecodeRowIQ3_XXS(const uint8_t* blocks, size_t num_values, float* out);
void DecodeRowIQ1_S(const uint8_t* blocks, size_t num_values, float* out);
void DecodeRowIQ4_NL(const uint8_t* blocks, size_t num_values, float* out);
void DecodeRowIQ3_S(const uint8_t* blocks, size_t num_values, float* out);
void DecodeRowIQ2_S(const uint8_t* blocks, size_t num_values, float* out);
void DecodeRowIQ4_XS(const uint8_t* blocks, size_t num_values, float* out);
void DecodeRowIQ1_M(const uint8_t* blocks, size_t num_values, float* out);
void DecodeRowTQ1_0(const uint8_t* blocks, size_t num_values, float* out);
void DecodeRowTQ2_0(const uint8_t* blocks, size_t num_values, float* out);
void DecodeRowMXFP4(const uint8_t* blocks, size_t num_values, float* out);
void DecodeRowNVFP4(const uint8_t* blocks, size_t num_values, float* out);
void DecodeRowQ1_0(const uint8_t* blocks, size_t num_values, float* out);
void DecodeRowQ2_0(const uint8_t* blocks, size_t num_values, float* out);

// See Codec::unpack.
bool HasRowCodes();
void UnpackRowQ4_0(const uint8_t* blocks, size_t num_values, CodeRow out);
void UnpackRowQ4_1(const uint8_t* blocks, size_t num_values, CodeRow out);
void UnpackRowQ5_0(const uint8_t* blocks, size_t num_values, CodeRow out);
void UnpackRowQ5_1(const uint8_t* blocks, size_t num_values, CodeRow out);
void UnpackRowQ8_0(const uint8_t* blocks, size_t num_values, CodeRow out);
void UnpackRowQ8_1(const uint8_t* blocks, size_t num_values, CodeRow out);
void UnpackRowQ2_K(const uint8_t* blocks, size_t num_values, CodeRow out);
void UnpackRowQ3_K(const uint8_t* blocks, size_t num_values, CodeRow out);
void UnpackRowQ4_K(const uint8_t* blocks, size_t num_values, CodeRow out);
void UnpackRowQ5_K(const uint8_t* blocks, size_t num_values, CodeRow out);
void UnpackRowQ6_K(const uint8_t* blocks, size_t num_values, CodeRow out);
void UnpackRowQ8_K(const uint8_t* blocks, size_t num_values, CodeRow out);
void UnpackRowIQ2_XXS(const uint8_t* blocks, size_t num_values, CodeRow out);
void UnpackRowIQ2_XS(const uint8_t* blocks, size_t num_values, CodeRow out);
void UnpackRowIQ3_XXS(const uint8_t* blocks, size_t num_values, CodeRow out);
void UnpackRowIQ1_S(const uint8_t* blocks, size_t num_values, CodeRow out);
void UnpackRowIQ4_NL(const uint8_t* blocks, size_t num_values, CodeRow out);
void UnpackRowIQ3_S(const uint8_t* blocks, size_t num_values, CodeRow out);
void UnpackRowIQ2_S(const uint8_t* blocks, size_t num_values, CodeRow out);
void UnpackRowIQ4_XS(const uint8_t* blocks, size_t num_values, CodeRow out);
void UnpackRowIQ1_M(const uint8_t* blocks, size_t num_values, CodeRow out);
void UnpackRowTQ1_0(const uint8_t* blocks, size_t num_values, CodeRow out);
void UnpackRowTQ2_0(const uint8_t* blocks, size_t num_values, CodeRow out);
void UnpackRowMXFP4(const uint8_t* blocks, size_t num_values, CodeRow out);
void UnpackRowNVFP4(const uint8_t* blocks, size_t num_values, CodeRow out);
void UnpackRowQ1_0(const uint8_t* blocks, size_t num_values, CodeRow out);
void UnpackRowQ2_0(const uint8_t* blocks, size_t num_values, CodeRow out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_ROWS_H_
