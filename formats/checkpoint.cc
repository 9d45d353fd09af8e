#include "formats/checkpoint.h"

#include "absl/strings/str_cat.h"
#include "formats/arch/arch.h"
#include "formats/describe.h"
#include "formats/general_metadata.h"
#include "formats/hf_config.h"
#include "formats/pooling.h"
#include "formats/tokenizer.h"
#include "formats/tokenizer_files.h"
#include "gguf/base/status_macros.h"
#include "gguf/keys.h"

namespace gguf {
namespace {

constexpr uint32_t kQuantizationVersion = 2;  // of the block formats

}  // namespace

absl::Status Checkpoint::SetGeneral(const Folder& folder, absl::string_view architecture,
                                    const OpenOptions& options) {
  metadata_.Set(keys::kGeneralArchitecture, architecture);
  metadata_.Set(keys::kGeneralType, "model");
  if (!tensors().empty()) metadata_.Set(keys::kGeneralSizeLabel, SizeLabel(tensors()));
  metadata_.Set(keys::kGeneralFileType, FileTypeOf(tensors()));
  metadata_.Set(keys::kGeneralQuantizationVersion, kQuantizationVersion);
  return DescribeModel(folder, options.model_name, &metadata_, &input_paths_, &warnings_);
}

absl::Status Checkpoint::SetTokenizerMetadata(const Folder& folder, const Family& family,
                                              const HfConfig& config, const ModelSizes& sizes,
                                              absl::string_view pre) {
  GGUF_ASSIGN_OR_RETURN(const TokenizerFiles files, TokenizerFiles::Load(folder));
  input_paths_.insert(input_paths_.end(), files.paths.begin(), files.paths.end());
  const TokenizerOptions tokenizer = {sizes.vocab, pre, family.trusts_special_flag};
  GGUF_RETURN_IF_ERROR(SetTokenizer(files, config, tokenizer, &metadata_, &warnings_));
  if (family.adjust_tokenizer == nullptr) return absl::OkStatus();
  return family.adjust_tokenizer(config, files.config, &metadata_);
}

absl::StatusOr<std::unique_ptr<Checkpoint>> Checkpoint::Open(const Folder& folder,
                                                             const OpenOptions& options) {
  GGUF_ASSIGN_OR_RETURN(HfConfig config, HfConfig::Load(folder));
  GGUF_ASSIGN_OR_RETURN(const Family* family, ResolveFamily(&config));
  GGUF_ASSIGN_OR_RETURN(const ModelSizes sizes, ReadModelSizes(config));

  // First, so that a variation is named before the tensors that would not fit it.
  Metadata family_metadata;
  GGUF_RETURN_IF_ERROR(SetFamilyMetadata(*family, config, sizes, &family_metadata));

  std::unique_ptr<Checkpoint> source(new Checkpoint(folder.path()));
  if (folder.contents() != nullptr) source->reading_note_ = folder.contents()->reading_note();
  source->input_paths_.push_back(folder.path());  // of an archive, the one file there is
  source->input_paths_.push_back(config.file_name());
  if (!options.vocab_only) {
    GGUF_ASSIGN_OR_RETURN(source->tensors_,
                          CheckpointTensors::Open(folder, *family, config, sizes));
    const std::vector<std::string>& paths = source->tensors_->paths();
    source->input_paths_.insert(source->input_paths_.end(), paths.begin(), paths.end());
  }
  GGUF_RETURN_IF_ERROR(source->SetGeneral(folder, family->name, options));
  for (const auto& [key, value] : family_metadata.entries()) source->metadata_.Set(key, value);
  GGUF_RETURN_IF_ERROR(SetPooling(folder, family->name, &source->metadata_, &source->input_paths_));
  GGUF_RETURN_IF_ERROR(source->SetTokenizerMetadata(folder, *family, config, sizes, options.pre));
  GGUF_RETURN_IF_ERROR(
      ApplyOverrides(options.metadata_file, &source->metadata_, &source->input_paths_));
  return source;
}

absl::Status Checkpoint::ReadRows(size_t index, uint64_t first_row, uint64_t num_rows,
                                  absl::Span<uint8_t> out) const {
  if (!tensors_.has_value()) {
    return absl::OutOfRangeError(
        absl::StrCat(path_, ": was opened for its vocabulary only and has no tensors."));
  }
  return tensors_->ReadRows(index, first_row, num_rows, out);
}

}  // namespace gguf
