#include "formats/arch/tensor_map.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "formats/name_list.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"

namespace gguf {
namespace {

constexpr absl::string_view kLayerMark = ".N.";
constexpr absl::string_view kLayers = ".layers.";
constexpr absl::string_view kExpertMark = ".X.";
constexpr absl::string_view kExperts = ".experts.";
constexpr uint64_t kMxfp4Values = 32;  // of a block

// Parts of a multimodal checkpoint that are no language model. Elsewhere such a name is an error.
constexpr absl::string_view kOtherTowers[] = {"vision_",     "vision.",      "visual.",
                                              "audio_",      "audio.",       "projector.",
                                              "patch_embed", "image_newline"};
constexpr absl::string_view kOtherTowerPrefixes[] = {"vit.", "merger.", "resampler."};
constexpr absl::string_view kTowerConfigs[] = {"vision_config", "audio_config", "text_config"};
// Constants that some versions of the training library saved along.
constexpr absl::string_view kComputedSuffixes[] = {".rotary_emb.inv_freq", ".attention.bias",
                                                   ".attention.masked_bias"};

bool IsOfOtherTower(absl::string_view name) {
  const auto contains = [&](absl::string_view part) { return absl::StrContains(name, part); };
  const auto begins = [&](absl::string_view part) { return absl::StartsWith(name, part); };
  return std::any_of(std::begin(kOtherTowers), std::end(kOtherTowers), contains) ||
         std::any_of(std::begin(kOtherTowerPrefixes), std::end(kOtherTowerPrefixes), begins);
}

bool IsComputed(absl::string_view name) {
  const auto ends = [&](absl::string_view part) { return absl::EndsWith(name, part); };
  return std::any_of(std::begin(kComputedSuffixes), std::end(kComputedSuffixes), ends);
}

// Whether config.json describes towers besides the language model.
bool IsMultimodal(const HfConfig& config) {
  return std::any_of(std::begin(kTowerConfigs), std::end(kTowerConfigs),
                     [&](absl::string_view key) { return config.FindValue(key) != nullptr; });
}

bool IsDroppedBy(const Family& family, absl::string_view name) {
  return std::any_of(family.dropped.begin(), family.dropped.end(),
                     [&](absl::string_view prefix) { return absl::StartsWith(name, prefix); });
}

enum class Part { kWeight, kBias, kBlocks, kScales, kTransposed };
constexpr struct {
  absl::string_view suffix;
  Part part;
} kParts[] = {{".weight", Part::kWeight},
              {".bias", Part::kBias},
              {".blocks", Part::kBlocks},
              {".scales", Part::kScales},
              {".transposed", Part::kTransposed}};

// A source name taken apart: "model.layers.3.mlp.experts.7.up_proj.bias" is
// {"model.layers.N.mlp.experts.X.up_proj", 3, 7, kBias}.
struct ParsedName {
  std::string rule;
  uint64_t layer = 0;
  absl::optional<uint64_t> expert;
  Part part = Part::kWeight;
};

// Replaces the number behind `mark` in `name` by `stand_in`. False when there is no plain number.
bool TakeNumber(absl::string_view mark, absl::string_view stand_in, std::string* name,
                uint64_t* number) {
  const size_t start = name->find(std::string(mark)) + mark.size();
  const size_t end = name->find('.', start);
  const std::string digits = name->substr(start, end == std::string::npos ? end : end - start);
  if (!absl::SimpleAtoi(digits, number) || absl::StrCat(*number) != digits) return false;
  name->replace(start, digits.size(), std::string(stand_in));
  return true;
}

// False when the name cannot belong to any rule.
bool ParseName(absl::string_view name, ParsedName* parsed) {
  bool has_part = false;
  for (const auto& [suffix, part] : kParts) {
    if (!absl::ConsumeSuffix(&name, suffix)) continue;
    parsed->part = part;
    has_part = true;
    break;
  }
  if (!has_part) return false;
  parsed->rule = std::string(name);
  if (absl::StrContains(name, kLayers) &&
      !TakeNumber(kLayers, "N", &parsed->rule, &parsed->layer)) {
    return false;
  }
  // Fused experts have no number.
  uint64_t expert = 0;
  if (absl::StrContains(name, kExperts) && TakeNumber(kExperts, "X", &parsed->rule, &expert)) {
    parsed->expert = expert;
  }
  return true;
}

std::string AtLayer(absl::string_view pattern, uint64_t layer, absl::string_view suffix) {
  return absl::StrCat(absl::StrReplaceAll(pattern, {{kLayerMark, absl::StrCat(".", layer, ".")}}),
                      suffix);
}

bool IsPerLayer(const TensorRule& rule) { return absl::StrContains(rule.source, kLayerMark); }
bool IsPerExpert(const TensorRule& rule) { return absl::StrContains(rule.source, kExpertMark); }

// Between a checkpoint's names and those of the rules, which leave out where a language model
// stands in a larger one and have the family's renames applied.
class StoredNames {
 public:
  explicit StoredNames(const Family& family)
      : renames_(family.renames), is_reversed_(family.renames.size()) {
    for (size_t i = 0; i < renames_.size(); ++i) is_reversed_[i] = !renames_[i].is_optional;
  }

