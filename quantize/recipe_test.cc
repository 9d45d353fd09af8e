#include "quantize/recipe.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using T = TensorType;

const Recipe& Named(absl::string_view name) { return **ParseRecipe(name); }

ModelTraits Llama(uint64_t layers, uint64_t heads, uint64_t kv_heads, uint64_t experts = 0) {
  ModelTraits traits;
  traits.architecture = "llama";
  traits.num_layers = layers;
  traits.num_heads = heads;
  traits.num_kv_heads = kv_heads;
  traits.num_experts = experts;
  return traits;
}

RecipeTensor Matrix(const std::string& name, uint64_t columns = 256, T type = T::kF16) {
  return {name, Shape({4, columns}), type};
}

// The types as text; the error's message instead when there is one.
std::vector<std::string> Types(const Recipe& recipe, const RecipeOptions& options,
                               const ModelTraits& traits,
                               const std::vector<RecipeTensor>& tensors) {
  const auto decisions = DecideTypes(recipe, options, traits, tensors);
  if (!decisions.ok()) return {std::string(decisions.status().message())};
  std::vector<std::string> types;
  for (const Decision& decision : *decisions) types.emplace_back(NameOf(decision.type));
  return types;
}

Decision DecideOne(const Recipe& recipe, const RecipeOptions& options, const RecipeTensor& tensor) {
  const auto decisions = DecideTypes(recipe, options, Llama(32, 8, 8), {tensor});
  EXPECT_TRUE(decisions.ok()) << decisions.status();
  return decisions.ok() ? (*decisions)[0] : Decision{};
}

TEST(ParseRecipeTest, FindsNamesAliasesAndNumbers) {
  for (const Recipe& recipe : AllRecipes()) {
    EXPECT_EQ(*ParseRecipe(recipe.name), &recipe);
    const Recipe& by_number = **ParseRecipe(std::to_string(recipe.file_type));
    EXPECT_EQ(by_number.name, recipe.name == "MXFP4" ? "MXFP4_MOE" : recipe.name);
  }
  EXPECT_EQ(Named("q4_k").name, "Q4_K_M");
  EXPECT_EQ(Named("Q3_k").name, "Q3_K_M");
  EXPECT_EQ(Named("Q5_K").name, "Q5_K_M");
  EXPECT_EQ(Named("iq2_s").default_type, T::kIQ2_XS);
  for (const char* bad : {"", "Q4", "COPY", "4", "33", "42", "-1", "1024", "7x", "NVFP"}) {
    EXPECT_THAT(ParseRecipe(bad).status().message(), HasSubstr("Q4_K_M")) << bad;
  }
}

TEST(AllRecipesTest, AreSortedAndStoreWeights) {
  const absl::Span<const Recipe> recipes = AllRecipes();
  for (size_t i = 0; i < recipes.size(); ++i) {
    EXPECT_TRUE(InfoOf(recipes[i].default_type).is_weight);
    EXPECT_EQ(recipes[i].is_quantized, InfoOf(recipes[i].default_type).is_quantized);
    if (i > 0) {
      // A uniform recipe may share the file type of the mixture before it.
      EXPECT_LT(recipes[i - 1].file_type, recipes[i].file_type + recipes[i].is_uniform);
    }
  }
}

