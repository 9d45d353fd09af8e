#include "gguf/placement.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gguf/base/sizes.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"

namespace gguf {
namespace {

std::string Quoted(const TensorInfo& tensor) {
  return absl::StrCat("tensor '", EscapeText(tensor.name), "'");
}

absl::Status CheckBounds(uint64_t data_bytes, uint64_t alignment, const TensorInfo& tensor) {
  if (tensor.offset % alignment != 0) {
    return absl::InvalidArgumentError(absl::StrCat(Quoted(tensor), " has offset ", tensor.offset,
                                                   ", expected a multiple of the alignment of ",
                                                   alignment));
  }
  if (tensor.offset > data_bytes || tensor.num_bytes > data_bytes - tensor.offset) {
    return absl::InvalidArgumentError(
        absl::StrCat(Quoted(tensor), " takes ", tensor.num_bytes, " bytes at offset ",
                     tensor.offset, " of a data section of ", data_bytes,
                     " bytes; the file is truncated, download or convert it again"));
  }
  return absl::OkStatus();
}

absl::Status CheckOverlap(absl::Span<const TensorInfo> tensors) {
  std::vector<size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    if (tensors[a].offset != tensors[b].offset) return tensors[a].offset < tensors[b].offset;
    return a < b;
  });
  const TensorInfo* last = nullptr;
  for (size_t index : order) {
    const TensorInfo& tensor = tensors[index];
    if (tensor.num_bytes == 0) continue;
    if (last != nullptr && tensor.offset < last->offset + last->num_bytes) {
      return absl::InvalidArgumentError(
          absl::StrCat(Quoted(tensor), " at offset ", tensor.offset, " overlaps ", Quoted(*last),
                       ", which ends at offset ", last->offset + last->num_bytes));
    }
    last = &tensor;
  }
  return absl::OkStatus();
}

// The reference accepts one placement only: in the order of the infos, without holes.
void WarnOfOrder(uint64_t alignment, absl::Span<const TensorInfo> tensors, WarningList* warnings) {
  uint64_t expected = 0;
  for (const TensorInfo& tensor : tensors) {
    if (tensor.offset != expected) {
      warnings->Add(WarningKind::kPlacement, [&] {
        return absl::StrCat(Quoted(tensor), " has offset ", tensor.offset, ", expected ", expected,
                            " right behind its predecessor; llama.cpp refuses the file");
      });
    }
    expected = RoundUp(tensor.offset + tensor.num_bytes, alignment);
  }
}

void WarnOfEnd(uint64_t data_bytes, uint64_t alignment, absl::Span<const TensorInfo> tensors,
               WarningList* warnings) {
  uint64_t end = 0;
  for (const TensorInfo& tensor : tensors) end = std::max(end, tensor.offset + tensor.num_bytes);
  const uint64_t padded = RoundUp(end, alignment);
  if (data_bytes < padded) {
    warnings->Add(WarningKind::kPadding, [&] {
      return absl::StrCat("the padding after the last tensor is missing (", padded - data_bytes,
                          " bytes)");
    });
  } else if (data_bytes > padded) {
    warnings->Add(WarningKind::kPadding, [&] {
      return absl::StrCat(data_bytes - padded,
                          " bytes follow the end of the last tensor's padding");
    });
  }
}

}  // namespace

absl::Status CheckPlacement(uint64_t file_size, uint64_t alignment, uint64_t data_start,
                            absl::Span<TensorInfo> tensors, WarningList* warnings) {
  if (data_start > file_size) {
    if (tensors.empty()) return absl::OkStatus();  // no data section, no padding before it
    return absl::InvalidArgumentError(
        absl::StrCat("the data section should start at byte ", data_start, ", the file has ",
                     file_size, " bytes; it is truncated, download or convert it again"));
  }
  const uint64_t data_bytes = file_size - data_start;
  for (const TensorInfo& tensor : tensors) {
    GGUF_RETURN_IF_ERROR(CheckBounds(data_bytes, alignment, tensor));
  }
  GGUF_RETURN_IF_ERROR(CheckOverlap(tensors));
  WarnOfOrder(alignment, tensors, warnings);
  WarnOfEnd(data_bytes, alignment, tensors, warnings);
  for (TensorInfo& tensor : tensors) tensor.offset += data_start;
  return absl::OkStatus();
}

}  // namespace gguf