  std::string Normalized(const std::string& stored) {
    const size_t model = stored.find(std::string(kLanguageModel));
    if (model != std::string::npos) before_model_ = stored.substr(0, model);
    std::string name = absl::StrReplaceAll(stored, {{kLanguageModel, ""}});
    for (size_t i = 0; i < renames_.size(); ++i) {
      const int count = absl::StrReplaceAll({{renames_[i].from, renames_[i].to}}, &name);
      if (count > 0) is_reversed_[i] = true;
    }
    return name;
  }

  // What the checkpoint would call a tensor, judged by the names it has.
  std::string Stored(std::string name) const {
    for (size_t i = renames_.size(); i-- > 0;) {
      const size_t place = is_reversed_[i] ? FindPart(name, renames_[i].to) : std::string::npos;
      if (place == std::string::npos) continue;
      name.replace(place, renames_[i].to.size(), std::string(renames_[i].from));
    }
    if (before_model_.has_value() && absl::StartsWith(name, *before_model_)) {
      name.insert(before_model_->size(), std::string(kLanguageModel));
    }
    return name;
  }

 private:
  // Where `part` begins, at the start of `name` or of one of its words between dots.
  static size_t FindPart(const std::string& name, absl::string_view part) {
    const std::string text(part);
    size_t place = name.find(text);
    while (place != std::string::npos && place > 0 && part[0] != '.' && name[place - 1] != '.') {
      place = name.find(text, place + 1);
    }
    return place;
  }

  static constexpr absl::string_view kLanguageModel = "language_model.";

  absl::Span<const Rename> renames_;
  std::vector<bool> is_reversed_;
  absl::optional<std::string> before_model_;  // "" or "model."
};

class Mapper {
 public:
  Mapper(absl::string_view origin, const Family& family, const HfConfig& config,
         const ModelSizes& sizes)
      : origin_(origin),
        family_(family),
        config_(config),
        sizes_(sizes),
        names_(family),
        is_multimodal_(IsMultimodal(config)) {
    for (const absl::Span<const TensorRule> group : family.tensors) {
      for (const TensorRule& rule : group) rules_[rule.source].push_back(&rule);
    }
  }

  absl::Status Add(size_t source, const SafetensorsTensor& tensor) {
    const std::string name = names_.Normalized(tensor.name);
    if (IsComputed(name) || IsDroppedBy(family_, name)) return absl::OkStatus();
    if (is_multimodal_ && IsOfOtherTower(name)) return absl::OkStatus();
    ParsedName parsed;
    bool is_mapped = false;
    if (ParseName(name, &parsed)) {
      const auto found = rules_.find(parsed.rule);
      if (found != rules_.end()) {
        for (const TensorRule* rule : found->second) {
          if (!Takes(*rule, parsed)) continue;
          is_mapped = true;
          GGUF_RETURN_IF_ERROR(AddBy(*rule, parsed, source, tensor));
        }
      }
    }
    if (!is_mapped) unmapped_.Add(EscapeText(tensor.name, 80));
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<MappedTensor>> Finish() {
    GGUF_RETURN_IF_ERROR(CheckNoneUnknown());
    GGUF_RETURN_IF_ERROR(CheckNoneMissing());
    return std::move(mapped_);
  }

  absl::StatusOr<std::vector<MappedTensor>> FinishSome() {
    GGUF_RETURN_IF_ERROR(CheckNoneUnknown());
    for (const auto& [index, stack] : stacks_) {
      MappedTensor& mapped = mapped_[index];
      // Numbers are distinct and below the number of experts.
      if (stack.size() < sizes_.experts) {
        return absl::InvalidArgumentError(absl::StrCat(
            origin_, ": ", mapped.name, " is made of ", sizes_.experts, " experts, and only ",
            stack.size(), " are there; they must all have one."));
      }
      for (const auto& [number, source] : stack) mapped.sources.push_back(source);
    }
    return std::move(mapped_);
  }

 private:
  absl::Status CheckNoneUnknown() const {
    if (unmapped_.count() == 0) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(
        origin_, ": ", unmapped_.count(), unmapped_.count() == 1 ? " tensor is" : " tensors are",
        " unknown for ", config_.architecture(), " with ", sizes_.layers, " layers: ",
        unmapped_.ToString(), "; check architectures and num_hidden_layers in config.json."));
  }

