#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "formats/complete_names.h"
#include "formats/name_list.h"
#include "formats/vision/f16_fit.h"
#include "formats/vision/find_tower.h"
#include "formats/vision/gemma3_keys.h"
#include "formats/vision/ollama_file.h"
#include "formats/vision/tower_family.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/keys.h"

namespace gguf {
namespace {

using Changes = std::vector<std::string>;

constexpr uint32_t kQuantizationVersion = 2;  // ggml.h, August 2026
constexpr absl::string_view kSplitPrefix = "split.";

absl::Status CheckText(const TensorSource& text) {
  GGUF_ASSIGN_OR_RETURN(const std::string architecture,
                        text.metadata().GetStringOr(keys::kGeneralArchitecture, ""));
  if (architecture != gemma3::kArchitecture) {
    return absl::InvalidArgumentError(absl::StrCat(
        text.name(), ": general.architecture is \"", EscapeText(architecture, 40), "\"",
        architecture == "clip" ? ", a projector file, which belongs to --vision" : "",
        "; expected the language model of a Gemma 3, \"", gemma3::kArchitecture, "\"."));
  }
  for (const SourceTensor& tensor : text.tensors()) {
    if (!IsTowerTensor(tensor.name)) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        text.name(), ": holds ", EscapeText(tensor.name, 80),
        ", so it is joined with a vision tower already; split it first (repack --layout "
        "llama.cpp), or use it as it is."));
  }
  return CheckCompleteNames(text);
}

absl::Status CheckKind(const TensorSource& vision, const TowerSizes& sizes) {
  if (sizes.family == &kGemma3Tower) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      vision.name(), ": is the vision tower of a ", sizes.family->title,
      "; expected that of a Gemma 3, the one model whose two halves Ollama takes in one file."));
}

absl::Status CheckWidths(const TensorSource& text, const TensorSource& vision,
                         const TowerSizes& sizes) {
  GGUF_ASSIGN_OR_RETURN(const uint64_t width, text.metadata().GetUint(gemma3::kEmbeddingLength));
  if (width == sizes.text_width) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      vision.name(), ": projects images to vectors of ", sizes.text_width, ", and those of ",
      text.name(), " have ", width,
      "; take the tower of the same size of model (4B has 2560, 12B 3840, 27B 5376)."));
}

absl::Status CheckEmbedding(const TensorSource& text) {
  GGUF_ASSIGN_OR_RETURN(const uint64_t width, text.metadata().GetUint(gemma3::kEmbeddingLength));
  for (const SourceTensor& tensor : text.tensors()) {
    if (tensor.name != "token_embd.weight" || tensor.shape.columns() == width) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        text.name(), ": token_embd.weight has rows of ", tensor.shape.columns(), " values, and ",
        gemma3::kEmbeddingLength, " is ", width, "; the file is damaged."));
  }
  return absl::OkStatus();
}

// ---- Metadata

// Ollama's writer knows few types; a small integer of another one becomes uint32 or uint64.
Value WithOllamaType(const std::string& key, const Value& value, Changes* changes) {
  constexpr ValueType kWritten[] = {ValueType::kUint32, ValueType::kUint64, ValueType::kFloat32,
                                    ValueType::kBool,   ValueType::kString, ValueType::kArray};
  if (std::find(std::begin(kWritten), std::end(kWritten), value.type()) != std::end(kWritten)) {
    return value;
  }
  Metadata one;
  one.Set(key, value);
  const absl::StatusOr<uint64_t> number = one.GetUint(key);
  if (!number.ok()) return value;
  const bool is_small = *number <= std::numeric_limits<uint32_t>::max();
  changes->push_back(absl::StrCat(EscapeText(key, 80), ": ", value.ToString(), " becomes ",
                                  is_small ? "uint32" : "uint64", ", as Ollama cannot write ",
                                  NameOf(value.type())));
  return is_small ? Value(static_cast<uint32_t>(*number)) : Value(*number);
}

