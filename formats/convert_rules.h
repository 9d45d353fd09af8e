// Which tensors a conversion stores as F32 whatever the output type (spec: the field's converter,
// August 2026).

#ifndef GGUF_TOOLCHAIN_FORMATS_CONVERT_RULES_H_
#define GGUF_TOOLCHAIN_FORMATS_CONVERT_RULES_H_

#include "absl/strings/string_view.h"
#include "gguf/shape.h"

namespace gguf {

// True for scalars and 1-D tensors, names ending in `_norm.weight`, names not ending in `.weight`
// (or, in an adapter, `.lora_a` and `.lora_b`),
// routers (`ffn_gate_inp.weight`, `ffn_gate_inp_shexp.weight`) and position and type embeddings.
bool ConvertsToF32(absl::string_view gguf_name, const Shape& shape);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CONVERT_RULES_H_