  // Whether `rule`, found by name, is for this part, layer and expert.
  bool Takes(const TensorRule& rule, const ParsedName& parsed) const {
    if (IsPerLayer(rule) && parsed.layer >= sizes_.layers) return false;
    if (IsPerExpert(rule) && *parsed.expert >= sizes_.experts) return false;
    if (parsed.part == Part::kBias) return !rule.bias_key.empty();
    return rule.is_mxfp4 == (parsed.part != Part::kWeight);
  }

  // What config.json makes of it: the stored tensor's shape, or the GGUF's.
  Shape ShapeOf(const TensorRule& rule, Part part, bool is_stored) const {
    std::vector<uint64_t> dims;
    const bool is_fused = is_stored && rule.choice != RowChoice::kAll;
    if (rule.matrices != nullptr && !(is_stored && IsPerExpert(rule))) {
      dims.push_back(sizes_.*rule.matrices);
    }
    dims.push_back(sizes_.*rule.rows * (is_fused ? 2 : 1));
    if (part == Part::kBias || rule.columns == nullptr) return Shape(dims.begin(), dims.end());
    dims.push_back(sizes_.*rule.columns);
    if (is_stored && part == Part::kTransposed) {
      std::swap(dims.back(), dims[dims.size() - 2]);
    } else if (is_stored && rule.is_mxfp4) {
      dims.back() /= kMxfp4Values;
      if (part == Part::kBlocks) dims.push_back(kMxfp4Values / 2);
    }
    return Shape(dims.begin(), dims.end());
  }

  absl::Status CheckShape(const TensorRule& rule, const ParsedName& parsed,
                          const SafetensorsTensor& tensor) const {
    const Shape expected = ShapeOf(rule, parsed.part, /*is_stored=*/true);
    const bool has_type =
        !rule.is_mxfp4 || parsed.part == Part::kBias || parsed.part == Part::kTransposed ||
        (tensor.type == ElementType::kU8 && sizes_.*rule.columns % kMxfp4Values == 0);
    if (tensor.shape == expected && has_type) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat(origin_, ": tensor ", tensor.name, " has the shape ", tensor.shape.ToString(),
                     has_type ? "" : absl::StrCat(" of ", NameOf(tensor.type)), ", and ",
                     expected.ToString(), has_type ? "" : " of U8, in whole blocks of 32 values,",
                     " follows from config.json; the files do not belong to the same checkpoint."));
  }

  absl::Status AddBy(const TensorRule& rule, const ParsedName& parsed, size_t source,
                     const SafetensorsTensor& tensor) {
    GGUF_RETURN_IF_ERROR(CheckShape(rule, parsed, tensor));
    const std::string name =
        AtLayer(rule.target, parsed.layer, parsed.part == Part::kBias ? ".bias" : ".weight");
    const auto [place, is_new] = present_.emplace(name, mapped_.size());
    if (is_new) {
      MappedTensor mapped;
      mapped.name = name;
      mapped.shape = ShapeOf(rule, parsed.part, /*is_stored=*/false);
      mapped.permuted_heads = rule.permuted_heads == nullptr ? 0 : sizes_.*rule.permuted_heads;
      mapped.choice = rule.choice;
      mapped.adds_one = rule.adds_one;
      mapped.is_transposed = parsed.part == Part::kTransposed;
      mapped.is_bias = parsed.part == Part::kBias || rule.columns == nullptr;
      // The number of experts may be absurd, but a stack grows only with the tensors there are.
      mapped_.push_back(std::move(mapped));
    }
    MappedTensor& mapped = mapped_[place->second];
    if (mapped.is_transposed != (parsed.part == Part::kTransposed)) {
      // Refused below: a matrix both as floats and as MXFP4.
    } else if (parsed.part == Part::kScales) {
      if (!mapped.scales.has_value()) {
        mapped.scales = source;
        return absl::OkStatus();
      }
    } else if (IsPerExpert(rule)) {
      if (stacks_[place->second].emplace(*parsed.expert, source).second) return absl::OkStatus();
    } else if (mapped.sources.empty() && stacks_.count(place->second) == 0) {
      mapped.sources = {source};
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(absl::StrCat(origin_, ": tensor ", tensor.name,
                                                   " is there under two names, both for ", name,
                                                   "; remove one of them."));
  }

  absl::Status CheckNoneMissing() {
    GGUF_ASSIGN_OR_RETURN(const bool is_tied, config_.GetBoolOr("tie_word_embeddings", false));
    NameList missing;
    for (const absl::Span<const TensorRule> group : family_.tensors) {
      for (const TensorRule& rule : group) {
        if (rule.presence == Presence::kAlternative) continue;
        const bool weight_needed = rule.presence == Presence::kRequired || !is_tied;
        bool bias_needed = rule.bias_key == kBiasRequired;
        if (!rule.bias_key.empty() && !bias_needed) {
          GGUF_ASSIGN_OR_RETURN(bias_needed, config_.GetBoolOr(rule.bias_key, false));
        }
        const uint64_t layers = IsPerLayer(rule) ? sizes_.layers : 1;
        // num_hidden_layers may be absurd: the search ends soon after the first gap.
        for (uint64_t layer = 0; layer < layers && missing.count() < kManyMissing; ++layer) {
          if (weight_needed) CheckPresent(rule, layer, Part::kWeight, &missing);
          if (bias_needed) CheckPresent(rule, layer, Part::kBias, &missing);
        }
      }
    }
    if (missing.count() == 0) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(
        origin_, ": ", missing.count() < kManyMissing ? "" : "at least ", missing.count(),
        missing.count() == 1 ? " tensor that config.json calls for is missing: "
                             : " tensors that config.json calls for are missing: ",
        missing.ToString(), "; the checkpoint is incomplete."));
  }

