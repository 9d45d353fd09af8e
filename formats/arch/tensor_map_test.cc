#include "formats/arch/tensor_map.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using ::testing::HasSubstr;

// A Llama of two layers: vocabulary 10, hidden 8, 2 heads of 4, 1 head for K and V, FFN 6.
class TensorMapTest : public ::testing::Test {
 protected:
  void Configure(absl::string_view more) {
    absl::StatusOr<HfConfig> config = HfConfig::Parse(
        "config.json",
        absl::StrCat(R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama",
            "vocab_size": 10, "hidden_size": 8, "intermediate_size": 6, "num_hidden_layers": 2,
            "num_attention_heads": 2, "num_key_value_heads": 1)",
                     more, "}"));
    ASSERT_TRUE(config.ok()) << config.status();
    config_.push_back(*std::move(config));
    absl::StatusOr<const Family*> family = ResolveFamily(&config_.back());
    ASSERT_TRUE(family.ok()) << family.status();
    family_ = *family;
    absl::StatusOr<ModelSizes> sizes = ReadModelSizes(config_.back());
    ASSERT_TRUE(sizes.ok()) << sizes.status();
    sizes_ = *sizes;
  }

  void Add(const std::string& name, const Shape& shape) {
    SafetensorsTensor tensor;
    tensor.name = name;
    tensor.shape = shape;
    tensors_.push_back(tensor);
  }

  void AddAll() {
    Add("lm_head.weight", {10, 8});
    Add("model.embed_tokens.weight", {10, 8});
    Add("model.norm.weight", {8});
    for (const char* layer : {"model.layers.0.", "model.layers.1."}) {
      const std::string p = layer;
      Add(p + "input_layernorm.weight", {8});
      Add(p + "post_attention_layernorm.weight", {8});
      Add(p + "self_attn.q_proj.weight", {8, 8});
      Add(p + "self_attn.k_proj.weight", {4, 8});
      Add(p + "self_attn.v_proj.weight", {4, 8});
      Add(p + "self_attn.o_proj.weight", {8, 8});
      Add(p + "mlp.gate_proj.weight", {6, 8});
      Add(p + "mlp.up_proj.weight", {6, 8});
      Add(p + "mlp.down_proj.weight", {8, 6});
    }
  }

  SafetensorsTensor& Named(const std::string& name) {
    for (SafetensorsTensor& tensor : tensors_) {
      if (tensor.name == name) return tensor;
    }
    ADD_FAILURE() << name;
    return tensors_[0];
  }

  absl::StatusOr<std::vector<MappedTensor>> Map() {
    std::vector<const SafetensorsTensor*> tensors;
    for (const SafetensorsTensor& tensor : tensors_) tensors.push_back(&tensor);
    return MapTensors("folder", *family_, config_.back(), sizes_, tensors);
  }

  std::string Error() {
    const auto mapped = Map();
    return mapped.ok() ? "no error" : std::string(mapped.status().message());
  }

  std::vector<HfConfig> config_;
  const Family* family_ = nullptr;
  ModelSizes sizes_;
  std::vector<SafetensorsTensor> tensors_;
};

TEST_F(TensorMapTest, MapsNamesShapesAndHeads) {
  Configure("");
  AddAll();
  const auto mapped = Map();
  ASSERT_TRUE(mapped.ok()) << mapped.status();
  ASSERT_EQ(mapped->size(), tensors_.size());
  std::vector<std::string> names;
  for (size_t i = 0; i < 12; ++i) {
    const MappedTensor& tensor = (*mapped)[i];
    EXPECT_EQ(tensor.sources, std::vector<size_t>{i});
    EXPECT_EQ(tensor.shape, tensors_[i].shape);
    names.push_back(absl::StrCat(tensor.name, " ", tensor.permuted_heads));
  }
  EXPECT_EQ(names,
            (std::vector<std::string>{
                "output.weight 0", "token_embd.weight 0", "output_norm.weight 0",
                "blk.0.attn_norm.weight 0", "blk.0.ffn_norm.weight 0", "blk.0.attn_q.weight 2",
                "blk.0.attn_k.weight 1", "blk.0.attn_v.weight 0", "blk.0.attn_output.weight 0",
                "blk.0.ffn_gate.weight 0", "blk.0.ffn_up.weight 0", "blk.0.ffn_down.weight 0"}));
}

