#include "formats/checkpoint_tensors.h"

#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "formats/convert_rules.h"
#include "formats/row_order.h"
#include "formats/row_request.h"
#include "formats/widen.h"
#include "gguf/base/status_macros.h"

namespace gguf {
namespace {

// The tensor type that stores elements as they are; none: they are widened to F32.
absl::optional<TensorType> SameType(ElementType type) {
  switch (type) {
    case ElementType::kF32:
      return TensorType::kF32;
    case ElementType::kF16:
      return TensorType::kF16;
    case ElementType::kBF16:
      return TensorType::kBF16;
    default:
      return absl::nullopt;
  }
}

TensorType PresentedType(const MappedTensor& tensor, ElementType stored) {
  if (ConvertsToF32(tensor.name, tensor.shape)) return TensorType::kF32;
  return SameType(stored).value_or(TensorType::kF32);
}

// A vector is one row to callers, but heads are counted in its elements: it is read as a column.
bool IsVector(const Shape& shape) { return shape.rank() <= 1; }

}  // namespace

absl::StatusOr<CheckpointTensors> CheckpointTensors::Open(absl::string_view folder,
                                                          const Family& family,
                                                          const HfConfig& config,
                                                          const ModelSizes& sizes) {
  GGUF_ASSIGN_OR_RETURN(SafetensorsSet set, SafetensorsSet::Open(folder));
  CheckpointTensors result(folder, std::move(set));
  std::vector<const SafetensorsTensor*> stored;
  for (size_t i = 0; i < result.set_.entries().size(); ++i) {
    stored.push_back(&result.set_.tensor(i));
  }
  GGUF_ASSIGN_OR_RETURN(result.mapped_, MapTensors(folder, family, config, sizes, stored));
  GGUF_ASSIGN_OR_RETURN(result.generated_, family.generate_tensors(config, sizes));
  for (const GeneratedTensor& tensor : result.generated_) {
    result.tensors_.push_back({tensor.name, tensor.shape, TensorType::kF32});
  }
  for (const MappedTensor& tensor : result.mapped_) {
    const TensorType type = PresentedType(tensor, stored[tensor.source]->type);
    result.tensors_.push_back({tensor.name, tensor.shape, type});
  }
  return result;
}

absl::Status CheckpointTensors::ReadStored(const MappedTensor& tensor, uint64_t first_row,
                                           absl::Span<uint8_t> out) const {
  const ElementType type = set_.tensor(tensor.source).type;
  const uint64_t columns = tensor.shape.columns();
  uint64_t row_bytes = columns * ElementBytes(type);
  if (tensor.permuted_heads == 0) return set_.Read(tensor.source, first_row * row_bytes, out);

  uint64_t rows = tensor.shape.rows();
  if (IsVector(tensor.shape)) {
    rows = columns;
    row_bytes = ElementBytes(type);
    first_row *= columns;
  }
  return ReadInterleavedRows(
      rows / tensor.permuted_heads, row_bytes, first_row,
      [&](uint64_t row, absl::Span<uint8_t> bytes) {
        return set_.Read(tensor.source, row * row_bytes, bytes);
      },
      out);
}

absl::Status CheckpointTensors::ReadRows(size_t index, uint64_t first_row, uint64_t num_rows,
                                         absl::Span<uint8_t> out) const {
  GGUF_ASSIGN_OR_RETURN(const uint64_t offset,
                        CheckRowRequest(folder_, tensors_, index, first_row, num_rows, out.size()));
  if (out.empty()) return absl::OkStatus();
  if (index < generated_.size()) {
    const float* values = generated_[index].values.data();
    std::memcpy(out.data(), reinterpret_cast<const uint8_t*>(values) + offset, out.size());
    return absl::OkStatus();
  }
  const SourceTensor& tensor = tensors_[index];
  const MappedTensor& mapped = mapped_[index - generated_.size()];
  const ElementType stored = set_.tensor(mapped.source).type;
  if (SameType(stored) == tensor.type) return ReadStored(mapped, first_row, out);

  const uint64_t num_values = num_rows * tensor.shape.columns();
  const uint64_t stored_bytes = num_values * ElementBytes(stored);
  const std::unique_ptr<uint8_t[]> bytes(new uint8_t[stored_bytes]);
  GGUF_RETURN_IF_ERROR(ReadStored(mapped, first_row, absl::MakeSpan(bytes.get(), stored_bytes)));
  WidenToF32(stored, bytes.get(), num_values, out.data());
  return absl::OkStatus();
}

}  // namespace gguf
