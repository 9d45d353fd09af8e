#include "gguf/edit/write_parts.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gguf/base/sizes.h"
#include "gguf/base/status_macros.h"
#include "gguf/byte_order.h"
#include "gguf/edit/big_endian_head.h"
#include "gguf/io/file.h"
#include "gguf/layout.h"
#include "gguf/writer.h"

namespace gguf {
namespace {

constexpr uint64_t kChunkBytes = 4 * 1024 * 1024;

// A part with its layout and the file it goes to.
struct Output {
  const ModelPart* part;
  Layout layout;
  std::unique_ptr<OutputFile> file;
};

absl::StatusOr<Layout> LayoutOf(const GgufModel& model, const ModelPart& part) {
  std::vector<TensorSpec> tensors;
  for (size_t i = part.first_tensor; i < part.last_tensor; ++i) {
    const TensorInfo& tensor = model.tensors()[i];
    tensors.push_back({tensor.name, tensor.type, tensor.shape});
  }
  absl::StatusOr<Layout> layout = ComputeLayout(part.metadata, tensors);
  if (layout.ok()) return layout;
  return absl::Status(layout.status().code(),
                      absl::StrCat("cannot write '", part.path, "': ", layout.status().message()));
}

absl::Status CheckNoInput(const GgufModel& model, const std::string& path) {
  for (const GgufFile& file : model.shards()) {
    if (IsSameFile(file.name(), path)) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", path, "' is an input too, choose another name for the output"));
    }
  }
  return absl::OkStatus();
}

absl::Status CopyTensor(const GgufModel& model, const TensorInfo& tensor, size_t index,
                        const GgufWriter& writer, const EditOptions& options,
                        std::vector<uint8_t>* buffer) {
  // Whole blocks, because big-endian files are converted on the way.
  const uint64_t block_bytes = InfoOf(tensor.type).block_bytes;
  const uint64_t chunk_bytes = kChunkBytes / block_bytes * block_bytes;
  for (uint64_t offset = 0; offset < tensor.num_bytes;) {
    if (options.cancelled != nullptr && options.cancelled->load()) {
      return absl::CancelledError("interrupted");
    }
    buffer->resize(std::min(chunk_bytes, tensor.num_bytes - offset));
    GGUF_RETURN_IF_ERROR(model.ReadTensorBytes(tensor, offset, absl::MakeSpan(*buffer)));
    if (options.big_endian) SwapBlockBytes(tensor.type, absl::MakeSpan(*buffer));
    GGUF_RETURN_IF_ERROR(writer.WriteTensorBytes(index, offset, *buffer));
    offset += buffer->size();
    if (options.progress) options.progress(buffer->size(), tensor.name);
  }
  return absl::OkStatus();
}

absl::Status FillOutput(const GgufModel& model, const Output& output, const EditOptions& options,
                        std::vector<uint8_t>* buffer) {
  GGUF_ASSIGN_OR_RETURN(const GgufWriter writer,
                        GgufWriter::Create(&output.layout, output.file.get()));
  const size_t first = output.part->first_tensor;
  for (size_t i = first; i < output.part->last_tensor; ++i) {
    GGUF_RETURN_IF_ERROR(CopyTensor(model, model.tensors()[i], i - first, writer, options, buffer));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<uint64_t> SizeOfParts(const GgufModel& model, absl::Span<const ModelPart> parts) {
  uint64_t total = 0;
  for (const ModelPart& part : parts) {
    GGUF_ASSIGN_OR_RETURN(const Layout layout, LayoutOf(model, part));
    if (!CheckedAdd(total, layout.file_size, &total)) {
      return absl::InvalidArgumentError("the files exceed 2^64 bytes");
    }
  }
  return total;
}

absl::Status WriteParts(const GgufModel& model, absl::Span<const ModelPart> parts,
                        const EditOptions& options) {
  std::vector<Output> outputs;
  for (const ModelPart& part : parts) {
    if (!options.replace_input) GGUF_RETURN_IF_ERROR(CheckNoInput(model, part.path));
    GGUF_ASSIGN_OR_RETURN(Layout layout, LayoutOf(model, part));
    if (options.big_endian) MakeBigEndian(&layout.head);
    outputs.push_back({&part, std::move(layout), nullptr});
  }
  OutputFile::Options file_options;
  file_options.replace = options.replace || options.replace_input;
  for (Output& output : outputs) {
    GGUF_ASSIGN_OR_RETURN(
        output.file, OutputFile::Create(output.part->path, output.layout.file_size, file_options));
  }
  std::vector<uint8_t> buffer;
  for (const Output& output : outputs) {
    GGUF_RETURN_IF_ERROR(FillOutput(model, output, options, &buffer));
  }
  for (const Output& output : outputs) GGUF_RETURN_IF_ERROR(output.file->Commit());
  return absl::OkStatus();
}

}  // namespace gguf