TEST(IsQuantizableTest, GoesByNameAndRank) {
  for (const char* yes : {"blk.0.attn_q.weight", "output.weight", "token_embd.weight",
                          "blk.3.ffn_gate.weight", "blk.0.time_mix_key.weight"}) {
    EXPECT_TRUE(IsQuantizable(yes, 2)) << yes;
    EXPECT_FALSE(IsQuantizable(yes, 1)) << yes;
  }
  for (const char* no : {"blk.0.attn_q.bias",
                         "blk.0.attn_norm.weight",
                         "blk.0.ffn_gate_inp.weight",
                         "blk.0.ffn_gate_tid2eid.weight",
                         "blk.0.altup_proj.weight",
                         "blk.0.laurel_l.weight",
                         "per_layer_model_proj.weight",
                         "position_embd.weight",
                         "token_types.weight",
                         "blk.0.ssm_conv1d.weight",
                         "blk.0.shortconv.conv.weight",
                         "blk.0.indexer.k_proj.weight",
                         "blk.0.indexer.q_proj.weight",
                         "blk.0.time_mix_w1.weight",
                         "blk.0.time_mix_decay_w2.weight",
                         "blk.0.time_mix_lerp_fused.weight",
                         "blk.0.attn_rel_b.weight",
                         "v.position_embd.weight",
                         "v.sam.pos_embd.weight",
                         "v.sam.neck.0.weight",
                         "v.sam.net_2.weight",
                         "v.blk.0.rel_pos_h.weight",
                         "v.patch_embd.weight",
                         "v.patch_merger.weight",
                         "a.rvq.codebook.weight",
                         "mm.a.code_embd.weight"}) {
    EXPECT_FALSE(IsQuantizable(no, 2)) << no;
  }
}

TEST(SortForProcessingTest, ByLayerThenName) {
  const std::vector<std::string> names = {"blk.10.a.weight", "blk.2.b.weight", "output.weight",
                                          "blk.2.a.weight",  "blk.x.weight",   "v.blk.0.a.weight"};
  EXPECT_THAT(SortForProcessing(names), ElementsAre(4, 2, 5, 3, 1, 0));
}

TEST(DecideTypesTest, CopyKeepsEverything) {
  RecipeOptions options;
  options.copy = true;
  const Decision decision = DecideOne(Named("Q4_K_M"), options, Matrix("blk.0.attn_q.weight"));
  EXPECT_EQ(decision.type, T::kF16);
  EXPECT_TRUE(decision.is_copy);
}

TEST(DecideTypesTest, SameTypeIsACopy) {
  const Decision decision =
      DecideOne(Named("IQ2_XXS"), {}, Matrix("blk.0.ffn_up.weight", 256, T::kIQ2_XXS));
  EXPECT_TRUE(decision.is_copy);
  EXPECT_FALSE(decision.requires_importance);
}

TEST(DecideTypesTest, PureHasNoMixtureButFallbacks) {
  RecipeOptions options;
  options.pure = true;
  EXPECT_THAT(Types(Named("Q4_K_M"), options, Llama(1, 1, 1),
                    {Matrix("output.weight"), Matrix("token_embd.weight"),
                     Matrix("blk.0.attn_v.weight"), Matrix("blk.0.ffn_down.weight", 96)}),
              ElementsAre("Q4_K", "Q4_K", "Q4_K", "Q5_0"));
}

TEST(DecideTypesTest, LeavesTheOutputTensor) {
  RecipeOptions options;
  options.leave_output_tensor = true;
  options.output_tensor_type = T::kQ8_0;
  EXPECT_TRUE(DecideOne(Named("Q4_K_M"), options, Matrix("output.weight")).is_copy);
}

TEST(DecideTypesTest, ExplicitTypesForOutputAndEmbeddings) {
  RecipeOptions options;
  options.output_tensor_type = T::kQ5_0;
  options.token_embedding_type = T::kQ4_1;
  const std::vector<RecipeTensor> untied = {Matrix("output.weight"), Matrix("token_embd.weight"),
                                            Matrix("per_layer_token_embd.weight")};
  for (const char* recipe : {"Q4_K_M", "IQ1_S", "F16"}) {
    EXPECT_THAT(Types(Named(recipe), options, Llama(1, 1, 1), untied),
                ElementsAre("Q5_0", "Q4_1", "Q4_1"))
        << recipe;
  }
}

TEST(DecideTypesTest, TiedEmbeddingsFollowTheOutput) {
  const std::vector<RecipeTensor> tied = {Matrix("token_embd.weight")};
  const ModelTraits traits = Llama(1, 1, 1);
  RecipeOptions options;
  EXPECT_THAT(Types(Named("Q4_K_M"), options, traits, tied), ElementsAre("Q6_K"));
  options.output_tensor_type = T::kQ5_1;
  EXPECT_THAT(Types(Named("Q4_K_M"), options, traits, tied), ElementsAre("Q5_1"));
  EXPECT_THAT(Types(Named("F16"), options, traits, tied), ElementsAre("F16"));
  options.token_embedding_type = T::kQ4_0;
  EXPECT_THAT(Types(Named("Q4_K_M"), options, traits, tied), ElementsAre("Q4_0"));
}

