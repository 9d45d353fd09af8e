// A LoRA adapter as the PEFT library saves it, as a source of tensors.
//
// adapter_config.json says how the adapter is applied, adapter_model.safetensors holds for each
// adapted matrix W two small ones, "base_model.model.<name>.lora_A.weight" [rank, columns] and
// "...lora_B.weight" [rows, rank]: W + scale * B * A. For embeddings these are
// "...lora_embedding_A" [rank, rows] and "...lora_embedding_B" [columns, rank] of the transpose.
// In a GGUF (spec: llama.cpp's convert_lora_to_gguf.py and llama-adapter.cpp, August 2026) they are
// "<W>.lora_a" and "<W>.lora_b", W being the name of the matrix in the base model's GGUF: the rows
// of B in the order that W has there, and A of embeddings transposed. `adapter.lora.alpha` divided
// by the rank is the scale.

#ifndef GGUF_TOOLCHAIN_FORMATS_LORA_ADAPTER_H_
#define GGUF_TOOLCHAIN_FORMATS_LORA_ADAPTER_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "formats/checkpoint_tensors.h"
#include "formats/open.h"
#include "formats/tensor_source.h"

namespace gguf {

// OpenAdapter (open.h) makes one.
class LoraAdapter : public TensorSource {
 public:
  // `base`: the checkpoint folder of the model, of which only config.json is read.
  // InvalidArgument: tensors without their other half, of shapes that the base model does not have,
  // or of no matrix of it. Unimplemented: variants that a GGUF cannot express.
  static absl::StatusOr<std::unique_ptr<LoraAdapter>> Open(const Folder& folder, const Folder& base,
                                                           const OpenOptions& options);

  const std::string& name() const override { return folder_; }
  const Metadata& metadata() const override { return metadata_; }
  const std::vector<SourceTensor>& tensors() const override { return tensors_.tensors(); }
  bool is_stream() const override { return tensors_.is_stream(); }
  uint64_t StreamPosition(size_t index, uint64_t first_row) const override {
    return tensors_.StreamPosition(index, first_row);
  }
  absl::Status ReadRows(size_t index, uint64_t first_row, uint64_t num_rows,
                        absl::Span<uint8_t> out) const override {
    return tensors_.ReadRows(index, first_row, num_rows, out);
  }
  std::vector<std::string> input_paths() const override { return input_paths_; }
  std::vector<std::string> warnings() const override { return warnings_; }

 private:
  LoraAdapter(absl::string_view folder, CheckpointTensors tensors)
      : folder_(folder), tensors_(std::move(tensors)) {}

  std::string folder_;
  CheckpointTensors tensors_;
  Metadata metadata_;
  std::vector<std::string> input_paths_;
  std::vector<std::string> warnings_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_LORA_ADAPTER_H_
