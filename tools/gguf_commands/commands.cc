#include "tools/gguf_commands/commands.h"

#include "absl/strings/str_cat.h"
#include "gguf/base/sizes.h"
#include "gguf/base/status_macros.h"
#include "gguf/reader.h"
#include "tools/cli/print_document.h"
#include "tools/gguf_commands/compress.h"
#include "tools/gguf_commands/device_use.h"
#include "tools/gguf_commands/diff.h"
#include "tools/gguf_commands/extract.h"
#include "tools/gguf_commands/inspect.h"
#include "tools/gguf_commands/verify.h"

namespace gguf {
namespace {

VerifyOptions ToVerifyOptions(const GgufFlags& flags) {
  VerifyOptions options;
  options.hash = flags.hash;
  options.deep = flags.deep;
  options.against = flags.against;
  options.max_error = flags.max_error;
  options.text_only = flags.text_only;
  options.image = flags.image;
  options.provenance = flags.provenance;
  options.sources = flags.sources;
  return options;
}

}  // namespace

absl::Status RunInspect(const GgufFlags& flags) {
  GGUF_ASSIGN_OR_RETURN(const GgufModel model, GgufModel::Open(flags.input));
  const bool is_full = flags.common.verbose;
  absl::StatusOr<gguf_toolchain::InspectResult> result =
      Inspect(model, flags.key_pattern, is_full ? ~size_t{0} : 8);
  if (!result.ok()) return UsageError(absl::StrCat("--keys: ", result.status().message()));
  if (!flags.device.empty()) {
    const absl::Status status = AddDeviceUse(model, &*result);
    if (!status.ok()) {
      return absl::Status(status.code(), absl::StrCat(flags.input, ": ", status.message()));
    }
  }
  if (!flags.common.json) {
    PrintWarnings({result->warnings().begin(), result->warnings().end()}, flags.common);
  }
  InspectTextOptions text;
  text.tensors = flags.tensors;
  if (is_full || !flags.key_pattern.empty()) text.max_value_bytes = ~size_t{0};
  return PrintDocument(*result, flags.common, [&](const auto& r) {
    return absl::StrCat(InspectText(r, text), DeviceUseText(r));
  });
}

absl::Status RunVerify(const GgufFlags& flags) {
  GGUF_ASSIGN_OR_RETURN(const auto result,
                        Verify(flags.input, ToVerifyOptions(flags), flags.common));
  GGUF_RETURN_IF_ERROR(PrintDocument(result, flags.common, VerifyText));
  return result.is_valid() ? absl::OkStatus() : FoundDifferences();
}

absl::Status RunDiff(const GgufFlags& flags) {
  GGUF_ASSIGN_OR_RETURN(const auto result, Diff(flags.input, flags.output, flags.common));
  GGUF_RETURN_IF_ERROR(PrintDocument(result, flags.common, DiffText));
  return result.is_equal() ? absl::OkStatus() : FoundDifferences();
}

absl::Status RunSplit(const GgufFlags& flags) {
  SplitOptions split;
  split.max_tensors = flags.split_max_tensors;
  split.no_tensor_first_split = flags.no_tensor_first_split;
  if (!flags.split_max_size.empty()) {
    const absl::StatusOr<uint64_t> bytes = ParseSize(flags.split_max_size);
    if (!bytes.ok() || *bytes == 0) {
      return UsageError(absl::StrCat("--split-max-size: '", flags.split_max_size,
                                     "' is no size above 0, such as 2G or 512MiB"));
    }
    split.max_bytes = *bytes;
  }
  return Split(flags.input, flags.output, split, flags.edit, flags.common);
}

absl::Status RunMerge(const GgufFlags& flags) {
  return Merge(flags.input, flags.output, flags.edit, flags.common);
}

absl::Status RunSet(const GgufFlags& flags) {
  return EditKeys(flags.input, flags.output, flags.keys, {}, flags.edit, flags.common);
}

absl::Status RunRemove(const GgufFlags& flags) {
  return EditKeys(flags.input, flags.output, {}, flags.keys, flags.edit, flags.common);
}

absl::Status RunSwapEndian(const GgufFlags& flags) {
  return SwapEndian(flags.input, flags.output, flags.edit, flags.common);
}

absl::Status RunExtract(const GgufFlags& flags) {
  return Extract(flags.input, flags.tensor, flags.output, flags.raw, flags.edit, flags.common);
}

absl::Status RunCompress(const GgufFlags& flags) {
  return Compress(flags.input, flags.output, flags.level, flags.edit, flags.common);
}

absl::Status RunDecompress(const GgufFlags& flags) {
  return Decompress(flags.input, flags.output, flags.edit, flags.common);
}

}  // namespace gguf
