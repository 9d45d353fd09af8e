#include "quantize/layer_name.h"

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"

namespace gguf {

absl::optional<LayerName> ParseLayerName(absl::string_view tensor_name) {
  if (!absl::ConsumePrefix(&tensor_name, "blk.")) return absl::nullopt;
  size_t digits = 0;
  while (digits < tensor_name.size() && absl::ascii_isdigit(tensor_name[digits])) ++digits;
  if (digits == tensor_name.size() || tensor_name[digits] != '.') return absl::nullopt;
  LayerName result;
  if (!absl::SimpleAtoi(tensor_name.substr(0, digits), &result.layer)) return absl::nullopt;
  result.rest = tensor_name.substr(digits + 1);
  return result;
}

}  // namespace gguf
