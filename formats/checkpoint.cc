#include "formats/checkpoint.h"

#include "absl/strings/str_cat.h"
#include "formats/arch/arch.h"
#include "formats/folder.h"
#include "formats/general_metadata.h"
#include "formats/hf_config.h"
#include "formats/pooling.h"
#include "formats/tokenizer.h"
#include "formats/tokenizer_files.h"
#include "gguf/base/status_macros.h"
#include "gguf/io/file.h"
#include "gguf/keys.h"

namespace gguf {
namespace {

constexpr uint64_t kMaxConfigBytes = uint64_t{4} << 20;
constexpr uint64_t kMaxOverrideBytes = uint64_t{4} << 20;
constexpr uint32_t kQuantizationVersion = 2;  // of the block formats

absl::StatusOr<HfConfig> ReadConfig(absl::string_view folder) {
  if (KindOf(folder) != PathKind::kFolder) {
    return absl::NotFoundError(
        absl::StrCat(folder,
                     ": is no folder; name the folder that holds config.json and the safetensors "
                     "files."));
  }
  if (!HasFile(folder, "config.json")) {
    return absl::NotFoundError(absl::StrCat(
        folder,
        ": has no config.json, so it is not a Hugging Face checkpoint; name the folder "
        "that holds config.json and the safetensors files."));
  }
  const std::string path = JoinPath(folder, "config.json");
  GGUF_ASSIGN_OR_RETURN(const std::string text, ReadFileToString(path, kMaxConfigBytes));
  return HfConfig::Parse(path, text);
}

}  // namespace

void Checkpoint::SetGeneral(absl::string_view architecture, const OpenOptions& options) {
  const std::string name =
      options.model_name.empty() ? ModelNameOf(FolderName(folder_)) : options.model_name;
  metadata_.Set(keys::kGeneralArchitecture, architecture);
  metadata_.Set(keys::kGeneralType, "model");
  if (!name.empty()) metadata_.Set(keys::kGeneralName, name);
  if (!tensors().empty()) metadata_.Set(keys::kGeneralSizeLabel, SizeLabel(tensors()));
  metadata_.Set(keys::kGeneralFileType, FileTypeOf(tensors()));
  metadata_.Set(keys::kGeneralQuantizationVersion, kQuantizationVersion);
}

absl::Status Checkpoint::SetTokenizerMetadata(const Family& family, const HfConfig& config,
                                              const ModelSizes& sizes, absl::string_view pre) {
  GGUF_ASSIGN_OR_RETURN(const TokenizerFiles files, TokenizerFiles::Load(folder_));
  input_paths_.insert(input_paths_.end(), files.paths.begin(), files.paths.end());
  const TokenizerOptions tokenizer = {sizes.vocab, pre, family.trusts_special_flag};
  GGUF_RETURN_IF_ERROR(SetTokenizer(files, config, tokenizer, &metadata_, &warnings_));
  if (family.adjust_tokenizer == nullptr) return absl::OkStatus();
  return family.adjust_tokenizer(config, files.config, &metadata_);
}

absl::StatusOr<std::unique_ptr<Checkpoint>> Checkpoint::Open(absl::string_view folder,
                                                             const OpenOptions& options) {
  GGUF_ASSIGN_OR_RETURN(HfConfig config, ReadConfig(folder));
  GGUF_ASSIGN_OR_RETURN(const Family* family, ResolveFamily(&config));
  GGUF_ASSIGN_OR_RETURN(const ModelSizes sizes, ReadModelSizes(config));

  std::unique_ptr<Checkpoint> source(new Checkpoint(folder));
  source->input_paths_.push_back(config.file_name());
  if (!options.vocab_only) {
    GGUF_ASSIGN_OR_RETURN(source->tensors_,
                          CheckpointTensors::Open(folder, *family, config, sizes));
    const std::vector<std::string>& paths = source->tensors_->paths();
    source->input_paths_.insert(source->input_paths_.end(), paths.begin(), paths.end());
  }
  source->SetGeneral(family->name, options);
  GGUF_RETURN_IF_ERROR(SetFamilyMetadata(*family, config, sizes, &source->metadata_));
  GGUF_RETURN_IF_ERROR(SetPooling(folder, family->name, &source->metadata_, &source->input_paths_));
  GGUF_RETURN_IF_ERROR(source->SetTokenizerMetadata(*family, config, sizes, options.pre));
  if (!options.metadata_file.empty()) {
    GGUF_ASSIGN_OR_RETURN(const std::string text,
                          ReadFileToString(options.metadata_file, kMaxOverrideBytes));
    GGUF_RETURN_IF_ERROR(SetOverrides(options.metadata_file, text, &source->metadata_));
    source->input_paths_.push_back(options.metadata_file);
  }
  return source;
}

absl::Status Checkpoint::ReadRows(size_t index, uint64_t first_row, uint64_t num_rows,
                                  absl::Span<uint8_t> out) const {
  if (!tensors_.has_value()) {
    return absl::OutOfRangeError(
        absl::StrCat(folder_, ": was opened for its vocabulary only and has no tensors."));
  }
  return tensors_->ReadRows(index, first_row, num_rows, out);
}

absl::StatusOr<std::unique_ptr<TensorSource>> OpenCheckpoint(absl::string_view folder,
                                                             const OpenOptions& options) {
  return Checkpoint::Open(folder, options);
}

}  // namespace gguf
