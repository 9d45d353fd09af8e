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

constexpr Effort kRef = Effort::kReference;

// Type, effort, uses weights, requires weights, fast, reference.
constexpr Encoder kEncoders[] = {
    {TensorType::kF32, kRef, false, false, EncodeF32, EncodeF32},
    {TensorType::kF16, kRef, false, false, EncodeF16, EncodeF16Reference},
    {TensorType::kQ4_0, kRef, true, false, EncodeQ4_0, EncodeQ4_0Reference},
    {TensorType::kQ4_1, kRef, true, false, EncodeQ4_1, EncodeQ4_1Reference},
    {TensorType::kQ5_0, kRef, true, false, EncodeQ5_0, EncodeQ5_0Reference},
    {TensorType::kQ5_1, kRef, true, false, EncodeQ5_1, EncodeQ5_1Reference},
    {TensorType::kQ8_0, kRef, false, false, EncodeQ8_0, EncodeQ8_0Reference},
    {TensorType::kQ2_K, kRef, true, false, EncodeQ2_K, EncodeQ2_KReference},
    {TensorType::kQ3_K, kRef, true, false, EncodeQ3_K, EncodeQ3_KReference},
    {TensorType::kQ4_K, kRef, true, false, EncodeQ4_K, EncodeQ4_KReference},
    {TensorType::kQ5_K, kRef, true, false, EncodeQ5_K, EncodeQ5_KReference},
    {TensorType::kQ6_K, kRef, true, false, EncodeQ6_K, EncodeQ6_KReference},
    {TensorType::kBF16, kRef, false, false, EncodeBF16, EncodeBF16Reference},
};

}  // namespace

absl::Span<const Encoder> AllEncoders() { return kEncoders; }

const Encoder* FindEncoder(TensorType type, Effort effort) {
  for (const Encoder& encoder : kEncoders) {
    if (encoder.type == type && encoder.effort == effort) return &encoder;
  }
  return nullptr;
}

}  // namespace gguf
