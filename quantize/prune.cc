#include "quantize/prune.h"

#include <algorithm>
#include <type_traits>
#include <utility>
#include <variant>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gguf/base/status_macros.h"
#include "quantize/layer_name.h"

namespace gguf {
namespace {

// Keys after "{arch}." that may hold an array of one element per layer.
constexpr absl::string_view kPerLayerKeys[] = {
    "attention.head_count",
    "attention.head_count_kv",
    "attention.sliding_window_pattern",
    "feed_forward_length",
};

template <typename T>
std::vector<T> Without(const std::vector<T>& elements, absl::Span<const uint64_t> dropped) {
  std::vector<T> kept;
  kept.reserve(elements.size() - dropped.size());
  for (size_t i = 0; i < elements.size(); ++i) {
    if (!std::binary_search(dropped.begin(), dropped.end(), i)) kept.push_back(elements[i]);
  }
  return kept;
}

Array Without(const Array& array, absl::Span<const uint64_t> dropped) {
  return std::visit(
      [&](const auto& elements) -> Array {
        using Elements = std::decay_t<decltype(elements)>;
        if constexpr (std::is_same_v<Elements, Bools>) {
          return Array{Bools{Without(elements.values, dropped)}};
        } else if constexpr (std::is_same_v<Elements, std::monostate>) {
          return Array{elements};
        } else {
          return Array{Without(elements, dropped)};
        }
      },
      array.elements);
}

}  // namespace

absl::StatusOr<LayerPruning> LayerPruning::Create(uint64_t num_layers,
                                                  absl::Span<const uint64_t> dropped) {
  LayerPruning pruning;
  pruning.num_layers_ = num_layers;
  pruning.dropped_.assign(dropped.begin(), dropped.end());
  std::vector<uint64_t>& layers = pruning.dropped_;
  std::sort(layers.begin(), layers.end());
  layers.erase(std::unique(layers.begin(), layers.end()), layers.end());
  if (layers.empty()) return pruning;
  if (layers.back() >= num_layers) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot prune layer ", layers.back(), ": the model has ", num_layers,
                     " layers (numbered from 0); correct --prune-layers"));
  }
  if (layers.size() == num_layers) {
    return absl::InvalidArgumentError(absl::StrCat(
        "pruning all ", num_layers, " layers leaves no model; correct --prune-layers"));
  }
  return pruning;
}

absl::optional<uint64_t> LayerPruning::NewLayer(uint64_t layer) const {
  const auto at = std::lower_bound(dropped_.begin(), dropped_.end(), layer);
  if (at != dropped_.end() && *at == layer) return absl::nullopt;
  return layer - (at - dropped_.begin());
}

absl::optional<std::string> LayerPruning::NewName(absl::string_view tensor_name) const {
  const absl::optional<LayerName> name = ParseLayerName(tensor_name);
  if (empty() || !name.has_value()) return std::string(tensor_name);
  const absl::optional<uint64_t> layer = NewLayer(name->layer);
  if (!layer.has_value()) return absl::nullopt;
  return absl::StrCat("blk.", *layer, ".", name->rest);
}

absl::Status LayerPruning::UpdateMetadata(Metadata* metadata) const {
  if (empty()) return absl::OkStatus();
  GGUF_ASSIGN_OR_RETURN(const absl::string_view found, metadata->GetString("general.architecture"));
  const std::string architecture(found);
  for (const absl::string_view suffix : kPerLayerKeys) {
    const std::string key = absl::StrCat(architecture, ".", suffix);
    const Value* value = metadata->Find(key);
    if (value == nullptr || value->type() != ValueType::kArray) continue;
    const Array& array = std::get<Array>(value->data);
    if (array.size() != num_layers_) continue;
    Array kept = Without(array, dropped_);
    metadata->Set(key, Value(std::move(kept)));
  }
  metadata->Set(absl::StrCat(architecture, ".block_count"),
                Value(static_cast<uint32_t>(num_remaining())));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<uint64_t>> ParseLayerList(absl::string_view text) {
  std::vector<uint64_t> layers;
  for (const absl::string_view word : absl::StrSplit(text, ',')) {
    uint32_t layer = 0;
    const bool is_number = !word.empty() && absl::ascii_isdigit(word[0]);
    if (!is_number || !absl::SimpleAtoi(word, &layer)) {
      return absl::InvalidArgumentError(
          absl::StrCat("--prune-layers: '", absl::CHexEscape(word),
                       "' is not a layer number; expected numbers separated by commas, as in "
                       "3,5,20"));
    }
    layers.push_back(layer);
  }
  return layers;
}

}  // namespace gguf