TEST(DecideTypesTest, ExplicitTypeMustFit) {
  RecipeOptions options;
  options.output_tensor_type = T::kQ6_K;
  EXPECT_THAT(Types(Named("Q4_K_M"), options, Llama(1, 1, 1), {Matrix("output.weight", 96)})[0],
              testing::AllOf(HasSubstr("'output.weight'"), HasSubstr("96"), HasSubstr("Q6_K"),
                             HasSubstr("--output-tensor-type")));
}

TEST(DecideTypesTest, FallbacksByRowLength) {
  struct Case {
    const char* recipe;
    uint64_t columns;
    T type;
  };
  constexpr Case kCases[] = {
      {"IQ1_S", 96, T::kIQ4_NL}, {"IQ1_M", 96, T::kIQ4_NL},   {"IQ2_XXS", 96, T::kIQ4_NL},
      {"IQ2_S", 96, T::kIQ4_NL}, {"IQ3_XXS", 96, T::kIQ4_NL}, {"IQ4_XS", 96, T::kIQ4_NL},
      {"Q2_K", 96, T::kQ4_0},    {"TQ1_0", 96, T::kQ4_0},     {"TQ2_0", 96, T::kQ4_0},
      {"Q2_0", 96, T::kQ4_0},    {"Q3_K_S", 96, T::kQ4_0},    {"Q4_K_M", 96, T::kQ5_0},
      {"Q5_K_S", 96, T::kQ5_1},  {"Q6_K", 96, T::kQ8_0},      {"Q4_0", 40, T::kF16},
      {"Q8_0", 40, T::kF16},     {"Q6_K", 40, T::kF16},       {"Q1_0", 96, T::kF16},
      {"IQ4_NL", 40, T::kF16},
  };
  for (const Case& c : kCases) {
    const Decision decision =
        DecideOne(Named(c.recipe), {}, Matrix("blk.31.ffn_gate.weight", c.columns, T::kF32));
    EXPECT_EQ(NameOf(decision.type), NameOf(c.type)) << c.recipe;
    EXPECT_TRUE(decision.is_fallback) << c.recipe;
    EXPECT_FALSE(DecideOne(Named(c.recipe), {}, Matrix("blk.31.ffn_gate.weight")).is_fallback);
  }
}

TEST(DecideTypesTest, FirstMatchingPatternWins) {
  RecipeOptions options;
  options.tensor_types = {{"BLK\\.0\\.", T::kQ8_0}, {"attn_v|ffn_down", T::kIQ2_XXS}};
  const std::vector<RecipeTensor> tensors = {
      Matrix("blk.0.attn_v.weight"), Matrix("blk.1.attn_v.weight"), Matrix("blk.1.attn_q.weight"),
      Matrix("blk.1.ffn_down.weight", 96)};
  EXPECT_THAT(Types(Named("Q4_K_S"), options, Llama(2, 1, 1), tensors),
              ElementsAre("Q8_0", "IQ2_XXS", "Q4_K", "IQ4_NL"));
  options.pure = true;
  EXPECT_THAT(Types(Named("Q4_K_S"), options, Llama(2, 1, 1), tensors),
              ElementsAre("Q8_0", "IQ2_XXS", "Q4_K", "IQ4_NL"));
  EXPECT_THAT(Types(Named("F16"), options, Llama(2, 1, 1), tensors),
              ElementsAre("F16", "F16", "F16", "F16"));
}

