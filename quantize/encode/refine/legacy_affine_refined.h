// Encoders of Q4_1 and Q5_1 at the higher efforts (legacy_refine.h): the reference's blocks with
// their error lowered.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_LEGACY_AFFINE_REFINED_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_LEGACY_AFFINE_REFINED_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

// Shapes as in EncodeRows (encoder.h). The Scalar functions define the bytes.
#define GGUF_DECLARE_REFINED(name)                                                            \
  void name(const float* rows, size_t num_rows, size_t columns, const float* weights,         \
            uint8_t* out);                                                                    \
  void name##Scalar(const float* rows, size_t num_rows, size_t columns, const float* weights, \
                    uint8_t* out)

GGUF_DECLARE_REFINED(EncodeQ4_1Standard);
GGUF_DECLARE_REFINED(EncodeQ4_1Max);
GGUF_DECLARE_REFINED(EncodeQ5_1Standard);
GGUF_DECLARE_REFINED(EncodeQ5_1Max);

#undef GGUF_DECLARE_REFINED

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_LEGACY_AFFINE_REFINED_H_
