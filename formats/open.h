// Opens whatever the user named as a source of tensors.

#ifndef GGUF_TOOLCHAIN_FORMATS_OPEN_H_
#define GGUF_TOOLCHAIN_FORMATS_OPEN_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "formats/tensor_source.h"

namespace gguf {

struct OpenOptions {
  std::string model_name;     // general.name of a checkpoint; derived from its folder when empty
  std::string metadata_file;  // JSON object of general.* overrides; none when empty
  std::string pre;            // name of the pre-tokenizer of a byte-level BPE; else recognised
  bool vocab_only = false;    // a checkpoint without its tensors
};

// A GGUF file (any shard of a split set; possibly compressed with zstd) or a Hugging Face checkpoint: its folder, or that folder
// in a zstd-compressed tar archive (archive.h). NotFound, InvalidArgument with what was found and
// what is accepted.
absl::StatusOr<std::unique_ptr<TensorSource>> OpenSource(absl::string_view path,
                                                         const OpenOptions& options);

// The two kinds by themselves.
absl::StatusOr<std::unique_ptr<TensorSource>> OpenGgufSource(absl::string_view path);
absl::StatusOr<std::unique_ptr<TensorSource>> OpenCheckpoint(absl::string_view path,
                                                             const OpenOptions& options);

// A folder with a LoRA adapter (PEFT: adapter_config.json, adapter_model.safetensors) for the
// checkpoint in the folder `base`, of which only config.json is needed. It cannot be told from the
// tensors alone how the base model's are reordered.
absl::StatusOr<std::unique_ptr<TensorSource>> OpenAdapter(absl::string_view folder,
                                                          absl::string_view base,
                                                          const OpenOptions& options);

// Values of architectures[0] in config.json that OpenCheckpoint understands.
std::vector<absl::string_view> SupportedArchitectures();

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_OPEN_H_
