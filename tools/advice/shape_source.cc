#include <iterator>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gguf/keys.h"
#include "tools/advice/model_shape.h"

namespace gguf {
namespace {

// Dimensions of a tensor, as functions of the shape; kNone ends a list.
enum Dim { kNone, kEmbedding, kQueries, kKeys, kHead, kHeads, kInner, kExperts, kExpertInner };

uint64_t SizeOf(const ModelShape& s, Dim dim) {
  const uint64_t sizes[] = {0,
                            s.embedding,
                            s.num_heads * s.head_size,
                            s.num_kv_heads * s.head_size,
                            s.head_size,
                            s.num_heads,
                            s.feed_forward,
                            s.num_experts,
                            s.expert_feed_forward};
  return sizes[dim];
}

// Which families have a tensor.
enum : uint32_t {
  kLlama = 1,
  kQwen2 = 2,
  kQwen3 = 4,
  kQwen3Moe = 8,
  kGemma2 = 16,
  kGemma3 = 32,
  kGptOss = 64,
  kAll = 127,
  kGemma = kGemma2 | kGemma3,
  kHeadNorms = kQwen3 | kQwen3Moe | kGemma3,
  kQkvBias = kQwen2 | kGptOss,
};

constexpr struct {
  absl::string_view architecture;
  uint32_t bit;
} kFamilies[] = {{"llama", kLlama},       {"qwen2", kQwen2},   {"qwen3", kQwen3},
                 {"qwen3moe", kQwen3Moe}, {"gemma2", kGemma2}, {"gemma3", kGemma3},
                 {"gpt-oss", kGptOss}};

uint32_t FamilyBit(absl::string_view architecture) {
  for (const auto& family : kFamilies) {
    if (family.architecture == architecture) return family.bit;
  }
  return 0;
}

struct LayerTensor {
  absl::string_view name;  // below blk.N.
  uint32_t families;
  Dim dims[3];  // outermost first; a tensor with a dimension of 0 does not exist
};

constexpr LayerTensor kLayer[] = {
    {"attn_norm.weight", kAll, {kEmbedding}},
    {"attn_q.weight", kAll, {kQueries, kEmbedding}},
    {"attn_k.weight", kAll, {kKeys, kEmbedding}},
    {"attn_v.weight", kAll, {kKeys, kEmbedding}},
    {"attn_output.weight", kAll, {kEmbedding, kQueries}},
    {"attn_q.bias", kQkvBias, {kQueries}},
    {"attn_k.bias", kQkvBias, {kKeys}},
    {"attn_v.bias", kQkvBias, {kKeys}},
    {"attn_output.bias", kGptOss, {kEmbedding}},
    {"attn_q_norm.weight", kHeadNorms, {kHead}},
    {"attn_k_norm.weight", kHeadNorms, {kHead}},
    {"attn_sinks.weight", kGptOss, {kHeads}},
    {"ffn_norm.weight", kAll & ~uint32_t{kGptOss}, {kEmbedding}},
    {"post_attention_norm.weight", kGemma | kGptOss, {kEmbedding}},
    {"post_ffw_norm.weight", kGemma, {kEmbedding}},
    {"ffn_gate.weight", kAll, {kInner, kEmbedding}},
    {"ffn_up.weight", kAll, {kInner, kEmbedding}},
    {"ffn_down.weight", kAll, {kEmbedding, kInner}},
    {"ffn_gate_inp.weight", kAll, {kExperts, kEmbedding}},
    {"ffn_gate_inp.bias", kGptOss, {kExperts}},
    {"ffn_gate_exps.weight", kAll, {kExperts, kExpertInner, kEmbedding}},
    {"ffn_up_exps.weight", kAll, {kExperts, kExpertInner, kEmbedding}},
    {"ffn_down_exps.weight", kAll, {kExperts, kEmbedding, kExpertInner}},
    {"ffn_gate_exps.bias", kGptOss, {kExperts, kExpertInner}},
    {"ffn_up_exps.bias", kGptOss, {kExperts, kExpertInner}},
    {"ffn_down_exps.bias", kGptOss, {kExperts, kEmbedding}},
};

class ShapeSource : public TensorSource {
 public:
  explicit ShapeSource(const ModelShape& shape) : name_(shape.name) {
    SetMetadata(shape);
    AddTensors(shape);
  }

