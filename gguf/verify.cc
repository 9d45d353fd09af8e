#include "gguf/verify.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "gguf/base/sizes.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/keys.h"
#include "gguf/tensor_type.h"

namespace gguf {
namespace {

// Offsets, from the start of the file, where each tensor's padding ends.
uint64_t PaddedEnd(const GgufFile& file, const TensorInfo& tensor) {
  const uint64_t relative = tensor.offset - file.data_start() + tensor.num_bytes;
  return std::min(file.file_size(), file.data_start() + RoundUp(relative, file.alignment()));
}

absl::Status CheckPadding(const GgufFile& file, std::vector<std::string>* faults) {
  std::vector<uint8_t> padding;
  for (const TensorInfo& tensor : file.tensors()) {
    const uint64_t end = tensor.offset + tensor.num_bytes;
    padding.resize(PaddedEnd(file, tensor) - end);
    GGUF_RETURN_IF_ERROR(file.ReadFileBytes(end, absl::MakeSpan(padding)));
    const auto odd =
        std::find_if(padding.begin(), padding.end(), [](uint8_t byte) { return byte != 0; });
    if (odd == padding.end()) continue;
    faults->push_back(absl::StrCat("'", file.name(), "': the padding after tensor '",
                                   EscapeText(tensor.name), "' holds other bytes than 0 (at byte ",
                                   end + (odd - padding.begin()), ")"));
  }
  return absl::OkStatus();
}

void CheckQuantizationVersion(const GgufModel& model, std::vector<std::string>* faults) {
  const auto quantized =
      std::find_if(model.tensors().begin(), model.tensors().end(),
                   [](const TensorInfo& tensor) { return InfoOf(tensor.type).is_quantized; });
  if (quantized == model.tensors().end()) return;
  const absl::StatusOr<uint64_t> version =
      model.metadata().GetUint(keys::kGeneralQuantizationVersion);
  if (version.ok()) return;
  faults->push_back(absl::StrCat("'", model.shards()[0].name(), "': tensor '",
                                 EscapeText(quantized->name), "' is quantized, but ",
                                 version.status().message(), "; expected 2"));
}

}  // namespace

absl::StatusOr<std::vector<std::string>> FindStructuralFaults(const GgufModel& model) {
  std::vector<std::string> faults;
  for (const GgufFile& file : model.shards()) {
    for (const std::string& warning : file.warnings()) {
      faults.push_back(absl::StrCat("'", file.name(), "': ", warning));
    }
    GGUF_RETURN_IF_ERROR(CheckPadding(file, &faults));
  }
  CheckQuantizationVersion(model, &faults);
  return faults;
}

}  // namespace gguf