  // By its name in the checkpoint; once, where several rules take it.
  void AddMissing(const std::string& name, NameList* missing) {
    if (missing_.insert(name).second) missing->Add(names_.Stored(name));
  }

  void CheckPresent(const TensorRule& rule, uint64_t layer, Part part, NameList* missing) {
    const absl::string_view suffix = part == Part::kBias ? ".bias" : ".weight";
    const std::string source = AtLayer(rule.source, layer, suffix);
    const bool is_mxfp4 = rule.is_mxfp4 && part == Part::kWeight;
    const auto found = present_.find(AtLayer(rule.target, layer, suffix));
    if (found == present_.end() && is_mxfp4) {
      AddMissing(AtLayer(rule.source, layer, ".blocks"), missing);
      AddMissing(AtLayer(rule.source, layer, ".scales"), missing);
      return;
    }
    if (found == present_.end()) return AddMissing(source, missing);
    MappedTensor& mapped = mapped_[found->second];
    const auto stack = stacks_.find(found->second);
    if (stack != stacks_.end()) {
      // Both ordered: the first gap shows where the numbers part.
      uint64_t expert = 0;
      for (const auto& [number, index] : stack->second) {
        if (number != expert) break;
        ++expert;
      }
      if (expert < sizes_.experts) {
        AddMissing(absl::StrReplaceAll(source, {{kExpertMark, absl::StrCat(".", expert, ".")}}),
                   missing);
        return;
      }
      mapped.sources.clear();
      for (const auto& [number, index] : stack->second) mapped.sources.push_back(index);
    } else if (is_mxfp4 && !mapped.is_transposed &&
               (mapped.sources.empty() || !mapped.scales.has_value())) {
      AddMissing(AtLayer(rule.source, layer, mapped.sources.empty() ? ".blocks" : ".scales"),
                 missing);
    }
  }

  static constexpr size_t kManyMissing = 1000;

  absl::string_view origin_;
  const Family& family_;
  const HfConfig& config_;
  const ModelSizes& sizes_;
  StoredNames names_;
  const bool is_multimodal_;
  absl::flat_hash_set<std::string> missing_;
  absl::flat_hash_map<absl::string_view, std::vector<const TensorRule*>> rules_;
  absl::flat_hash_map<std::string, size_t> present_;  // index into mapped_ by name in the GGUF
  absl::flat_hash_map<size_t, std::map<uint64_t, size_t>> stacks_;  // of mapped_: expert -> source
  std::vector<MappedTensor> mapped_;
  NameList unmapped_;
};

}  // namespace

absl::StatusOr<std::vector<MappedTensor>> MapTensors(
    absl::string_view origin, const Family& family, const HfConfig& config, const ModelSizes& sizes,
    absl::Span<const SafetensorsTensor* const> tensors) {
  Mapper mapper(origin, family, config, sizes);
  for (size_t i = 0; i < tensors.size(); ++i) GGUF_RETURN_IF_ERROR(mapper.Add(i, *tensors[i]));
  return mapper.Finish();
}

absl::StatusOr<std::vector<MappedTensor>> MapSomeTensors(
    absl::string_view origin, const Family& family, const HfConfig& config, const ModelSizes& sizes,
    absl::Span<const SafetensorsTensor* const> tensors) {
  Mapper mapper(origin, family, config, sizes);
  for (size_t i = 0; i < tensors.size(); ++i) GGUF_RETURN_IF_ERROR(mapper.Add(i, *tensors[i]));
  return mapper.FinishSome();
}

}  // namespace gguf
