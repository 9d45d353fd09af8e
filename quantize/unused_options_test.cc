#include "quantize/unused_options.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using T = TensorType;

RecipeTensor Matrix(const char* name) { return {name, Shape({4, 256}), T::kF16}; }

const std::vector<RecipeTensor>& Tied() {
  static const auto* tensors = new std::vector<RecipeTensor>{
      Matrix("token_embd.weight"), Matrix("blk.0.attn_norm.weight"), Matrix("blk.0.attn_q.weight"),
      Matrix("blk.0.ffn_up.weight"), Matrix("blk.0.ffn_down.weight")};
  return *tensors;
}

std::vector<RecipeTensor> Untied() {
  std::vector<RecipeTensor> tensors = Tied();
  tensors.push_back(Matrix("output.weight"));
  return tensors;
}

std::vector<std::string> Unused(const RecipeOptions& options,
                                const std::vector<RecipeTensor>& tensors,
                                const char* type = "Q4_K_M") {
  const Recipe& recipe = **ParseRecipe(type);
  ModelTraits traits;
  traits.num_layers = 1;
  const auto decisions = DecideTypes(recipe, options, traits, tensors);
  EXPECT_TRUE(decisions.ok()) << decisions.status();
  return UnusedOptions(recipe, options, tensors, *decisions);
}

TEST(UnusedOptionsTest, NothingIsSaidOfOptionsThatAreObeyed) {
  RecipeOptions options;
  EXPECT_THAT(Unused(options, Tied()), IsEmpty());
  options.output_tensor_type = T::kQ8_0;
  EXPECT_THAT(Unused(options, Tied()), IsEmpty());  // the type of tied embeddings
  options.token_embedding_type = T::kQ8_0;
  options.tensor_types = {{"ffn_up", T::kQ8_0}, {"ffn", T::kQ6_K}};
  EXPECT_THAT(Unused(options, Untied()), IsEmpty());
  EXPECT_THAT(Unused(options, Untied(), "F16"), IsEmpty());
  options.pure = true;
  EXPECT_THAT(Unused(options, Untied()), IsEmpty());
}

TEST(UnusedOptionsTest, OutputTypeWithoutAnOutputMatrix) {
  const auto warning = ElementsAre(HasSubstr("--output-tensor-type has no effect"));
  for (const char* type : {"F16", "MXFP4"}) {  // no mixture
    RecipeOptions options;
    options.output_tensor_type = T::kQ8_0;
    EXPECT_THAT(Unused(options, Tied(), type), warning) << type;
  }
  RecipeOptions options;
  options.output_tensor_type = T::kQ8_0;
  options.pure = true;
  EXPECT_THAT(Unused(options, Tied()), warning);
  options.pure = false;
  options.tensor_types = {{"token_embd", T::kQ6_K}};
  EXPECT_THAT(Unused(options, Tied()), warning);
  options.tensor_types.clear();
  options.token_embedding_type = T::kQ6_K;
  EXPECT_THAT(Unused(options, Tied()), warning);
}

TEST(UnusedOptionsTest, NoSuchTensor) {
  RecipeOptions options;
  options.leave_output_tensor = true;
  EXPECT_THAT(Unused(options, Untied()), IsEmpty());
  EXPECT_THAT(Unused(options, Tied()),
              ElementsAre("--leave-output-tensor has no effect: the model has no output.weight "
                          "(its token embeddings serve as one: see --token-embedding-type)"));
  options.leave_output_tensor = false;
  options.token_embedding_type = T::kQ8_0;
  EXPECT_THAT(Unused(options, {Matrix("output.weight")}),
              ElementsAre("--token-embedding-type has no effect: the model has no "
                          "token_embd.weight"));
}

TEST(UnusedOptionsTest, PatternsThatDecideNothingAreNamed) {
  RecipeOptions options;
  options.tensor_types = {{"ffn", T::kQ8_0}, {"ffn_up", T::kQ6_K}, {"norm", T::kQ6_K}};
  EXPECT_THAT(Unused(options, Tied()),
              ElementsAre(HasSubstr("--tensor-type 'ffn_up', 'norm' decides no tensor")));
  options.tensor_types = {{"token_embd", T::kQ8_0}};
  options.token_embedding_type = T::kQ6_K;
  EXPECT_THAT(Unused(options, Tied()), ElementsAre(HasSubstr("'token_embd'")));
  options.copy = true;
  EXPECT_THAT(Unused(options, Tied()), IsEmpty());
}

}  // namespace
}  // namespace gguf
