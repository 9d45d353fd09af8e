// Every tensor type a GGUF file can hold: the one table of ids, names and block sizes.

#ifndef GGUF_TOOLCHAIN_GGUF_TENSOR_TYPE_H_
#define GGUF_TOOLCHAIN_GGUF_TENSOR_TYPE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gguf/shape.h"

namespace gguf {

// Values are the ids stored in files (ggml.h, August 2026). Ids 4, 5, 31-33 and 36-38 were removed
// from the format and are refused; 43 and above are unknown.
enum class TensorType : uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
  kQ8_1 = 9,
  kQ2_K = 10,
  kQ3_K = 11,
  kQ4_K = 12,
  kQ5_K = 13,
  kQ6_K = 14,
  kQ8_K = 15,
  kIQ2_XXS = 16,
  kIQ2_XS = 17,
  kIQ3_XXS = 18,
  kIQ1_S = 19,
  kIQ4_NL = 20,
  kIQ3_S = 21,
  kIQ2_S = 22,
  kIQ4_XS = 23,
  kI8 = 24,
  kI16 = 25,
  kI32 = 26,
  kI64 = 27,
  kF64 = 28,
  kIQ1_M = 29,
  kBF16 = 30,
  kTQ1_0 = 34,
  kTQ2_0 = 35,
  kMXFP4 = 39,
  kNVFP4 = 40,
  kQ1_0 = 41,
  kQ2_0 = 42,
};

struct TensorTypeInfo {
  TensorType type;
  absl::string_view name;  // as the field writes it: "Q4_K", "IQ2_XXS", "BF16"
  uint32_t block_values;   // values per block; rows are whole blocks
  uint32_t block_bytes;
  bool is_quantized;  // a block format, as opposed to plain floats and integers
  bool is_weight;     // may be the target of quantization (Q8_1, Q8_K, integers and F64 may not)

  double bits_per_weight() const { return 8.0 * block_bytes / block_values; }
};

// All types in order of id.
absl::Span<const TensorTypeInfo> AllTensorTypes();

// The row of `type`; `type` must be one of the enumerators.
const TensorTypeInfo& InfoOf(TensorType type);

// The row of an id found in a file; null for removed and unknown ids.
const TensorTypeInfo* FindTensorType(uint32_t id);

// Case-insensitive. InvalidArgument with the known names.
absl::StatusOr<TensorType> ParseTensorType(absl::string_view name);

inline absl::string_view NameOf(TensorType type) { return InfoOf(type).name; }

// Bytes of one row of `columns` values. InvalidArgument when blocks do not divide it.
absl::StatusOr<uint64_t> RowBytes(TensorType type, uint64_t columns);

// Bytes of a whole tensor. InvalidArgument as above, or when the size exceeds 2^63 - 1.
absl::StatusOr<uint64_t> TensorBytes(TensorType type, const Shape& shape);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_GGUF_TENSOR_TYPE_H_
