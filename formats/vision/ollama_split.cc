#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "formats/complete_names.h"
#include "formats/general_metadata.h"
#include "formats/vision/find_tower.h"
#include "formats/vision/gemma3_keys.h"
#include "formats/vision/ollama_file.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/keys.h"

namespace gguf {
namespace {

using Changes = std::vector<std::string>;

constexpr uint32_t kQuantizationVersion = 2;  // ggml.h, August 2026
constexpr absl::string_view kSplitPrefix = "split.";
constexpr absl::string_view kTokenEmbedding = "token_embd.weight";

absl::Status CheckModel(const TensorSource& model) {
  GGUF_ASSIGN_OR_RETURN(const std::string architecture,
                        model.metadata().GetStringOr(keys::kGeneralArchitecture, ""));
  const auto& tensors = model.tensors();
  const bool has_tower = std::any_of(tensors.begin(), tensors.end(),
                                     [](const SourceTensor& t) { return IsTowerTensor(t.name); });
  if (architecture != gemma3::kArchitecture || !has_tower) {
    return absl::InvalidArgumentError(absl::StrCat(
        model.name(), ": is ",
        architecture == "clip"
            ? "a projector file"
            : absl::StrCat("a ", EscapeText(architecture, 40), " model without a vision tower"),
        ", so there is nothing to split; expected a Gemma 3 with its tower, as Ollama has it."));
  }
  return CheckCompleteNames(model);
}

bool BelongsToOllama(absl::string_view key) {
  for (const absl::string_view prefix : OllamaTowerKeyPrefixes()) {
    if (absl::StartsWith(key, prefix)) return true;
  }
  for (const gemma3::RopeKey& rope : gemma3::kRopeKeys) {
    if (key == rope.ollama) return true;
  }
  return std::find(std::begin(gemma3::kOllamaTokenizerKeys), std::end(gemma3::kOllamaTokenizerKeys),
                   key) != std::end(gemma3::kOllamaTokenizerKeys);
}

// What llama.cpp does not take for granted as Ollama's engine does.
absl::Status AddKeys(const Metadata& model, Metadata* metadata, Changes* changes) {
  GGUF_RETURN_IF_ERROR(gemma3::AddEngineKeys(metadata, changes));
  for (const gemma3::RopeKey& key : gemma3::kRopeKeys) {
    if (metadata->Has(key.llama_cpp)) continue;
    float base = key.usual;
    if (model.Has(key.ollama)) {
      GGUF_ASSIGN_OR_RETURN(const double value, model.GetFloat(key.ollama));
      base = static_cast<float>(value);
    }
    gemma3::AddKey(key.llama_cpp, Value(base), metadata, changes);
  }
  if (!metadata->Has(keys::kTokenizerTokens)) return absl::OkStatus();
  gemma3::AddKey(keys::kTokenizerAddSpacePrefix, Value(false), metadata, changes);
  if (!metadata->Has(keys::kTokenizerChatTemplate)) {
    changes->push_back(absl::StrCat(keys::kTokenizerChatTemplate, ": added, Gemma's turns"));
    metadata->Set(keys::kTokenizerChatTemplate, gemma3::kChatTemplate);
  }
  return absl::OkStatus();
}

template <typename T>
bool CutArray(absl::string_view key, uint64_t rows, Metadata* metadata) {
  const Value* value = metadata->Find(key);
  const Array* array = value == nullptr ? nullptr : std::get_if<Array>(&value->data);
  const auto* elements = array == nullptr ? nullptr : std::get_if<std::vector<T>>(&array->elements);
  if (elements == nullptr || elements->size() <= rows) return false;
  metadata->Set(key, std::vector<T>(elements->begin(), elements->begin() + rows));
  return true;
}

// Ollama allows more tokens than rows (an image token that is never looked up), llama.cpp does not.
void CutVocabulary(const TensorSource& model, Metadata* metadata, Changes* changes) {
  uint64_t rows = 0;
  for (const SourceTensor& tensor : model.tensors()) {
    if (tensor.name == kTokenEmbedding) rows = tensor.shape.rows();
  }
  if (!CutArray<std::string>(keys::kTokenizerTokens, rows, metadata)) return;
  CutArray<float>(keys::kTokenizerScores, rows, metadata);
  CutArray<int32_t>(keys::kTokenizerTokenType, rows, metadata);
  changes->push_back(
      absl::StrCat(keys::kTokenizerTokens, ": cut to ", rows, ", the rows of ", kTokenEmbedding));
}

absl::StatusOr<Metadata> TextMetadata(const TensorSource& model, Changes* changes) {
  Metadata metadata;
  metadata.Set(keys::kGeneralArchitecture, gemma3::kArchitecture);  // first, as readers like it
  for (const auto& [key, value] : model.metadata().entries()) {
    if (absl::StartsWith(key, kSplitPrefix) || BelongsToOllama(key)) continue;
    metadata.Set(key, value);
  }
  GGUF_RETURN_IF_ERROR(AddKeys(model.metadata(), &metadata, changes));
  CutVocabulary(model, &metadata, changes);
  return metadata;
}

}  // namespace

absl::StatusOr<LlamaCppFiles> SplitOllamaFile(const TensorSource& model) {
  GGUF_RETURN_IF_ERROR(CheckModel(model));
  GGUF_ASSIGN_OR_RETURN(const FoundTower tower, FindTower(model, /*is_ollama=*/true));
  LlamaCppFiles files;
  for (size_t i = 0; i < model.tensors().size(); ++i) {
    const SourceTensor& tensor = model.tensors()[i];
    if (!IsTowerTensor(tensor.name)) files.text_tensors.push_back({i, tensor.name, tensor.type});
  }
  GGUF_ASSIGN_OR_RETURN(files.text_metadata, TextMetadata(model, &files.changes));

  bool has_matrix = false;
  for (size_t i = 0; i < tower.tensors.size(); ++i) {
    const SourceTensor& tensor = model.tensors()[tower.indices[i]];
    const TowerTensor& row = tower.tensors[i];
    const bool is_matrix = row.mmproj_type == TowerType::kAsAsked;
    if (is_matrix && !has_matrix) files.matrix_type = tensor.type;
    has_matrix = has_matrix || is_matrix;
    const bool is_widened = row.mmproj_type == TowerType::kF32 && !InfoOf(tensor.type).is_quantized;
    files.mmproj_tensors.push_back(
        {tower.indices[i], row.mmproj, is_widened ? TensorType::kF32 : tensor.type});
  }
  Metadata& metadata = files.mmproj_metadata;
  SetMmprojMetadata(tower.sizes, &metadata);
  const absl::StatusOr<absl::string_view> name = model.metadata().GetString(keys::kGeneralName);
  if (name.ok()) metadata.Set(keys::kGeneralName, *name);
  std::vector<SourceTensor> all;
  for (const size_t index : tower.indices) all.push_back(model.tensors()[index]);
  metadata.Set(keys::kGeneralSizeLabel, SizeLabel(all));
  metadata.Set(keys::kGeneralQuantizationVersion, kQuantizationVersion);
  return files;
}

}  // namespace gguf