// Q4_K_S gives the first four V tensors Q5_K; one that a pattern decides is not counted.
TEST(DecideTypesTest, PatternsDoNotAdvanceCounters) {
  std::vector<RecipeTensor> tensors;
  for (int i = 0; i < 6; ++i) {
    tensors.push_back(Matrix("blk." + std::to_string(i) + ".attn_v.weight"));
  }
  EXPECT_THAT(Types(Named("Q4_K_S"), {}, Llama(6, 1, 1), tensors),
              ElementsAre("Q5_K", "Q5_K", "Q5_K", "Q5_K", "Q4_K", "Q4_K"));
  RecipeOptions options;
  options.tensor_types = {{"blk.1.", T::kQ8_0}};
  EXPECT_THAT(Types(Named("Q4_K_S"), options, Llama(6, 1, 1), tensors),
              ElementsAre("Q5_K", "Q8_0", "Q5_K", "Q5_K", "Q5_K", "Q4_K"));
}

// A vision tower keeps its types, and does not count among the V tensors of the mixture.
TEST(DecideTypesTest, TowersAreLeftAloneUnlessNamed) {
  std::vector<RecipeTensor> tensors = {Matrix("blk.0.attn_v.weight"), Matrix("blk.1.attn_v.weight"),
                                       Matrix("mm.input_projection.weight"),
                                       Matrix("v.blk.0.attn_v.weight"),
                                       Matrix("v.blk.0.ffn_up.weight")};
  EXPECT_THAT(Types(Named("Q8_0"), {}, Llama(2, 1, 1), tensors),
              ElementsAre("Q8_0", "Q8_0", "F16", "F16", "F16"));
  RecipeOptions options;
  options.pure = true;
  EXPECT_THAT(Types(Named("Q4_0"), options, Llama(2, 1, 1), tensors),
              ElementsAre("Q4_0", "Q4_0", "F16", "F16", "F16"));
  options.tensor_types = {{"attn_v", T::kQ5_0}};  // says nothing of towers
  EXPECT_THAT(Types(Named("Q4_0"), options, Llama(2, 1, 1), tensors),
              ElementsAre("Q5_0", "Q5_0", "F16", "F16", "F16"));
  options.tensor_types = {{"^v\\.blk\\..*attn_v", T::kQ5_0}, {"mm.input", T::kQ8_0}};
  EXPECT_THAT(Types(Named("Q4_0"), options, Llama(2, 1, 1), tensors),
              ElementsAre("Q4_0", "Q4_0", "Q8_0", "Q5_0", "F16"));
  options.tensor_types.clear();
  options.tower = true;
  EXPECT_THAT(Types(Named("Q4_0"), options, Llama(2, 1, 1), tensors),
              ElementsAre("Q4_0", "Q4_0", "Q4_0", "Q4_0", "Q4_0"));

  std::vector<RecipeTensor> text;
  for (int i = 0; i < 16; ++i) {
    text.push_back(Matrix("blk." + std::to_string(i) + ".attn_v.weight"));
  }
  std::vector<std::string> expected = Types(Named("Q4_K_M"), {}, Llama(16, 1, 1), text);
  for (int i = 0; i < 27; ++i) {
    text.push_back(Matrix("v.blk." + std::to_string(i) + ".attn_v.weight"));
    expected.push_back("F16");
  }
  EXPECT_EQ(Types(Named("Q4_K_M"), {}, Llama(16, 1, 1), text), expected);
}

TEST(DecideTypesTest, RefusesPatternsThatCannotBeMeant) {
  RecipeOptions options;
  options.tensor_types = {{"attn_(", T::kQ8_0}};
  EXPECT_THAT(Types(Named("Q4_0"), options, Llama(1, 1, 1), {Matrix("output.weight")})[0],
              HasSubstr("'attn_(' is not a regular expression"));
  options.tensor_types = {{"output", T::kQ8_0}, {"attn_w", T::kQ8_0}};
  EXPECT_THAT(Types(Named("Q4_0"), options, Llama(1, 1, 1), {Matrix("output.weight")})[0],
              HasSubstr("'attn_w' matches none of the model's 1 tensors"));
}

