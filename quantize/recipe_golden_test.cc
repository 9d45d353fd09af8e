// What llama-quantize (August 2026) decided for every tensor of ten models, under every recipe,
// with and without importance data: all of it, without exceptions.

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "quantize/recipe.h"

namespace gguf {
namespace {

using Json = nlohmann::ordered_json;

struct Model {
  Json json;
  ModelTraits traits;
  std::vector<RecipeTensor> tensors;  // in processing order
};

// Matrices were F16 when the decisions were recorded, vectors F32.
std::vector<RecipeTensor> TensorsOf(const Json& json) {
  std::vector<RecipeTensor> unsorted;
  std::vector<std::string> names;
  for (const auto& [name, dims] : json.items()) {
    const Shape shape(dims.begin(), dims.end());
    const TensorType type = shape.significant_rank() > 1 ? TensorType::kF16 : TensorType::kF32;
    unsorted.push_back({name, shape, type});
    names.push_back(name);
  }
  std::vector<RecipeTensor> sorted;
  for (const size_t i : SortForProcessing(names)) sorted.push_back(unsorted[i]);
  return sorted;
}

Model LoadModel(const std::string& name) {
  std::ifstream file("testdata/recipes/" + name + ".json");
  EXPECT_TRUE(file.good()) << name;
  Model model{Json::parse(file), {}, {}};
  model.traits.architecture = model.json["architecture"];
  model.traits.num_layers = model.json["block_count"];
  model.traits.num_heads = model.json["head_count"];
  model.traits.num_kv_heads = model.json["head_count_kv"];
  model.traits.num_experts = model.json["expert_count"];
  model.tensors = TensorsOf(model.json["tensors"]);
  return model;
}

// Returns how many decisions were compared.
size_t CompareAll(const Model& model, const Recipe& recipe, const Json& expected,
                  const std::vector<Decision>& decisions) {
  size_t compared = 0;
  for (size_t i = 0; i < model.tensors.size(); ++i) {
    const RecipeTensor& tensor = model.tensors[i];
    if (tensor.shape.significant_rank() < 2) {
      EXPECT_EQ(decisions[i].type, TensorType::kF32) << tensor.name;
      EXPECT_TRUE(decisions[i].is_copy) << tensor.name;
      continue;
    }
    const Json& others = expected["others"];
    const std::string want = others.contains(tensor.name) ? others[tensor.name] : expected["most"];
    EXPECT_EQ(NameOf(decisions[i].type), want) << recipe.name << " " << tensor.name;
    EXPECT_EQ(decisions[i].is_copy, decisions[i].type == tensor.type) << tensor.name;
    ++compared;
  }
  return compared;
}

// The recipes that llama-quantize has too.
std::vector<Recipe> RecordedRecipes() {
  std::vector<Recipe> recorded;
  for (const Recipe& recipe : AllRecipes()) {
    if (!recipe.is_uniform) recorded.push_back(recipe);
  }
  return recorded;
}

class RecipeGoldenTest : public testing::TestWithParam<const char*> {};

TEST_P(RecipeGoldenTest, DecidesAsRecorded) {
  const Model model = LoadModel(GetParam());
  const size_t num_matrices =
      std::count_if(model.tensors.begin(), model.tensors.end(),
                    [](const RecipeTensor& t) { return t.shape.significant_rank() > 1; });
  size_t compared = 0;
  size_t refused = 0;
  const std::vector<Recipe> all = RecordedRecipes();
  for (const Recipe& recipe : all) {
    for (const char* variant : {"plain", "imatrix"}) {
      const Json& expected = model.json["recipes"][std::string(recipe.name)][variant];
      RecipeOptions options;
      options.has_importance = variant == std::string("imatrix");
      const auto decisions = DecideTypes(recipe, options, model.traits, model.tensors);
      ASSERT_TRUE(decisions.ok()) << decisions.status();
      if (expected.is_null()) {
        // Refused there for want of a fallback; F16 here, and said so.
        EXPECT_THAT(*decisions, testing::Contains(testing::Field(&Decision::is_fallback, true)));
        ++refused;
        continue;
      }
      SCOPED_TRACE(variant);
      compared += CompareAll(model, recipe, expected, *decisions);
    }
  }
  EXPECT_EQ(compared, (2 * all.size() - refused) * num_matrices);
  EXPECT_EQ(refused, GetParam() == std::string("odd_rows") ? 2 : 0);  // Q1_0
  RecordProperty("decisions", static_cast<int>(compared));
}

TEST_P(RecipeGoldenTest, KnowsAllRecipes) {
  const Json recipes = LoadModel(GetParam()).json["recipes"];
  EXPECT_EQ(recipes.size(), RecordedRecipes().size());
  for (const auto& [name, unused] : recipes.items()) EXPECT_TRUE(ParseRecipe(name).ok()) << name;
}

INSTANTIATE_TEST_SUITE_P(Models, RecipeGoldenTest,
                         testing::Values("falcon", "gemma3", "gptoss", "llama16_tied", "llama32",
                                         "llama80", "mixtral", "odd_rows", "phi3", "qwen3moe"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace gguf
