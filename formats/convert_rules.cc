#include "formats/convert_rules.h"

#include "absl/strings/match.h"

namespace gguf {
namespace {

// Small tensors that decide much, whatever their rank.
constexpr absl::string_view kF32Suffixes[] = {
    "_norm.weight",
    ".ffn_gate_inp.weight",
    ".ffn_gate_inp_shexp.weight",
};
constexpr absl::string_view kF32Names[] = {
    "position_embd.weight",
    "token_types.weight",
    "v.position_embd.weight",
};

}  // namespace

bool ConvertsToF32(absl::string_view gguf_name, const Shape& shape) {
  if (shape.rank() <= 1) return true;
  if (absl::EndsWith(gguf_name, ".lora_a") || absl::EndsWith(gguf_name, ".lora_b")) return false;
  if (!absl::EndsWith(gguf_name, ".weight")) return true;
  for (const absl::string_view suffix : kF32Suffixes) {
    if (absl::EndsWith(gguf_name, suffix)) return true;
  }
  for (const absl::string_view name : kF32Names) {
    if (gguf_name == name) return true;
  }
  return false;
}

}  // namespace gguf