Metadata CopyTextKeys(const TensorSource& text, Changes* changes) {
  Metadata metadata;
  for (const auto& [key, value] : text.metadata().entries()) {
    if (absl::StartsWith(key, kSplitPrefix) || key == keys::kGeneralAlignment) continue;
    bool is_stray = false;
    for (const absl::string_view prefix : OllamaTowerKeyPrefixes()) {
      is_stray = is_stray || absl::StartsWith(key, prefix);
    }
    if (is_stray) {  // published QAT files carry one, which made Ollama take them for projectors
      changes->push_back(absl::StrCat(key, ": ", value.ToString(),
                                      " of the language model's file gives way to the tower's"));
    } else {
      metadata.Set(key, WithOllamaType(key, value, changes));
    }
  }
  return metadata;
}

absl::Status AddKeys(Metadata* metadata, Changes* changes) {
  gemma3::AddKey(gemma3::kContextLength, Value(static_cast<uint32_t>(gemma3::kLongContext)),
                 metadata, changes);
  GGUF_RETURN_IF_ERROR(gemma3::AddEngineKeys(metadata, changes));
  for (const gemma3::RopeKey& key : gemma3::kRopeKeys) {
    float base = key.usual;
    if (metadata->Has(key.llama_cpp)) {
      GGUF_ASSIGN_OR_RETURN(const double value, metadata->GetFloat(key.llama_cpp));
      base = static_cast<float>(value);
    }
    if (!metadata->Has(key.ollama)) metadata->Set(key.ollama, base);
  }
  gemma3::AddKey(keys::kGeneralQuantizationVersion, Value(kQuantizationVersion), metadata, changes);
  return absl::OkStatus();
}

// The marks of turns are control tokens; some published files have them as plain text.
absl::Status CorrectTokens(Metadata* metadata, Changes* changes) {
  if (!metadata->Has(keys::kTokenizerTokens)) return absl::OkStatus();
  GGUF_ASSIGN_OR_RETURN(const std::vector<std::string>* tokens,
                        metadata->GetStrings(keys::kTokenizerTokens));
  const Value* types_value = metadata->Find(keys::kTokenizerTokenType);
  const Array* types_array =
      types_value == nullptr ? nullptr : std::get_if<Array>(&types_value->data);
  const auto* found_types =
      types_array == nullptr ? nullptr : std::get_if<std::vector<int32_t>>(&types_array->elements);
  std::vector<int32_t> types;
  if (found_types != nullptr) types = *found_types;
  std::vector<int32_t> ends;
  const absl::StatusOr<uint64_t> eos = metadata->GetUint(keys::kTokenizerEosTokenId);
  if (eos.ok()) ends.push_back(static_cast<int32_t>(*eos));
  for (size_t id = 0; id < tokens->size(); ++id) {
    const std::string& token = (*tokens)[id];
    if (token != gemma3::kStartOfTurn && token != gemma3::kEndOfTurn) continue;
    const auto number = static_cast<int32_t>(id);
    if (token == gemma3::kEndOfTurn && eos.ok() && ends[0] != number) ends.push_back(number);
    if (id >= types.size() || types[id] == gemma3::kControlToken) continue;
    changes->push_back(absl::StrCat(keys::kTokenizerTokenType, ": token ", id, " '", token,
                                    "' becomes a control token (3), was ", types[id]));
    types[id] = gemma3::kControlToken;
  }
  if (found_types != nullptr) metadata->Set(keys::kTokenizerTokenType, std::move(types));
  if (!ends.empty() && !metadata->Has(gemma3::kEosTokenIds)) {
    metadata->Set(gemma3::kEosTokenIds, std::move(ends));
  }
  return absl::OkStatus();
}

Metadata Sorted(const Metadata& metadata) {
  std::vector<Metadata::Entry> entries = metadata.entries();
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  Metadata sorted;
  for (auto& [key, value] : entries) sorted.Set(key, std::move(value));
  return sorted;
}

// ---- Tensors

// Decides the types of tower tensors, and says once what all of it costs.
class TowerTypes {
 public:
  explicit TowerTypes(const TensorSource& vision) : vision_(vision) {}