TEST(DecideTypesTest, ModelsWithExpertsGoByLayerNumber) {
  const std::vector<RecipeTensor> tensors = {Matrix("blk.0.ffn_down_shexp.weight"),
                                             Matrix("blk.0.ffn_down_exps.weight"),
                                             Matrix("blk.4.ffn_down_exps.weight")};
  EXPECT_THAT(Types(Named("Q4_K_S"), {}, Llama(8, 1, 1, 2), tensors),
              ElementsAre("Q5_K", "Q5_K", "Q4_K"));
  EXPECT_THAT(Types(Named("Q4_K_S"), {}, Llama(8, 1, 1), tensors),  // the running number
              ElementsAre("Q5_K", "Q4_K", "Q4_K"));
  EXPECT_THAT(Types(Named("Q4_K_S"), {}, Llama(4, 1, 1, 2), tensors)[0],
              testing::AllOf(HasSubstr("'blk.4.ffn_down_exps.weight'"), HasSubstr("(4)")));
  EXPECT_THAT(Types(Named("Q4_K_S"), {}, Llama(4, 1, 1, 2), {Matrix("mtp.ffn_up.weight")})[0],
              HasSubstr("'mtp.ffn_up.weight'"));
  // The one- and two-bit mixtures count tensors.
  EXPECT_THAT(Types(Named("IQ2_M"), {}, Llama(8, 1, 1, 2), tensors),
              ElementsAre("IQ3_S", "IQ2_S", "IQ2_S"));
}

TEST(DecideTypesTest, StackedMatricesAreExpertsForMxfp4) {
  const RecipeTensor gate = {"blk.0.ffn_gate_exps.weight", Shape({4, 2, 256}), T::kF16};
  const RecipeTensor query = {"blk.0.attn_k_b.weight", Shape({4, 2, 256}), T::kF16};
  const RecipeTensor flat = Matrix("blk.0.ffn_gate.weight");
  ModelTraits traits = Llama(1, 1, 1, 4);
  EXPECT_THAT(Types(Named("MXFP4_MOE"), {}, traits, {gate, query, flat}),
              ElementsAre("MXFP4", "MXFP4", "Q8_0"));
  traits.architecture = "bailingmoe3";
  EXPECT_THAT(Types(Named("MXFP4_MOE"), {}, traits, {gate, query, flat}),
              ElementsAre("MXFP4", "Q8_0", "Q8_0"));
}

TEST(DecideTypesTest, UniformRecipesGiveOneTypeToEveryMatrix) {
  const RecipeTensor experts = {"blk.0.ffn_gate_exps.weight", Shape({4, 2, 256}), T::kF16};
  std::vector<RecipeTensor> tensors = {Matrix("output.weight"),
                                       Matrix("token_embd.weight"),
                                       Matrix("blk.0.attn_v.weight"),
                                       Matrix("blk.0.ffn_down.weight"),
                                       experts,
                                       Matrix("blk.0.ffn_gate_inp.weight"),
                                       Matrix("blk.0.ffn_up.weight", 80)};
  tensors.push_back({"output_norm.weight", Shape({256}), T::kF32});
  for (const bool pure : {false, true}) {
    for (const uint64_t num_experts : {0, 8}) {
      RecipeOptions options;
      options.pure = pure;
      EXPECT_THAT(Types(Named("NVFP4"), options, Llama(1, 8, 1, num_experts), tensors),
                  ElementsAre("NVFP4", "NVFP4", "NVFP4", "NVFP4", "NVFP4", "F16", "F16", "F32"));
      EXPECT_THAT(Types(Named("mxfp4"), options, Llama(1, 8, 1, num_experts), tensors),
                  ElementsAre("MXFP4", "MXFP4", "MXFP4", "MXFP4", "MXFP4", "F16", "F16", "F32"));
    }
  }
  EXPECT_EQ(Named("NVFP4").file_type, 39);
  EXPECT_EQ(Named("MXFP4").file_type, 38);
}