TEST_F(TensorMapTest, BiasesFollowTheirWeights) {
  Configure(R"(, "attention_bias": true)");
  AddAll();
  for (const char* layer : {"model.layers.0.", "model.layers.1."}) {
    Add(absl::StrCat(layer, "self_attn.q_proj.bias"), {8});
    Add(absl::StrCat(layer, "self_attn.k_proj.bias"), {4});
    Add(absl::StrCat(layer, "self_attn.v_proj.bias"), {4});
  }
  EXPECT_THAT(Error(), HasSubstr("2 tensors that config.json calls for are missing: "
                                 "model.layers.0.self_attn.o_proj.bias, "
                                 "model.layers.1.self_attn.o_proj.bias;"));
  Add("model.layers.0.self_attn.o_proj.bias", {8});
  Add("model.layers.1.self_attn.o_proj.bias", {8});
  const auto mapped = Map();
  ASSERT_TRUE(mapped.ok()) << mapped.status();
  const MappedTensor& q = (*mapped)[21];
  EXPECT_EQ(q.name, "blk.0.attn_q.bias");
  EXPECT_EQ(q.permuted_heads, 2);
  Add("model.norm.bias", {8});  // a norm has none
  EXPECT_THAT(Error(), HasSubstr("unknown for LlamaForCausalLM with 2 layers: model.norm.bias"));
}

TEST_F(TensorMapTest, TiedEmbeddingsNeedNoOutput) {
  Configure("");
  AddAll();
  tensors_.erase(tensors_.begin());
  EXPECT_THAT(Error(), HasSubstr("is missing: lm_head.weight;"));
  Configure(R"(, "tie_word_embeddings": true)");
  EXPECT_EQ(Error(), "no error");
}

TEST_F(TensorMapTest, MissingTensorsHaveTheNamesOfTheCheckpoint) {
  for (const char* prefix : {"language_model.model.", "model.language_model."}) {
    Configure(R"(, "vision_config": {})");
    tensors_.clear();
    AddAll();
    for (SafetensorsTensor& tensor : tensors_) {
      tensor.name = absl::StrReplaceAll(tensor.name, {{"model.", prefix}});
    }
    Named(absl::StrCat(prefix, "norm.weight")).name = "vision_tower.norm.weight";
    EXPECT_THAT(Error(), HasSubstr(absl::StrCat("is missing: ", prefix, "norm.weight;")));
  }
}

// Tensors of a family that are missing from a checkpoint with only `names`.
std::string MissingOf(absl::string_view config_text, const std::vector<SafetensorsTensor>& stored) {
  absl::StatusOr<HfConfig> config = HfConfig::Parse("config.json", config_text);
  const absl::StatusOr<const Family*> family = ResolveFamily(&*config);
  const absl::StatusOr<ModelSizes> sizes = ReadModelSizes(*config);
  std::vector<const SafetensorsTensor*> tensors;
  for (const SafetensorsTensor& tensor : stored) tensors.push_back(&tensor);
  const auto mapped = MapTensors("folder", **family, *config, *sizes, tensors);
  return mapped.ok() ? "none" : std::string(mapped.status().message());
}

SafetensorsTensor Tensor(const std::string& name, const Shape& shape, ElementType type) {
  SafetensorsTensor tensor;
  tensor.name = name;
  tensor.shape = shape;
  tensor.type = type;
  return tensor;
}

