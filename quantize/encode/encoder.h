// Encoding rows of floats into the blocks of a tensor type.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_ENCODER_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_ENCODER_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "gguf/tensor_type.h"

namespace gguf {

// How much work goes into low error, under the weights of error_weights.h.
enum class Effort {
  kReference,  // the bytes of ggml's quantizer of August 2026 built without contraction
  kStandard,   // lower error; of the K and IQ types at least twice as fast as ggml's quantizer
  kMax,        // the lowest error known, at about ten times the time of kReference with weights
};
inline constexpr Effort kAllEfforts[] = {Effort::kReference, Effort::kStandard, Effort::kMax};

// "reference", "standard", "max".
absl::string_view NameOf(Effort effort);

// Nothing when `name` is none of these.
absl::optional<Effort> ParseEffort(absl::string_view name);

// Encodes `num_rows` rows of `columns` finite floats (row-major, contiguous) into `out`
// (num_rows * RowBytes). `columns` is a multiple of the type's block. `weights`: one importance per
// column (`columns` floats, finite and >= 0), shared by all rows, or null. Rows are independent: a
// row's bytes do not depend on its neighbours, so that any division into calls gives the same file.
using EncodeRows = void (*)(const float* rows, size_t num_rows, size_t columns,
                            const float* weights, uint8_t* out);

struct Encoder {
  TensorType type;
  Effort effort;          // the lowest that it serves
  bool uses_weights;      // false: the same bytes with and without
  bool requires_weights;  // `weights` must not be null

  // The two give identical bytes; `encode` is the fast one.
  EncodeRows encode;
  EncodeRows encode_reference;
};

// All encoders, in order of type, then of effort. A type has a row of kReference; no row of a
// higher effort where that has nothing to gain.
absl::Span<const Encoder> AllEncoders();

// The encoder of `type` at `effort`, or at the next lower effort that has one. Null when nothing
// encodes `type`.
const Encoder* FindEncoder(TensorType type, Effort effort);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_ENCODER_H_
