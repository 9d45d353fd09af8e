#include "formats/arch/tensor_map.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
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

// Parts of a multimodal checkpoint that are no language model.
constexpr absl::string_view kOtherTowers[] = {"vision_",     "vision.",      "visual.",
                                              "audio_",      "audio.",       "projector.",
                                              "patch_embed", "image_newline"};
constexpr absl::string_view kOtherTowerPrefixes[] = {"vit.", "merger.", "resampler."};
// Constants that some versions of the training library saved along.
constexpr absl::string_view kComputedSuffixes[] = {".rotary_emb.inv_freq", ".attention.bias",
                                                   ".attention.masked_bias"};

bool IsDropped(absl::string_view name) {
  const auto contains = [&](absl::string_view part) { return absl::StrContains(name, part); };
  const auto begins = [&](absl::string_view part) { return absl::StartsWith(name, part); };
  const auto ends = [&](absl::string_view part) { return absl::EndsWith(name, part); };
  return std::any_of(std::begin(kOtherTowers), std::end(kOtherTowers), contains) ||
         std::any_of(std::begin(kOtherTowerPrefixes), std::end(kOtherTowerPrefixes), begins) ||
         std::any_of(std::begin(kComputedSuffixes), std::end(kComputedSuffixes), ends);
}

// A source name taken apart: "model.layers.3.mlp.up_proj.bias" is
// {"model.layers.N.mlp.up_proj", 3, is_bias}.
struct ParsedName {
  std::string rule;
  uint64_t layer = 0;
  bool is_bias = false;
};

// False when the name cannot belong to any rule.
bool ParseName(absl::string_view name, ParsedName* parsed) {
  if (absl::ConsumeSuffix(&name, ".bias")) {
    parsed->is_bias = true;
  } else if (!absl::ConsumeSuffix(&name, ".weight")) {
    return false;
  }
  const size_t layers = name.find(kLayers);
  if (layers == absl::string_view::npos) {
    parsed->rule = std::string(name);
    return true;
  }
  const absl::string_view behind = name.substr(layers + kLayers.size());
  const absl::string_view digits = behind.substr(0, behind.find('.'));
  if (!absl::SimpleAtoi(digits, &parsed->layer) || absl::StrCat(parsed->layer) != digits) {
    return false;
  }
  parsed->rule =
      absl::StrCat(name.substr(0, layers + kLayers.size()), "N", behind.substr(digits.size()));
  return true;
}

std::string AtLayer(absl::string_view pattern, uint64_t layer, absl::string_view suffix) {
  return absl::StrCat(absl::StrReplaceAll(pattern, {{kLayerMark, absl::StrCat(".", layer, ".")}}),
                      suffix);
}

bool IsPerLayer(const TensorRule& rule) { return absl::StrContains(rule.source, kLayerMark); }

class Mapper {
 public:
  Mapper(absl::string_view origin, const Family& family, const HfConfig& config,
         const ModelSizes& sizes)
      : origin_(origin), family_(family), config_(config), sizes_(sizes) {
    for (const TensorRule& rule : family.tensors) rules_.emplace(rule.source, &rule);
  }

  absl::Status Add(size_t source, const SafetensorsTensor& tensor) {
    const std::string name = absl::StrReplaceAll(tensor.name, {{"language_model.", ""}});
    if (IsDropped(name)) return absl::OkStatus();
    ParsedName parsed;
    const TensorRule* rule = ParseName(name, &parsed) ? FindRule(parsed) : nullptr;
    if (rule == nullptr) {
      unmapped_.Add(EscapeText(tensor.name, 80));
      return absl::OkStatus();
    }
    const absl::string_view suffix = parsed.is_bias ? ".bias" : ".weight";
    MappedTensor mapped = {source, AtLayer(rule->target, parsed.layer, suffix), tensor.shape,
                           rule->permuted_heads == nullptr ? 0 : sizes_.*rule->permuted_heads};
    const Shape expected = parsed.is_bias || rule->columns == nullptr
                               ? Shape({sizes_.*rule->rows})
                               : Shape({sizes_.*rule->rows, sizes_.*rule->columns});
    if (tensor.shape != expected) {
      return absl::InvalidArgumentError(absl::StrCat(
          origin_, ": tensor ", tensor.name, " has the shape ", tensor.shape.ToString(), ", and ",
          expected.ToString(),
          " follows from config.json; the files do not belong to the same checkpoint."));
    }
    if (!present_.emplace(mapped.name, source).second) {
      return absl::InvalidArgumentError(absl::StrCat(origin_, ": tensor ", tensor.name,
                                                     " is there under two names, both for ",
                                                     mapped.name, "; remove one of them."));
    }
    mapped_.push_back(std::move(mapped));
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<MappedTensor>> Finish() {
    if (unmapped_.count() > 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          origin_, ": ", unmapped_.count(), " tensors are unknown for ", config_.architecture(),
          " with ", sizes_.layers, " layers: ", unmapped_.ToString(),
          "; check architectures and num_hidden_layers in config.json."));
    }
    GGUF_RETURN_IF_ERROR(CheckNoneMissing());
    return std::move(mapped_);
  }

 private:
  const TensorRule* FindRule(const ParsedName& parsed) const {
    const auto found = rules_.find(parsed.rule);
    if (found == rules_.end()) return nullptr;
    const TensorRule* rule = found->second;
    if (parsed.is_bias && rule->bias_key.empty()) return nullptr;
    return IsPerLayer(*rule) && parsed.layer >= sizes_.layers ? nullptr : rule;
  }

  absl::Status CheckNoneMissing() const {
    GGUF_ASSIGN_OR_RETURN(const bool is_tied, config_.GetBoolOr("tie_word_embeddings", false));
    NameList missing;
    for (const TensorRule& rule : family_.tensors) {
      const bool weight_needed = rule.presence == Presence::kRequired || !is_tied;
      bool bias_needed = false;
      if (!rule.bias_key.empty()) {
        GGUF_ASSIGN_OR_RETURN(bias_needed, config_.GetBoolOr(rule.bias_key, false));
      }
      const uint64_t layers = IsPerLayer(rule) ? sizes_.layers : 1;
      // num_hidden_layers may be absurd: the search ends soon after the first gap.
      for (uint64_t layer = 0; layer < layers && missing.count() < kManyMissing; ++layer) {
        if (weight_needed) CheckPresent(rule, layer, ".weight", &missing);
        if (bias_needed) CheckPresent(rule, layer, ".bias", &missing);
      }
    }
    if (missing.count() == 0) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(
        origin_, ": ", missing.count() < kManyMissing ? "" : "at least ", missing.count(),
        " tensors that config.json calls for are missing: ", missing.ToString(),
        "; the checkpoint is incomplete."));
  }

  void CheckPresent(const TensorRule& rule, uint64_t layer, absl::string_view suffix,
                    NameList* missing) const {
    if (!present_.contains(AtLayer(rule.target, layer, suffix))) {
      missing->Add(AtLayer(rule.source, layer, suffix));
    }
  }

  static constexpr size_t kManyMissing = 1000;

  absl::string_view origin_;
  const Family& family_;
  const HfConfig& config_;
  const ModelSizes& sizes_;
  absl::flat_hash_map<absl::string_view, const TensorRule*> rules_;
  absl::flat_hash_map<std::string, size_t> present_;
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

}  // namespace gguf