TEST(MissingNames, AreThoseOfGptOssOnceEach) {
  constexpr absl::string_view kConfig = R"({"architectures": ["GptOssForCausalLM"],
      "model_type": "gpt_oss", "vocab_size": 8, "hidden_size": 32, "intermediate_size": 32,
      "num_hidden_layers": 1, "num_attention_heads": 1, "num_key_value_heads": 1,
      "head_dim": 2, "num_local_experts": 2, "tie_word_embeddings": true})";
  const std::string p = "model.layers.0.";
  std::vector<SafetensorsTensor> tensors;
  const auto add = [&](const std::string& name, const Shape& shape) {
    tensors.push_back(Tensor(name, shape, ElementType::kBF16));
  };
  add("model.embed_tokens.weight", {8, 32});
  for (const char* norm : {"input_layernorm", "post_attention_layernorm"}) {
    add(p + norm + ".weight", {32});
  }
  add("model.norm.weight", {32});
  for (const char* name : {"q_proj", "k_proj", "v_proj"}) {
    add(p + "self_attn." + name + ".weight", {2, 32});
    add(p + "self_attn." + name + ".bias", {2});
  }
  add(p + "self_attn.o_proj.weight", {32, 2});
  add(p + "self_attn.o_proj.bias", {32});
  add(p + "mlp.router.weight", {2, 32});
  add(p + "mlp.router.bias", {2});
  add(p + "mlp.experts.down_proj_bias", {2, 32});
  tensors.push_back(Tensor(p + "mlp.experts.down_proj_blocks", {2, 32, 1, 16}, ElementType::kU8));
  EXPECT_THAT(MissingOf(kConfig, tensors),
              HasSubstr("5 tensors that config.json calls for are missing: "
                        "model.layers.0.self_attn.sinks, "
                        "model.layers.0.mlp.experts.gate_up_proj_blocks, "
                        "model.layers.0.mlp.experts.gate_up_proj_scales, "
                        "model.layers.0.mlp.experts.gate_up_proj_bias, "
                        "model.layers.0.mlp.experts.down_proj_scales;"));
}

TEST(MissingNames, AreThoseOfEitherSpellingOfBert) {
  constexpr absl::string_view kConfig = R"({"architectures": ["BertModel"], "model_type": "bert",
      "vocab_size": 8, "hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 1})";
  EXPECT_THAT(
      MissingOf(kConfig, {Tensor("embeddings.word_embeddings.weight", {8, 4}, ElementType::kF32)}),
      HasSubstr("missing: embeddings.position_embeddings.weight, "
                "embeddings.token_type_embeddings.weight, embeddings.LayerNorm.weight, "
                "embeddings.LayerNorm.bias, encoder.layer.0.attention.self.query.weight "));
  EXPECT_THAT(
      MissingOf(kConfig,
                {Tensor("bert.embeddings.word_embeddings.weight", {8, 4}, ElementType::kF32),
                 Tensor("bert.encoder.layer.0.output.LayerNorm.gamma", {4}, ElementType::kF32)}),
      HasSubstr(
          "bert.embeddings.token_type_embeddings.weight, bert.embeddings.LayerNorm.gamma, "
          "bert.embeddings.LayerNorm.bias, bert.encoder.layer.0.attention.self.query.weight"));
}

TEST_F(TensorMapTest, TowersThatTheConfigDoesNotDescribeAreUnknown) {
  Configure("");
  AddAll();
  Add("model.layers.0.vision_adapter.weight", {3});
  EXPECT_THAT(Error(), HasSubstr("model.layers.0.vision_adapter.weight"));
}

