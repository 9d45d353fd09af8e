// Shapes of published models, for advice before anything is downloaded, and a source of tensors
// that has nothing but such a shape: quantization plans of it give the size of every type to the
// byte.

#ifndef GGUF_TOOLCHAIN_TOOLS_ADVICE_MODEL_SHAPE_H_
#define GGUF_TOOLCHAIN_TOOLS_ADVICE_MODEL_SHAPE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "formats/tensor_source.h"

namespace gguf {

struct ModelShape {
  absl::string_view name;          // "Llama-3.1-8B"
  absl::string_view size;          // how people call its size: "8B"
  absl::string_view architecture;  // general.architecture
  uint32_t num_layers;
  uint32_t embedding;     // values per token
  uint32_t feed_forward;  // 0: all layers have experts
  uint32_t num_heads;
  uint32_t num_kv_heads;
  uint32_t head_size;
  uint32_t vocabulary;
  uint32_t context;      // tokens it was trained for
  bool is_tied = false;  // the output matrix is that of the token embeddings
  uint32_t window = 0;   // of sliding layers; 0: there are none
  uint32_t num_experts = 0;
  uint32_t num_experts_used = 0;
  uint32_t expert_feed_forward = 0;
};

// From the config.json that each model is published with, as of August 2026. Where several have one
// size, the one that the size alone means comes first.
absl::Span<const ModelShape> PublishedShapes();

// By name or, when no name is like that, by size; case-insensitive. All matches, the one meant
// first; none when there is none.
std::vector<const ModelShape*> FindShapes(absl::string_view text);

// The tensors and metadata of a GGUF of this shape before quantization: norms, biases and routers
// in F32, matrices in BF16, the experts of gpt-oss in the MXFP4 they are published in. Its rows
// cannot be read. `shape` must outlive it.
std::unique_ptr<TensorSource> OpenShape(const ModelShape& shape);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_ADVICE_MODEL_SHAPE_H_
