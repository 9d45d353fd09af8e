#include "quantize/encode/encoder.h"

#include "quantize/encode/f16.h"
#include "quantize/encode/q2_k.h"
#include "quantize/encode/q3_k.h"
#include "quantize/encode/q4_0.h"
#include "quantize/encode/q4_1.h"
#include "quantize/encode/q4_k.h"
#include "quantize/encode/q5_0.h"
#include "quantize/encode/q5_1.h"
#include "quantize/encode/q5_k.h"
#include "quantize/encode/q6_k.h"
#include "quantize/encode/q8_0.h"

namespace gguf {
namespace {

constexpr bool kIgnoresWeights = false;
constexpr bool kUsesWeights = true;
constexpr bool kOptionalWeights = false;

#define GGUF_REFERENCE_ENCODER(name, uses_weights)                                         \
  {                                                                                        \
    TensorType::k##name, Effort::kReference, uses_weights, kOptionalWeights, Encode##name, \
        Encode##name##Reference                                                            \
  }

constexpr Encoder kEncoders[] = {
    {TensorType::kF32, Effort::kReference, kIgnoresWeights, kOptionalWeights, EncodeF32, EncodeF32},
    GGUF_REFERENCE_ENCODER(F16, kIgnoresWeights),
    GGUF_REFERENCE_ENCODER(Q4_0, kUsesWeights),
    GGUF_REFERENCE_ENCODER(Q4_1, kUsesWeights),
    GGUF_REFERENCE_ENCODER(Q5_0, kUsesWeights),
    GGUF_REFERENCE_ENCODER(Q5_1, kUsesWeights),
    GGUF_REFERENCE_ENCODER(Q8_0, kIgnoresWeights),
    GGUF_REFERENCE_ENCODER(Q2_K, kUsesWeights),
    GGUF_REFERENCE_ENCODER(Q3_K, kUsesWeights),
    GGUF_REFERENCE_ENCODER(Q4_K, kUsesWeights),
    GGUF_REFERENCE_ENCODER(Q5_K, kUsesWeights),
    GGUF_REFERENCE_ENCODER(Q6_K, kUsesWeights),
    GGUF_REFERENCE_ENCODER(BF16, kIgnoresWeights),
};

#undef GGUF_REFERENCE_ENCODER

}  // namespace

absl::Span<const Encoder> AllEncoders() { return kEncoders; }

const Encoder* FindEncoder(TensorType type, Effort effort) {
  for (const Encoder& encoder : kEncoders) {
    if (encoder.type == type && encoder.effort == effort) return &encoder;
  }
  return nullptr;
}

}  // namespace gguf