TEST_F(TensorMapTest, NormalisesAndDropsNames) {
  Configure(R"(, "vision_config": {})");
  AddAll();
  Named("model.norm.weight").name = "language_model.model.norm.weight";
  Named("model.layers.1.mlp.up_proj.weight").name =
      "model.language_model.layers.1.mlp.up_proj.weight";
  const size_t count = tensors_.size();
  for (const char* name :
       {"model.layers.0.self_attn.rotary_emb.inv_freq", "vision_tower.x.weight",
        "model.visual.y.bias", "multi_modal_projector.z", "vit.a", "merger.b", "audio_tower.c",
        "h.0.attention.masked_bias", "h.0.attention.bias", "model.image_newline"}) {
    Add(name, {3});
  }
  const auto mapped = Map();
  ASSERT_TRUE(mapped.ok()) << mapped.status();
  EXPECT_EQ(mapped->size(), count);
}

TEST_F(TensorMapTest, NamesWhatDoesNotFit) {
  const struct {
    const char* from;
    const char* to;
    const char* message;
  } kRenames[] = {
      {"model.norm.weight", "model.norm.scale", "1 tensor is unknown for LlamaForCausalLM"},
      {"model.norm.weight", "norm.weight", "unknown for LlamaForCausalLM with 2 layers: norm.w"},
      {"model.layers.1.mlp.up_proj.weight", "model.layers.2.mlp.up_proj.weight",
       "2 layers: model.layers.2.mlp.up_proj.weight"},
      {"model.layers.1.mlp.up_proj.weight", "model.layers.01.mlp.up_proj.weight", "layers.01."},
      {"model.layers.1.mlp.up_proj.weight", "model.layers.-1.mlp.up_proj.weight", "layers.-1."},
      {"model.layers.1.mlp.up_proj.weight", "model.layers.N.mlp.up_proj.weight", "layers.N."},
      {"model.layers.1.mlp.up_proj.weight", "model.layers..mlp.up_proj.weight", "layers..mlp"},
      {"model.norm.weight", "model.layers.0.x.rotary_emb.inv_freq",
       "1 tensor that config.json calls for is missing: model.norm.weight;"},
      {"model.norm.weight", "language_model.lm_head.weight", "has the shape [8], and [10, 8]"},
  };
  for (const auto& test : kRenames) {
    Configure("");
    tensors_.clear();
    AddAll();
    Named(test.from).name = test.to;
    EXPECT_THAT(Error(), HasSubstr(test.message)) << test.to;
  }
  Configure("");
  tensors_.clear();
  AddAll();
  Named("model.layers.1.self_attn.k_proj.weight").shape = Shape({8, 8});
  EXPECT_THAT(Error(), HasSubstr("tensor model.layers.1.self_attn.k_proj.weight has the shape "
                                 "[8, 8], and [4, 8] follows from config.json"));
  tensors_.clear();
  AddAll();
  Add("language_model.model.norm.weight", {8});
  EXPECT_THAT(Error(), HasSubstr("under two names, both for output_norm.weight"));
}

TEST_F(TensorMapTest, AbsurdNumberOfLayersEndsSoon) {
  Configure("");
  AddAll();
  sizes_.layers = 4'000'000'000;
  EXPECT_THAT(Error(), HasSubstr("at least 1000 tensors that config.json calls for are missing: "
                                 "model.layers.2.input_layernorm.weight"));
}

TEST_F(TensorMapTest, SomeTensorsNeedNotBeAll) {
  Configure("");
  Add("model.layers.1.self_attn.q_proj.weight", {8, 8});
  Add("model.layers.2.self_attn.q_proj.weight", {8, 8});
  const auto mapped = MapSomeTensors("folder", *family_, config_.back(), sizes_, {&tensors_[0]});
  ASSERT_TRUE(mapped.ok()) << mapped.status();
  ASSERT_EQ(mapped->size(), 1u);
  EXPECT_EQ((*mapped)[0].name, "blk.1.attn_q.weight");
  EXPECT_EQ((*mapped)[0].permuted_heads, 2u);
  EXPECT_THAT(std::string(MapSomeTensors("folder", *family_, config_.back(), sizes_,
                                         {&tensors_[0], &tensors_[1]})
                              .status()
                              .message()),
              HasSubstr("1 tensor is unknown"));
}

}  // namespace
}  // namespace gguf
