// How precisely the activations of matrix products are multiplied.

#ifndef GGUF_TOOLCHAIN_RUNTIME_OPS_ACTIVATION_TYPE_H_
#define GGUF_TOOLCHAIN_RUNTIME_OPS_ACTIVATION_TYPE_H_

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"

namespace gguf {

// Speed is bought with precision only where the machine or the type of the weights makes it faster;
// elsewhere products are as precise as with kF32.
enum class ActivationType {
  // As the floats they are: relative to the sum of a product's terms an error of some 1e-7, that of
  // adding floats in another order, for prompts and single tokens alike. The reference. (Inside,
  // floats are split into parts that multiply exactly: amx.h, dot.h.)
  kF32,
  // Of prompts as bfloat16, weights too, on machines with a matrix unit: 2^-9 per value. Of single
  // tokens, for types with a kernel of integers (dot.h), in 16 bits against the largest of each 32:
  // an error of some 1e-5.
  kBF16,
  // Of single tokens rounded to 8 bits against the largest of each 32 (2^-8 of that largest), and
  // multiplied as integers, for the types of weights where that is faster: legacy ones but Q8_0,
  // Q2_K, Q3_K, Q4_K, Q5_K, IQ3_S, TQ1_0, TQ2_0, Q1_0, Q2_0, IQ4_NL, MXFP4. Others as kBF16, and
  // so are prompts, which a matrix unit makes both faster and closer that way.
  kQ8,
};

// "f32", "bf16", "q8".
absl::string_view NameOf(ActivationType type);
absl::optional<ActivationType> ParseActivationType(absl::string_view name);
absl::Span<const absl::string_view> ActivationTypeNames();

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_OPS_ACTIVATION_TYPE_H_
