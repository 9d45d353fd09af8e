// The layer number in a tensor name: "blk.17.attn_q.weight" belongs to layer 17.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_LAYER_NAME_H_
#define GGUF_TOOLCHAIN_QUANTIZE_LAYER_NAME_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace gguf {

struct LayerName {
  uint32_t layer;
  absl::string_view rest;  // after "blk.N."; points into the name
};

// Nothing for names that do not start with "blk.", digits and a dot, or whose number exceeds 32
// bits. Other prefixes ("v.blk.3.") count the layers of another tower and are not layers here.
absl::optional<LayerName> ParseLayerName(absl::string_view tensor_name);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_LAYER_NAME_H_
