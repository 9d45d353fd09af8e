#include "runtime/vision/testing.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "formats/codec/codec.h"
#include "formats/safetensors.h"
#include "gguf/testing.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

constexpr char kFolder[] = "testdata/hf/gemma3-vision/";

// Of a checkpoint's name, in both layouts; applied in order.
struct Replacement {
  const char *checkpoint, *projector_file, *ollama;
};
constexpr Replacement kReplacements[] = {
    {"vision_model.embeddings.patch_embedding", "v.patch_embd", "v.patch_embedding"},
    {"vision_model.embeddings.position_embedding", "v.position_embd", "v.position_embedding"},
    {"vision_model.post_layernorm", "v.post_ln", "v.post_layernorm"},
    {"vision_model.encoder.layers.", "v.blk.", "v.blk."},
    {"layer_norm", "ln", "layer_norm"},
    {"self_attn.q_proj", "attn_q", "attn_q"},
    {"self_attn.k_proj", "attn_k", "attn_k"},
    {"self_attn.v_proj", "attn_v", "attn_v"},
    {"self_attn.out_proj", "attn_out", "attn_output"},
    {"mlp.fc1", "ffn_up", "mlp.fc1"},
    {"mlp.fc2", "ffn_down", "mlp.fc2"},
    {"multi_modal_projector.mm_input_projection_weight", "mm.input_projection.weight",
     "mm.mm_input_projection.weight"},
    {"multi_modal_projector.mm_soft_emb_norm", "mm.soft_emb_norm", "mm.mm_soft_emb_norm"},
};

std::string NameIn(VisionLayout layout, std::string name) {
  const size_t start = name.find("vision_model.");
  if (start != std::string::npos) name = name.substr(start);
  if (absl::StartsWith(name, "model.")) name = name.substr(6);
  for (const Replacement& r : kReplacements) {
    name = absl::StrReplaceAll(
        name,
        {{r.checkpoint, layout == VisionLayout::kProjectorFile ? r.projector_file : r.ollama}});
  }
  return name;
}

std::string Read(const SafetensorsFile& file, const SafetensorsTensor& tensor) {
  std::string bytes(tensor.num_bytes, '\0');
  const auto status =
      file.Read(tensor, 0, absl::MakeSpan(reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()));
  EXPECT_TRUE(status.ok()) << status;
  return bytes;
}

void SetSizes(absl::string_view prefix, Metadata* metadata) {
  const auto set = [&](absl::string_view key, auto value) {
    metadata->Set(absl::StrCat(prefix, key), value);
  };
  set("image_size", uint32_t{56});
  set("patch_size", uint32_t{14});
  set("embedding_length", uint32_t{64});
  set("feed_forward_length", uint32_t{112});
  set("block_count", uint32_t{2});
  set("attention.head_count", uint32_t{2});
  set("attention.layer_norm_epsilon", 1e-6f);
}

Metadata TinyMetadata(VisionLayout layout) {
  Metadata metadata;
  if (layout == VisionLayout::kProjectorFile) {
    metadata.Set("general.architecture", std::string("clip"));
    metadata.Set("clip.has_vision_encoder", true);
    metadata.Set("clip.projector_type", std::string("gemma3"));
    metadata.Set("clip.use_gelu", true);
    SetSizes("clip.vision.", &metadata);
    metadata.Set("clip.vision.projection_dim", uint32_t{128});
    metadata.Set("clip.vision.projector.scale_factor", uint32_t{2});
  } else {
    metadata.Set("general.architecture", std::string("gemma3"));
    SetSizes("gemma3.vision.", &metadata);
    metadata.Set("gemma3.embedding_length", uint32_t{128});
    metadata.Set("gemma3.mm.tokens_per_image", uint32_t{4});
  }
  return metadata;
}

}  // namespace

TensorSpec* VisionFile::Find(absl::string_view name) {
  for (TensorSpec& tensor : tensors) {
    if (tensor.name == name) return &tensor;
  }
  return nullptr;
}

void VisionFile::Remove(absl::string_view name) {
  TensorSpec* tensor = Find(name);
  ASSERT_NE(tensor, nullptr) << name;
  data.erase(data.begin() + (tensor - tensors.data()));
  tensors.erase(tensors.begin() + (tensor - tensors.data()));
}

void VisionFile::Rename(absl::string_view from, absl::string_view to) {
  TensorSpec* tensor = Find(from);
  ASSERT_NE(tensor, nullptr) << from;
  tensor->name = std::string(to);
}

std::string VisionFile::Write(absl::string_view name) const {
  const std::string path = absl::StrCat(::testing::TempDir(), "/", name, ".gguf");
  const auto bytes = MakeGguf(metadata, tensors, data);
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  EXPECT_TRUE(bytes.ok() && WriteFileBytes(path, *bytes));
  return path;
}

VisionFile TinyTower(VisionLayout layout) {
  VisionFile result;
  result.metadata = TinyMetadata(layout);
  const auto file = SafetensorsFile::Open(absl::StrCat(kFolder, "model.safetensors"));
  EXPECT_TRUE(file.ok()) << file.status();
  for (const SafetensorsTensor& tensor : file->tensors()) {
    if (absl::StrContains(tensor.name, "language_model")) continue;
    EXPECT_EQ(tensor.type, ElementType::kBF16);
    const std::string stored = Read(*file, tensor);
    std::vector<float> values(stored.size() / 2);
    CodecOf(TensorType::kBF16)
        .decode(reinterpret_cast<const uint8_t*>(stored.data()), values.size(), values.data());
    if (absl::StrContains(tensor.name, "mm_soft_emb_norm")) {
      for (float& value : values) value += 1.0f;
    }
    result.tensors.push_back({NameIn(layout, tensor.name), TensorType::kF32, tensor.shape});
    result.data.emplace_back(reinterpret_cast<const char*>(values.data()), values.size() * 4);
  }
  return result;
}

std::string GoldenBytes(absl::string_view name) {
  const auto file = SafetensorsFile::Open(absl::StrCat(kFolder, "golden.safetensors"));
  EXPECT_TRUE(file.ok()) << file.status();
  for (const SafetensorsTensor& tensor : file->tensors()) {
    if (tensor.name == name) return Read(*file, tensor);
  }
  ADD_FAILURE() << "golden.safetensors has no " << name;
  return "";
}

}  // namespace gguf