TEST(DecideTypesTest, UniformRecipesObeyOptionsAndReportFallbacks) {
  RecipeOptions options;
  options.output_tensor_type = T::kQ8_0;
  options.tensor_types = {{"attn_v", T::kQ6_K}};
  const std::vector<RecipeTensor> tensors = {Matrix("output.weight"), Matrix("blk.0.attn_v.weight"),
                                             Matrix("token_embd.weight")};
  EXPECT_THAT(Types(Named("NVFP4"), options, Llama(1, 1, 1), tensors),
              ElementsAre("Q8_0", "Q6_K", "NVFP4"));
  const Decision odd = DecideOne(Named("NVFP4"), {}, Matrix("blk.0.ffn_up.weight", 96, T::kF32));
  EXPECT_EQ(NameOf(odd.type), "F16");
  EXPECT_TRUE(odd.is_fallback);
  const Decision even = DecideOne(Named("MXFP4"), {}, Matrix("blk.0.ffn_up.weight", 96, T::kF32));
  EXPECT_EQ(NameOf(even.type), "MXFP4");
  EXPECT_FALSE(even.is_fallback);
}

TEST(DecideTypesTest, OddOutputRowsGetQ8WithoutFallback) {
  for (const char* recipe : {"Q4_K_M", "IQ2_M", "Q2_0"}) {
    const Decision decision = DecideOne(Named(recipe), {}, Matrix("output.weight", 96));
    EXPECT_EQ(NameOf(decision.type), "Q8_0") << recipe;
    EXPECT_FALSE(decision.is_fallback) << recipe;
  }
}

TEST(DecideTypesTest, FourExpertsRaiseVInLowBitMixtures) {
  const std::vector<RecipeTensor> v = {Matrix("blk.0.attn_v.weight")};
  EXPECT_THAT(Types(Named("IQ2_XS"), {}, Llama(1, 1, 1, 3), v), ElementsAre("Q2_K"));
  EXPECT_THAT(Types(Named("IQ2_XS"), {}, Llama(1, 1, 1, 4), v), ElementsAre("Q4_K"));
  EXPECT_THAT(Types(Named("IQ2_M"), {}, Llama(1, 1, 1, 3), v), ElementsAre("IQ3_S"));
}

TEST(DecideTypesTest, SizeClass70BRaisesV) {
  struct Case {
    const char* architecture;
    uint64_t layers;
    uint64_t kv_heads;
    const char* type;
  };
  constexpr Case kCases[] = {
      {"llama", 80, 4, "Q5_K"}, {"llama", 80, 8, "Q3_K"}, {"llama", 79, 4, "Q3_K"},
      {"qwen2", 80, 8, "Q5_K"}, {"deci", 80, 8, "Q5_K"},  {"olmo", 80, 8, "Q5_K"},
      {"jais2", 68, 8, "Q5_K"}, {"jais2", 80, 8, "Q3_K"}, {"phi3", 80, 4, "Q3_K"},
  };
  for (const Case& c : kCases) {
    ModelTraits traits = Llama(c.layers, 8, c.kv_heads);
    traits.architecture = c.architecture;
    EXPECT_THAT(Types(Named("Q3_K_S"), {}, traits, {Matrix("blk.0.attn_v.weight")}),
                ElementsAre(c.type))
        << c.architecture << " " << c.layers;
  }
}

TEST(DecideTypesTest, SaysWhereImportanceIsNeeded) {
  EXPECT_TRUE(DecideOne(Named("IQ2_XXS"), {}, Matrix("blk.0.ffn_up.weight")).requires_importance);
  EXPECT_TRUE(DecideOne(Named("Q2_K_S"), {}, Matrix("blk.0.ffn_up.weight")).requires_importance);
  EXPECT_FALSE(DecideOne(Named("Q2_K"), {}, Matrix("blk.0.ffn_up.weight")).requires_importance);
  EXPECT_FALSE(DecideOne(Named("IQ3_S"), {}, Matrix("blk.0.ffn_up.weight")).requires_importance);
  RecipeOptions options;
  options.tensor_types = {{".", T::kIQ3_XXS}};
  for (const auto& [name, required] :
       {std::pair{"blk.0.ffn_up.weight", true}, std::pair{"token_embd.weight", false},
        std::pair{"per_layer_token_embd.weight", false}, std::pair{"output.weight", false},
        std::pair{"blk.0.attn_norm.weight", false}}) {
    EXPECT_EQ(DecideOne(Named("Q4_0"), options, Matrix(name)).requires_importance, required)
        << name;
  }
}

