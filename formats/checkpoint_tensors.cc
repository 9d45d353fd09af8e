#include "formats/checkpoint_tensors.h"

#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "formats/convert_rules.h"
#include "formats/row_request.h"
#include "formats/stored_rows.h"
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
  if (tensor.scales.has_value()) return TensorType::kMXFP4;
  if (tensor.adds_one) return TensorType::kF32;
  if (ConvertsToF32(tensor.name, tensor.shape)) return TensorType::kF32;
  return SameType(stored).value_or(TensorType::kF32);
}

absl::Status CheckOneType(absl::string_view folder, const MappedTensor& tensor,
                          const ScaledTensors& stored) {
  const SafetensorsTensor& first = stored.tensor(tensor.sources[0]);
  for (const size_t source : tensor.sources) {
    const SafetensorsTensor& other = stored.tensor(source);
    if (other.type == first.type) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(folder, ": tensor ", first.name, " is ", NameOf(first.type), " and ",
                     other.name, " ", NameOf(other.type), ", and both become part of ", tensor.name,
                     "; save the checkpoint with one type."));
  }
  return absl::OkStatus();
}

// In place: norms that are used as 1 + w.
void AddOne(uint64_t num_values, uint8_t* floats) {
  for (uint64_t i = 0; i < num_values; ++i) {
    float value;
    std::memcpy(&value, floats + i * sizeof(value), sizeof(value));
    value += 1.0f;
    std::memcpy(floats + i * sizeof(value), &value, sizeof(value));
  }
}

}  // namespace

absl::StatusOr<CheckpointTensors> CheckpointTensors::Open(const Folder& folder,
                                                          const Family& family,
                                                          const HfConfig& config,
                                                          const ModelSizes& sizes) {
  GGUF_ASSIGN_OR_RETURN(ScaledTensors set, ScaledTensors::Open(folder, config));
  std::vector<const SafetensorsTensor*> stored;
  for (size_t i = 0; i < set.size(); ++i) stored.push_back(&set.tensor(i));
  GGUF_ASSIGN_OR_RETURN(std::vector<MappedTensor> mapped,
                        MapTensors(folder.path(), family, config, sizes, stored));
  std::vector<GeneratedTensor> generated;
  if (family.generate_tensors != nullptr) {
    GGUF_ASSIGN_OR_RETURN(generated, family.generate_tensors(config, sizes));
  }
  return Create(folder.path(), std::move(set), std::move(generated), std::move(mapped));
}

absl::StatusOr<CheckpointTensors> CheckpointTensors::FromMapped(absl::string_view folder,
                                                                ScaledTensors set,
                                                                std::vector<MappedTensor> mapped) {
  return Create(folder, std::move(set), {}, std::move(mapped));
}

absl::StatusOr<CheckpointTensors> CheckpointTensors::Create(absl::string_view folder,
                                                            ScaledTensors set,
                                                            std::vector<GeneratedTensor> generated,
                                                            std::vector<MappedTensor> mapped) {
  CheckpointTensors result(folder, std::move(set));
  result.generated_ = std::move(generated);
  result.mapped_ = std::move(mapped);
  for (const GeneratedTensor& tensor : result.generated_) {
    result.tensors_.push_back({tensor.name, tensor.shape, TensorType::kF32});
  }
  for (const MappedTensor& tensor : result.mapped_) {
    GGUF_RETURN_IF_ERROR(CheckOneType(folder, tensor, result.set_));
    const TensorType type = PresentedType(tensor, result.set_.tensor(tensor.sources[0]).type);
    result.tensors_.push_back({tensor.name, tensor.shape, type});
  }
  return result;
}

uint64_t CheckpointTensors::StreamPosition(size_t index, uint64_t first_row) const {
  if (index < generated_.size()) return 0;
  return StoredPosition(set_, mapped_[index - generated_.size()], first_row);
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
  if (tensor.type == TensorType::kMXFP4) return ReadMxfp4Rows(set_, mapped, first_row, out);
  const ElementType stored = set_.tensor(mapped.sources[0]).type;
  const uint64_t num_values = num_rows * tensor.shape.columns();
  if (SameType(stored) == tensor.type) {
    GGUF_RETURN_IF_ERROR(ReadTensorRows(set_, mapped, first_row, out));
  } else {
    const uint64_t stored_bytes = num_values * ElementBytes(stored);
    const std::unique_ptr<uint8_t[]> bytes(new uint8_t[stored_bytes]);
    GGUF_RETURN_IF_ERROR(
        ReadTensorRows(set_, mapped, first_row, absl::MakeSpan(bytes.get(), stored_bytes)));
    WidenToF32(stored, bytes.get(), num_values, out.data());
  }
  if (mapped.adds_one) AddOne(num_values, out.data());
  return absl::OkStatus();
}

}  // namespace gguf
