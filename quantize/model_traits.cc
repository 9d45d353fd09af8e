// What recipes need to know of a model, from its metadata.

#include <type_traits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"
#include "quantize/recipe.h"

namespace gguf {
namespace {

// The first element of an integer array; nothing for other arrays and negative elements.
absl::optional<uint64_t> FirstElement(const Array& array) {
  return std::visit(
      [](const auto& elements) -> absl::optional<uint64_t> {
        using Elements = std::decay_t<decltype(elements)>;
        if constexpr (!std::is_same_v<Elements, std::monostate> &&
                      !std::is_same_v<Elements, Bools>) {
          if constexpr (std::is_integral_v<typename Elements::value_type>) {
            if (!elements.empty() && !(elements[0] < 0)) {
              return static_cast<uint64_t>(elements[0]);
            }
          }
        }
        return absl::nullopt;
      },
      array.elements);
}

// Head counts are one number, or an array with one per layer.
absl::StatusOr<uint64_t> OfLayer0(const Metadata& metadata, const std::string& key,
                                  uint64_t fallback) {
  const Value* value = metadata.Find(key);
  if (value == nullptr || value->type() != ValueType::kArray) {
    return metadata.GetUintOr(key, fallback);
  }
  if (const auto first = FirstElement(std::get<Array>(value->data))) return *first;
  return absl::InvalidArgumentError(
      absl::StrCat("key '", key, "' is ", value->ToString(),
                   "; expected a non-negative integer or an array of one per layer"));
}

}  // namespace

absl::StatusOr<ModelTraits> ModelTraits::FromMetadata(const Metadata& metadata) {
  ModelTraits traits;
  GGUF_ASSIGN_OR_RETURN(traits.architecture, metadata.GetStringOr("general.architecture", ""));
  if (traits.architecture.empty()) return traits;
  const auto key = [&](absl::string_view name) {
    return absl::StrCat(traits.architecture, ".", name);
  };
  GGUF_ASSIGN_OR_RETURN(traits.num_layers, metadata.GetUintOr(key("block_count"), 0));
  GGUF_ASSIGN_OR_RETURN(traits.num_experts, metadata.GetUintOr(key("expert_count"), 0));
  GGUF_ASSIGN_OR_RETURN(traits.num_heads, OfLayer0(metadata, key("attention.head_count"), 0));
  GGUF_ASSIGN_OR_RETURN(traits.num_kv_heads,
                        OfLayer0(metadata, key("attention.head_count_kv"), traits.num_heads));
  return traits;
}

}  // namespace gguf