TEST(ParseWeightTypeTest, NamesWhatItAcceptsAndNothingElse) {
  const std::string known(ParseWeightType("q99").status().message());
  for (const TensorTypeInfo& info : AllTensorTypes()) {
    const auto type = ParseWeightType(info.name);
    EXPECT_EQ(type.ok(), info.is_weight) << info.name;
    const bool is_listed = known.find(absl::StrCat(" ", info.name, ",")) != std::string::npos ||
                           absl::EndsWith(known, absl::StrCat(" ", info.name));
    EXPECT_EQ(is_listed, info.is_weight) << info.name;
    if (info.is_weight) continue;
    EXPECT_THAT(type.status().message(), HasSubstr(std::string(info.name)));
    EXPECT_THAT(type.status().message(), HasSubstr("known are F32, F16, Q4_0"));
  }
}

TEST(ParseTensorTypeRuleTest, SplitsAtTheLastEqualsSign) {
  EXPECT_THAT(*ParseTensorTypeRule("Attn_V=q6_K"), Pair("Attn_V", T::kQ6_K));
  EXPECT_THAT(*ParseTensorTypeRule("a=b=Q8_0"), Pair("a=b", T::kQ8_0));
  for (const char* bad : {"", "attn_v", "=q6_k", "attn_v=", "attn_v=q6_k_m", "attn_v=i32",
                          "attn_v=q8_1", "attn_(=q6_k"}) {
    EXPECT_THAT(ParseTensorTypeRule(bad).status().message(), HasSubstr(bad)) << bad;
  }
}

TEST(ParseTensorTypeRulesTest, ReadsEntriesBetweenWhiteSpace) {
  EXPECT_THAT(*ParseTensorTypeRules(" a=q6_k\r\n\tb=f16 ", "rules.txt"),
              ElementsAre(Pair("a", T::kQ6_K), Pair("b", T::kF16)));
  EXPECT_THAT(ParseTensorTypeRules(" \n", "rules.txt").status().message(),
              HasSubstr("rules.txt: holds no entry"));
  EXPECT_THAT(ParseTensorTypeRules("a=q6_k b", "rules.txt").status().message(),
              HasSubstr("rules.txt: entry 2: "));
}

TEST(ModelTraitsTest, ReadsMetadata) {
  Metadata metadata;
  EXPECT_EQ(ModelTraits::FromMetadata(metadata)->architecture, "");
  metadata.Set("general.architecture", std::string("llama"));
  EXPECT_EQ(ModelTraits::FromMetadata(metadata)->num_heads, 0);
  metadata.Set("llama.block_count", uint32_t{32});
  metadata.Set("llama.expert_count", uint32_t{8});
  metadata.Set("llama.attention.head_count", uint32_t{16});
  EXPECT_EQ(ModelTraits::FromMetadata(metadata)->num_kv_heads, 16);
  metadata.Set("llama.attention.head_count_kv", std::vector<int32_t>{4, 2});
  const auto traits = ModelTraits::FromMetadata(metadata);
  ASSERT_TRUE(traits.ok()) << traits.status();
  EXPECT_EQ(traits->architecture, "llama");
  EXPECT_EQ(traits->num_layers, 32);
  EXPECT_EQ(traits->num_experts, 8);
  EXPECT_EQ(traits->num_heads, 16);
  EXPECT_EQ(traits->num_kv_heads, 4);
}

TEST(ModelTraitsTest, RefusesWrongTypes) {
  Metadata metadata;
  metadata.Set("general.architecture", std::string("llama"));
  const Value bad_heads[] = {Value("8"), Value(std::vector<int32_t>{}),
                             Value(std::vector<int32_t>{-1}), Value(std::vector<float>{8})};
  for (const Value& value : bad_heads) {
    metadata.Set("llama.attention.head_count", value);
    EXPECT_THAT(ModelTraits::FromMetadata(metadata).status().message(),
                HasSubstr("llama.attention.head_count"));
  }
}

}  // namespace
}  // namespace gguf
