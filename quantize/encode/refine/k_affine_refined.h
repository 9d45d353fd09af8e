// Encoders of Q2_K, Q4_K and Q5_K at the higher efforts (k_refine.h): the reference's blocks with
// their error lowered.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_K_AFFINE_REFINED_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_K_AFFINE_REFINED_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

// Shapes as in EncodeRows (encoder.h). The Scalar functions define the bytes.
#define GGUF_DECLARE_REFINED(name)                                                            \
  void name(const float* rows, size_t num_rows, size_t columns, const float* weights,         \
            uint8_t* out);                                                                    \
  void name##Scalar(const float* rows, size_t num_rows, size_t columns, const float* weights, \
                    uint8_t* out)

GGUF_DECLARE_REFINED(EncodeQ2_KStandard);
GGUF_DECLARE_REFINED(EncodeQ2_KMax);
GGUF_DECLARE_REFINED(EncodeQ4_KStandard);
GGUF_DECLARE_REFINED(EncodeQ4_KMax);
GGUF_DECLARE_REFINED(EncodeQ5_KStandard);
GGUF_DECLARE_REFINED(EncodeQ5_KMax);

#undef GGUF_DECLARE_REFINED

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_K_AFFINE_REFINED_H_