  const std::string& name() const override { return name_; }
  const Metadata& metadata() const override { return metadata_; }
  const std::vector<SourceTensor>& tensors() const override { return tensors_; }
  absl::Status ReadRows(size_t, uint64_t, uint64_t, absl::Span<uint8_t>) const override {
    return absl::UnimplementedError(absl::StrCat(name_, " is a shape without weights"));
  }
  std::vector<std::string> input_paths() const override { return {}; }

 private:
  void SetMetadata(const ModelShape& shape);
  void AddTensors(const ModelShape& shape);

  std::string name_;
  Metadata metadata_;
  std::vector<SourceTensor> tensors_;
};

void ShapeSource::SetMetadata(const ModelShape& shape) {
  metadata_.Set(keys::kGeneralArchitecture, shape.architecture);
  metadata_.Set(keys::kGeneralName, shape.name);
  const std::pair<keys::Key, uint32_t> values[] = {
      {keys::kBlockCount, shape.num_layers},
      {keys::kContextLength, shape.context},
      {keys::kEmbeddingLength, shape.embedding},
      {keys::kFeedForwardLength, shape.feed_forward},
      {keys::kAttentionHeadCount, shape.num_heads},
      {keys::kAttentionHeadCountKv, shape.num_kv_heads},
      {keys::kAttentionKeyLength, shape.head_size},
      {keys::kAttentionValueLength, shape.head_size},
      {keys::kAttentionSlidingWindow, shape.window},
      {keys::kExpertCount, shape.num_experts},
      {keys::kExpertUsedCount, shape.num_experts_used},
      {keys::kExpertFeedForwardLength, shape.expert_feed_forward},
  };
  for (const auto& [key, value] : values) {
    if (value != 0) metadata_.Set(ArchitectureKey(shape.architecture, key), value);
  }
  metadata_.Set(ArchitectureKey(shape.architecture, keys::kAttentionLayerNormRmsEpsilon), 1e-6f);
  if (shape.architecture == "gemma2") {  // its scores are capped, which some caches cannot do
    metadata_.Set(ArchitectureKey(shape.architecture, keys::kAttnLogitSoftcapping), 50.0f);
  }
}

void ShapeSource::AddTensors(const ModelShape& shape) {
  tensors_.push_back({"token_embd.weight", {shape.vocabulary, shape.embedding}, TensorType::kBF16});
  tensors_.push_back({"output_norm.weight", {shape.embedding}, TensorType::kF32});
  if (!shape.is_tied) {
    tensors_.push_back({"output.weight", {shape.vocabulary, shape.embedding}, TensorType::kBF16});
  }
  const uint32_t family = FamilyBit(shape.architecture);
  for (uint32_t layer = 0; layer < shape.num_layers; ++layer) {
    for (const LayerTensor& tensor : kLayer) {
      if ((tensor.families & family) == 0) continue;
      std::vector<uint64_t> dims;
      bool exists = true;
      for (size_t i = 0; i < std::size(tensor.dims) && tensor.dims[i] != kNone; ++i) {
        dims.push_back(SizeOf(shape, tensor.dims[i]));
        exists &= dims.back() != 0;
      }
      if (!exists) continue;
      const bool is_matrix = dims.size() >= 2 && absl::EndsWith(tensor.name, ".weight") &&
                             tensor.name != "ffn_gate_inp.weight";
      const TensorType matrix_type =
          family == kGptOss && dims.size() == 3 ? TensorType::kMXFP4 : TensorType::kBF16;
      tensors_.push_back({absl::StrCat("blk.", layer, ".", tensor.name),
                          Shape(dims.begin(), dims.end()),
                          is_matrix ? matrix_type : TensorType::kF32});
    }
  }
}

}  // namespace

std::unique_ptr<TensorSource> OpenShape(const ModelShape& shape) {
  return std::make_unique<ShapeSource>(shape);
}

}  // namespace gguf
