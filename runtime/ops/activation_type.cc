#include "runtime/ops/activation_type.h"

#include <cstddef>

namespace gguf {
namespace {

constexpr absl::string_view kNames[] = {"f32", "bf16", "q8"};  // by value

}  // namespace

absl::string_view NameOf(ActivationType type) { return kNames[static_cast<size_t>(type)]; }

absl::optional<ActivationType> ParseActivationType(absl::string_view name) {
  for (size_t i = 0; i < ActivationTypeNames().size(); ++i) {
    if (kNames[i] == name) return static_cast<ActivationType>(i);
  }
  return absl::nullopt;
}

absl::Span<const absl::string_view> ActivationTypeNames() { return kNames; }

}  // namespace gguf
