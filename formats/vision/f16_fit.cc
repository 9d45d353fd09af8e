#include "formats/vision/f16_fit.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "formats/row_ranges.h"
#include "gguf/base/float16.h"
#include "gguf/base/status_macros.h"

namespace gguf {
namespace {

void Count(float value, F16Fit* fit) {
  const float rounded = F16ToF32(F32ToF16(value));
  if (rounded == value || std::isnan(value)) return;
  ++fit->num_inexact;
  if (std::isinf(rounded)) {
    ++fit->num_overflowing;
  } else {
    fit->max_abs_error =
        std::max(fit->max_abs_error, std::abs(static_cast<double>(value) - rounded));
  }
}

// Most values of weights have neither a tiny nor a huge exponent: of those, a bfloat16 fits.
bool IsPlainBf16(uint16_t bits) {
  constexpr int kLeast = 127 - 14, kMost = 127 + 15;  // exponents of F16's normal numbers
  const int exponent = bits >> 7 & 0xFF;
  return exponent >= kLeast && exponent <= kMost;
}

}  // namespace

absl::StatusOr<F16Fit> MeasureF16Fit(const TensorSource& source, size_t index) {
  F16Fit fit;
  const SourceTensor& tensor = source.tensors()[index];
  if (tensor.type == TensorType::kF16) return fit;
  GGUF_ASSIGN_OR_RETURN(const uint64_t row_bytes, RowBytes(tensor.type, tensor.shape.columns()));
  std::vector<RowRange> ranges;
  AppendRowRanges(index, tensor.shape, &ranges);
  std::vector<uint8_t> bytes;
  for (const RowRange& range : ranges) {
    bytes.resize(range.num_rows * row_bytes);
    GGUF_RETURN_IF_ERROR(
        source.ReadRows(index, range.first_row, range.num_rows, absl::MakeSpan(bytes)));
    if (tensor.type == TensorType::kBF16) {
      for (size_t i = 0; i + 1 < bytes.size(); i += 2) {
        const uint16_t bits = static_cast<uint16_t>(bytes[i] | bytes[i + 1] << 8);
        if (!IsPlainBf16(bits)) Count(BF16ToF32(bits), &fit);
      }
    } else {
      for (size_t i = 0; i + 3 < bytes.size(); i += 4) {
        float value;
        std::memcpy(&value, bytes.data() + i, sizeof(value));
        Count(value, &fit);
      }
    }
  }
  return fit;
}

}  // namespace gguf
