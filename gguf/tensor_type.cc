#include "gguf/tensor_type.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gguf/base/sizes.h"

namespace gguf {
namespace {

constexpr bool kQuantized = true;
constexpr bool kPlain = false;
constexpr bool kWeight = true;
constexpr bool kNoWeight = false;

// Sizes: ggml-common.h, August 2026.
constexpr TensorTypeInfo kTypes[] = {
    {TensorType::kF32, "F32", 1, 4, kPlain, kWeight},
    {TensorType::kF16, "F16", 1, 2, kPlain, kWeight},
    {TensorType::kQ4_0, "Q4_0", 32, 18, kQuantized, kWeight},
    {TensorType::kQ4_1, "Q4_1", 32, 20, kQuantized, kWeight},
    {TensorType::kQ5_0, "Q5_0", 32, 22, kQuantized, kWeight},
    {TensorType::kQ5_1, "Q5_1", 32, 24, kQuantized, kWeight},
    {TensorType::kQ8_0, "Q8_0", 32, 34, kQuantized, kWeight},
    {TensorType::kQ8_1, "Q8_1", 32, 36, kQuantized, kNoWeight},
    {TensorType::kQ2_K, "Q2_K", 256, 84, kQuantized, kWeight},
    {TensorType::kQ3_K, "Q3_K", 256, 110, kQuantized, kWeight},
    {TensorType::kQ4_K, "Q4_K", 256, 144, kQuantized, kWeight},
    {TensorType::kQ5_K, "Q5_K", 256, 176, kQuantized, kWeight},
    {TensorType::kQ6_K, "Q6_K", 256, 210, kQuantized, kWeight},
    {TensorType::kQ8_K, "Q8_K", 256, 292, kQuantized, kNoWeight},
    {TensorType::kIQ2_XXS, "IQ2_XXS", 256, 66, kQuantized, kWeight},
    {TensorType::kIQ2_XS, "IQ2_XS", 256, 74, kQuantized, kWeight},
    {TensorType::kIQ3_XXS, "IQ3_XXS", 256, 98, kQuantized, kWeight},
    {TensorType::kIQ1_S, "IQ1_S", 256, 50, kQuantized, kWeight},
    {TensorType::kIQ4_NL, "IQ4_NL", 32, 18, kQuantized, kWeight},
    {TensorType::kIQ3_S, "IQ3_S", 256, 110, kQuantized, kWeight},
    {TensorType::kIQ2_S, "IQ2_S", 256, 82, kQuantized, kWeight},
    {TensorType::kIQ4_XS, "IQ4_XS", 256, 136, kQuantized, kWeight},
    {TensorType::kI8, "I8", 1, 1, kPlain, kNoWeight},
    {TensorType::kI16, "I16", 1, 2, kPlain, kNoWeight},
    {TensorType::kI32, "I32", 1, 4, kPlain, kNoWeight},
    {TensorType::kI64, "I64", 1, 8, kPlain, kNoWeight},
    {TensorType::kF64, "F64", 1, 8, kPlain, kNoWeight},
    {TensorType::kIQ1_M, "IQ1_M", 256, 56, kQuantized, kWeight},
    {TensorType::kBF16, "BF16", 1, 2, kPlain, kWeight},
    {TensorType::kTQ1_0, "TQ1_0", 256, 54, kQuantized, kWeight},
    {TensorType::kTQ2_0, "TQ2_0", 256, 66, kQuantized, kWeight},
    {TensorType::kMXFP4, "MXFP4", 32, 17, kQuantized, kWeight},
    {TensorType::kNVFP4, "NVFP4", 64, 36, kQuantized, kWeight},
    {TensorType::kQ1_0, "Q1_0", 128, 18, kQuantized, kWeight},
    {TensorType::kQ2_0, "Q2_0", 64, 18, kQuantized, kWeight},
};

}  // namespace

absl::Span<const TensorTypeInfo> AllTensorTypes() { return kTypes; }

const TensorTypeInfo* FindTensorType(uint32_t id) {
  for (const TensorTypeInfo& info : kTypes) {
    if (static_cast<uint32_t>(info.type) == id) return &info;
  }
  return nullptr;
}

const TensorTypeInfo& InfoOf(TensorType type) {
  const TensorTypeInfo* info = FindTensorType(static_cast<uint32_t>(type));
  return info != nullptr ? *info : kTypes[0];
}

absl::StatusOr<TensorType> ParseTensorType(absl::string_view name) {
  for (const TensorTypeInfo& info : kTypes) {
    if (absl::EqualsIgnoreCase(info.name, name)) return info.type;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "unknown tensor type '", name, "'; known: ",
      absl::StrJoin(kTypes, " ", [](std::string* out, const TensorTypeInfo& info) {
        absl::StrAppend(out, info.name);
      })));
}

absl::StatusOr<uint64_t> RowBytes(TensorType type, uint64_t columns) {
  const TensorTypeInfo& info = InfoOf(type);
  if (columns % info.block_values != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("rows of ", columns, " values are no multiple of the ", info.block_values,
                     " values in a block of ", info.name));
  }
  uint64_t bytes;
  if (!CheckedMultiply(columns / info.block_values, info.block_bytes, &bytes)) {
    return absl::InvalidArgumentError(
        absl::StrCat("a row of ", columns, " values of ", info.name, " exceeds 2^64 bytes"));
  }
  return bytes;
}

absl::StatusOr<uint64_t> TensorBytes(TensorType type, const Shape& shape) {
  absl::StatusOr<uint64_t> row_bytes = RowBytes(type, shape.columns());
  if (!row_bytes.ok()) return row_bytes;
  uint64_t bytes = *row_bytes;
  for (size_t i = 0; i + 1 < shape.rank(); ++i) {
    if (!CheckedMultiply(bytes, shape.dims()[i], &bytes)) bytes = ~uint64_t{0};
  }
  if (bytes >> 63 != 0) {
    return absl::InvalidArgumentError(absl::StrCat("shape ", shape.ToString(), " of ",
                                                   NameOf(type), " exceeds 2^63 - 1 bytes"));
  }
  return bytes;
}

}  // namespace gguf