  absl::StatusOr<TensorType> Choose(size_t index, TensorType wanted) {
    const SourceTensor& tensor = vision_.tensors()[index];
    if (tensor.type == wanted || InfoOf(tensor.type).is_quantized) return tensor.type;
    if (wanted == TensorType::kF32) return wanted;
    GGUF_ASSIGN_OR_RETURN(const F16Fit fit, MeasureF16Fit(vision_, index));
    if (fit.is_exact()) return TensorType::kF16;
    // A BF16 tower loses at most what lies next to zero; what is F32 may need all its bits.
    const bool is_lossy = tensor.type == TensorType::kBF16 && fit.num_overflowing == 0;
    (is_lossy ? rounded_ : kept_).Add(tensor.name, fit);
    return is_lossy ? TensorType::kF16 : TensorType::kF32;
  }

  void Report(Changes* changes) const {
    rounded_.Report("F16", changes);
    kept_.Report("F32", changes);
  }

 private:
  struct Inexact {
    void Add(absl::string_view name, const F16Fit& fit) {
      names.Add(name);
      total.num_inexact += fit.num_inexact;
      total.num_overflowing += fit.num_overflowing;
      total.max_abs_error = std::max(total.max_abs_error, fit.max_abs_error);
    }
    void Report(absl::string_view type, Changes* changes) const {
      if (names.count() == 0) return;
      changes->push_back(absl::StrCat(
          "stored as ", type, ": ", names.ToString(), ", of which F16 cannot hold ",
          total.num_inexact, " values (largest error ", total.max_abs_error,
          total.num_overflowing == 0 ? ""
                                     : absl::StrCat("; ", total.num_overflowing, " are too large"),
          ")"));
    }
    NameList names;
    F16Fit total;
  };

  const TensorSource& vision_;
  Inexact rounded_, kept_;
};

// Ollama's order: by the number behind "blk.", names without one last; then by name.
void SortTensors(std::vector<TensorChoice>* tensors) {
  const auto place = [](const TensorChoice& tensor) {
    absl::string_view rest = tensor.name;
    uint64_t block = std::numeric_limits<uint64_t>::max();
    if (absl::ConsumePrefix(&rest, "blk.") &&
        !absl::SimpleAtoi(rest.substr(0, rest.find('.')), &block)) {
      block = std::numeric_limits<uint64_t>::max();
    }
    return std::tuple<uint64_t, absl::string_view>(block, tensor.name);
  };
  std::sort(tensors->begin(), tensors->end(),
            [&](const TensorChoice& a, const TensorChoice& b) { return place(a) < place(b); });
}

}  // namespace

absl::StatusOr<OllamaFile> JoinOllamaFile(const TensorSource& text, const TensorSource& vision) {
  GGUF_RETURN_IF_ERROR(CheckText(text));
  GGUF_ASSIGN_OR_RETURN(const FoundTower tower, FindTower(vision, /*is_ollama=*/false));
  GGUF_RETURN_IF_ERROR(CheckKind(vision, tower.sizes));
  GGUF_RETURN_IF_ERROR(CheckWidths(text, vision, tower.sizes));
  GGUF_RETURN_IF_ERROR(CheckEmbedding(text));

  OllamaFile file;
  if (tower.is_legacy) {
    file.changes.push_back(absl::StrCat(
        vision.name(), ": calls the first feed-forward matrix of each block ffn_down and the ",
        "second ffn_up, as the first such files did; told apart by their shapes"));
  }
  for (size_t i = 0; i < text.tensors().size(); ++i) {
    file.tensors.push_back({i, text.tensors()[i].name, text.tensors()[i].type});
  }
  TowerTypes types(vision);
  for (size_t i = 0; i < tower.tensors.size(); ++i) {
    GGUF_ASSIGN_OR_RETURN(const TensorType type,
                          types.Choose(tower.indices[i], tower.tensors[i].ollama_type));
    file.tensors.push_back(
        {text.tensors().size() + tower.indices[i], tower.tensors[i].ollama, type});
  }
  types.Report(&file.changes);
  SortTensors(&file.tensors);
  Metadata metadata = CopyTextKeys(text, &file.changes);
  SetOllamaTowerMetadata(tower.sizes, &metadata);
  GGUF_RETURN_IF_ERROR(AddKeys(&metadata, &file.changes));
  GGUF_RETURN_IF_ERROR(CorrectTokens(&metadata, &file.changes));
  file.metadata = Sorted(metadata);
  return file;
}

}  // namespace gguf
