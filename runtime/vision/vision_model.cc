#include "runtime/vision/vision_model.h"

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "formats/codec/codec.h"
#include "gguf/base/status_macros.h"
#include "runtime/tensor_finder.h"

namespace gguf {
namespace {

// Without ".weight" and ".bias"; the second group below "v.blk.N.".
struct TensorNames {
  const char *patch, *positions, *post_norm, *soft_norm, *projection;
  const char *attn_norm, *ffn_norm, *q, *k, *v, *output, *up, *down;
};
constexpr TensorNames kNames[] = {
    // VisionLayout::kProjectorFile
    {"v.patch_embd", "v.position_embd", "v.post_ln", "mm.soft_emb_norm", "mm.input_projection",
     "ln1", "ln2", "attn_q", "attn_k", "attn_v", "attn_out", "ffn_up", "ffn_down"},
    // VisionLayout::kOllama
    {"v.patch_embedding", "v.position_embedding", "v.post_layernorm", "mm.mm_soft_emb_norm",
     "mm.mm_input_projection", "layer_norm1", "layer_norm2", "attn_q", "attn_k", "attn_v",
     "attn_output", "mlp.fc1", "mlp.fc2"},
};

bool IsOfTower(absl::string_view name) {
  return absl::StartsWith(name, "v.") || absl::StartsWith(name, "mm.");
}

absl::Status FindPatches(const VisionConfig& c, const TensorNames& names, TensorFinder* finder,
                         VisionWeights* w) {
  const std::string name = absl::StrCat(names.patch, ".weight");
  const Shape shape = {c.embedding, 3, c.patch_size, c.patch_size};
  GGUF_ASSIGN_OR_RETURN(w->patch.tensor, finder->Find(name, shape));
  if (w->patch.tensor == nullptr) return finder->Missing(name, shape);
  w->patch.rows = c.embedding;
  w->patch.columns = c.patch_values();
  GGUF_ASSIGN_OR_RETURN(w->patch.bias,
                        finder->Values(absl::StrCat(names.patch, ".bias"), {c.embedding}));
  GGUF_ASSIGN_OR_RETURN(w->positions,
                        finder->RequiredValues(absl::StrCat(names.positions, ".weight"),
                                               {c.num_patches(), c.embedding}));
  return absl::OkStatus();
}

absl::Status FindLayer(const TensorFile& file, const VisionConfig& c, uint32_t index,
                       TensorNames names, TensorFinder* finder, VisionLayer* w) {
  const std::string layer = absl::StrCat("v.blk.", index, ".");
  const size_t e = c.embedding, f = c.feed_forward;
  const TensorView* down = file.Find(absl::StrCat(layer, names.down, ".weight"));
  if (down != nullptr && e != f && down->shape == Shape{f, e}) std::swap(names.up, names.down);
  GGUF_ASSIGN_OR_RETURN(w->attn_norm, finder->RequiredNorm(layer + names.attn_norm, e, true));
  GGUF_ASSIGN_OR_RETURN(w->ffn_norm, finder->RequiredNorm(layer + names.ffn_norm, e, true));
  GGUF_ASSIGN_OR_RETURN(w->q, finder->RequiredLinear(layer + names.q, e, e));
  GGUF_ASSIGN_OR_RETURN(w->k, finder->RequiredLinear(layer + names.k, e, e));
  GGUF_ASSIGN_OR_RETURN(w->v, finder->RequiredLinear(layer + names.v, e, e));
  GGUF_ASSIGN_OR_RETURN(w->output, finder->RequiredLinear(layer + names.output, e, e));
  GGUF_ASSIGN_OR_RETURN(w->up, finder->RequiredLinear(layer + names.up, f, e));
  GGUF_ASSIGN_OR_RETURN(w->down, finder->RequiredLinear(layer + names.down, e, f));
  return absl::OkStatus();
}

// Files hold [embedding, projection], as the training library multiplies; products want rows of
// results.
absl::Status FindProjector(const VisionConfig& c, const TensorNames& names, TensorFinder* finder,
                           VisionWeights* w) {
  const size_t e = c.embedding, p = c.projection;
  GGUF_ASSIGN_OR_RETURN(w->soft_norm,
                        finder->RequiredValues(absl::StrCat(names.soft_norm, ".weight"), {e}));
  const std::string name = absl::StrCat(names.projection, ".weight");
  GGUF_ASSIGN_OR_RETURN(const TensorView* tensor, finder->Find(name, {e, p}));
  if (tensor == nullptr) return finder->Missing(name, {e, p});
  const auto decode = CodecOf(tensor->type).decode;
  const size_t row_bytes = tensor->data.size() / e;
  std::vector<float> row(p);
  w->projection.resize(p * e);
  for (size_t i = 0; i < e; ++i) {
    decode(tensor->data.data() + i * row_bytes, p, row.data());
    for (size_t j = 0; j < p; ++j) w->projection[j * e + i] = row[j];
  }
  return absl::OkStatus();
}

absl::StatusOr<VisionWeights> FindVisionWeights(const TensorFile& file, const VisionConfig& c) {
  const TensorNames& names = kNames[static_cast<size_t>(c.layout)];
  TensorFinder finder(file);
  VisionWeights w;
  GGUF_RETURN_IF_ERROR(FindPatches(c, names, &finder, &w));
  w.layers.resize(c.num_layers);
  for (uint32_t i = 0; i < c.num_layers; ++i) {
    GGUF_RETURN_IF_ERROR(FindLayer(file, c, i, names, &finder, &w.layers[i]));
  }
  GGUF_ASSIGN_OR_RETURN(w.post_norm, finder.RequiredNorm(names.post_norm, c.embedding, true));
  GGUF_RETURN_IF_ERROR(FindProjector(c, names, &finder, &w));
  const bool is_joint = c.layout == VisionLayout::kOllama;
  GGUF_RETURN_IF_ERROR(
      finder.CheckAllUsed("a vision tower of Gemma 3",
                          [&](absl::string_view name) { return is_joint && !IsOfTower(name); }));
  return w;
}

}  // namespace

absl::StatusOr<std::unique_ptr<VisionModel>> VisionModel::Open(absl::string_view path) {
  GGUF_ASSIGN_OR_RETURN(TensorFile file, TensorFile::Open(path));
  uint64_t weight_bytes = 0;
  for (const TensorView& tensor : file.tensors()) {
    if (IsOfTower(tensor.name)) weight_bytes += tensor.data.size();
  }
  const Value* architecture = file.metadata().Find("general.architecture");
  if (weight_bytes == 0 && architecture != nullptr && *architecture == Value("gemma3")) {
    return absl::NotFoundError(
        absl::StrCat(path, " has no vision tower (no tensors v.* and mm.*): name the projector ",
                     "file that belongs to it with --mmproj"));
  }
  absl::StatusOr<VisionConfig> config = ReadVisionConfig(file.metadata());
  if (!config.ok()) {
    return absl::Status(config.status().code(),
                        absl::StrCat(path, ": ", config.status().message()));
  }
  std::unique_ptr<VisionModel> model(new VisionModel(std::move(file), *std::move(config)));
  model->weight_bytes_ = weight_bytes;
  GGUF_ASSIGN_OR_RETURN(model->weights_, FindVisionWeights(model->file_, model->config_));
  return model;
}

}  // namespace gguf
