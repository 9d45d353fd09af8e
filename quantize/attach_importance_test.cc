#include "quantize/attach_importance.h"

#include <string>
#include <vector>

#include "gguf/keys.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "quantize/memory_source.h"
#include "quantize/plan_quantize.h"

namespace gguf {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kDense[] = "blk.0.ffn_down.weight";       // [4, 256]
constexpr char kExperts[] = "blk.0.ffn_up_exps.weight";  // [12, 4, 256]

MemorySource Model() {
  MemorySource source;
  source.mutable_metadata()->Set(keys::kGeneralArchitecture, "llama");
  source.mutable_metadata()->Set("llama.block_count", uint32_t{1});
  source.Add("token_embd.weight", {8, 256}, std::vector<float>(8 * 256, 0.5f));
  source.Add(kDense, {4, 256}, std::vector<float>(4 * 256, 0.5f));
  source.Add(kExperts, {12, 4, 256}, std::vector<float>(12 * 4 * 256, 0.5f));
  return source;
}

// An entry of `matrices` matrices, each seen `count` times with mean squares of 2.
ImportanceEntry Entry(size_t matrices, size_t columns, int64_t count = 3) {
  return {std::vector<float>(matrices * columns, 2.0f * count),
          std::vector<int64_t>(matrices, count)};
}

// For all tensors of the model, as llama-imatrix would write it.
ImportanceData Complete() {
  ImportanceData data;
  data.path = "im.gguf";
  data.entries["token_embd.weight"] = Entry(1, 256);
  data.entries[kDense] = Entry(1, 256);
  data.entries[kExperts] = Entry(12, 256);
  return data;
}

absl::StatusOr<Plan> PlanOf(const ImportanceData& data, const char* type = "Q4_K_S",
                            const QuantizeOptions& options = QuantizeOptions()) {
  return PlanQuantization(Model(), *ParseRecipe(type), options, &data);
}

std::vector<std::string> WarningsOf(const ImportanceData& data, const char* type = "Q4_K_S") {
  const auto plan = PlanOf(data, type);
  EXPECT_TRUE(plan.ok()) << plan.status();
  return plan.ok() ? plan->warnings : std::vector<std::string>();
}

std::string ErrorOf(const ImportanceData& data, const char* type = "Q4_K_S") {
  const absl::Status status = PlanOf(data, type).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  return std::string(status.message());
}

std::vector<float> WeightsOf(const ImportanceData& data, const std::string& name) {
  const auto plan = PlanOf(data);
  EXPECT_TRUE(plan.ok()) << plan.status();
  for (const PlannedTensor& tensor : plan->tensors) {
    if (tensor.name == name) return tensor.importance;
  }
  return {};
}

TEST(AttachImportanceTest, CompleteDataIsAttachedWithoutAWord) {
  const ImportanceData data = Complete();
  EXPECT_THAT(WarningsOf(data), IsEmpty());
  EXPECT_THAT(WeightsOf(data, kDense), SizeIs(256));
  EXPECT_THAT(WeightsOf(data, kExperts), SizeIs(12 * 256));
  EXPECT_THAT(WeightsOf(data, kExperts), Each(2.0f));
}

TEST(AttachImportanceTest, TypesThatUseNoImportanceGetNoneAndNoWarnings) {
  ImportanceData data = Complete();
  data.entries[kExperts].counts[3] = 0;
  data.entries[kDense].sums.assign(256, 0.0f);
  EXPECT_THAT(WarningsOf(data, "Q8_0"), IsEmpty());
}

TEST(AttachImportanceTest, ExpertsThatWereNeverChosenAreNamed) {
  ImportanceData data = Complete();
  ImportanceEntry& experts = data.entries[kExperts];
  for (const size_t expert : {2, 5}) {
    experts.counts[expert] = 0;
    std::fill_n(experts.sums.begin() + expert * 256, 256, 0.0f);
  }
  EXPECT_THAT(WarningsOf(data),
              ElementsAre("im.gguf: nothing was measured for blk.0.ffn_up_exps.weight (2 of 12 "
                          "experts: 2, 5): all columns weigh the same there; calibrate with more "
                          "text"));
  const std::vector<float> weights = WeightsOf(data, kExperts);
  ASSERT_THAT(weights, SizeIs(12 * 256));
  for (size_t i = 0; i < weights.size(); ++i) {
    ASSERT_EQ(weights[i], i / 256 == 2 || i / 256 == 5 ? 1.0f : 2.0f) << i;
  }
  // Low-bit types do with the experts that were measured.
  EXPECT_TRUE(PlanOf(data, "IQ2_XS").ok());
  experts.counts.assign(12, 0);
  EXPECT_THAT(WarningsOf(data)[0], HasSubstr("(12 of 12 experts: 0, 1, 2, 3, 4, 5 and 6 others)"));
  EXPECT_THAT(ErrorOf(data, "IQ2_XS"),
              HasSubstr("'blk.0.ffn_up_exps.weight' needs importance data to become IQ2_XS; the "
                        "entry of im.gguf for it measured nothing; calibrate again"));
}

TEST(AttachImportanceTest, AMatrixThatMeasuredNothingIsNamed) {
  for (const float sum : {0.0f, 2e-18f}) {  // the mean of the latter is below the least
    for (const int64_t count : {0, 3}) {
      ImportanceData data = Complete();
      data.entries[kDense] = {std::vector<float>(256, sum), {count}};
      EXPECT_THAT(WarningsOf(data),
                  ElementsAre(HasSubstr("nothing was measured for blk.0.ffn_down.weight: all")));
      EXPECT_THAT(WeightsOf(data, kDense), Each(1.0f));
      EXPECT_THAT(ErrorOf(data, "IQ2_XS"), HasSubstr("measured nothing"));
    }
  }
  ImportanceData data = Complete();
  data.entries[kDense] = {std::vector<float>(256, 4e-18f), {3}};
  EXPECT_THAT(WarningsOf(data), IsEmpty());
}

TEST(AttachImportanceTest, GroupsWithoutImportanceAreNamedSingleColumnsAreNot) {
  ImportanceData data = Complete();
  std::vector<float>& sums = data.entries[kDense].sums;
  for (size_t i = 0; i < sums.size(); i += 2) sums[i] = 0;
  EXPECT_THAT(WarningsOf(data), IsEmpty());
  EXPECT_EQ(WeightsOf(data, kDense)[0], 0.0f);  // as llama-quantize uses it
  std::fill_n(sums.begin() + 32, 47, 0.0f);     // two groups of 16, and 15 columns
  EXPECT_THAT(WarningsOf(data),
              ElementsAre(HasSubstr("importance is 0 throughout groups of 16 columns of "
                                    "blk.0.ffn_down.weight (2 of 16, the first from column 32)")));
  data = Complete();
  std::fill_n(data.entries[kExperts].sums.begin() + 7 * 256 + 240, 16, 0.0f);
  EXPECT_THAT(WarningsOf(data),
              ElementsAre(HasSubstr("blk.0.ffn_up_exps.weight (1 of 192, the first from column "
                                    "240 of expert 7)")));
}

TEST(AttachImportanceTest, LegacyEntriesHaveOneCountForAllExperts) {
  ImportanceData data = Complete();
  data.entries[kExperts].counts = {3};
  EXPECT_THAT(WarningsOf(data), IsEmpty());
  EXPECT_THAT(WeightsOf(data, kExperts), Each(2.0f));
  std::fill_n(data.entries[kExperts].sums.begin() + 256, 256, 0.0f);
  EXPECT_THAT(WarningsOf(data), ElementsAre(HasSubstr("(1 of 12 experts: 1)")));
  EXPECT_THAT(WeightsOf(data, kExperts), SizeIs(12 * 256));
}

TEST(AttachImportanceTest, OtherShapesAreRefused) {
  struct Case {
    const char* name;
    ImportanceEntry entry;
    const char* message;
  };
  const Case cases[] = {
      {kDense, Entry(1, 512), "has 512 values, expected 256 for the tensor of shape [4, 256]"},
      {kDense, Entry(2, 128), "has 2 x 128 values, expected 256"},
      {kExperts, Entry(1, 256), "has 256 values, expected 12 x 256"},
      {kExperts, Entry(8, 256), "has 8 x 256 values, expected 12 x 256"},
      {kExperts, Entry(6, 512), "has 6 x 512 values, expected 12 x 256"},
  };
  for (const Case& c : cases) {
    ImportanceData data = Complete();
    data.entries[c.name] = c.entry;
    const std::string error = ErrorOf(data);
    EXPECT_THAT(error, HasSubstr(std::string("im.gguf: entry '") + c.name));
    EXPECT_THAT(error, HasSubstr(c.message));
    EXPECT_THAT(error, HasSubstr("give one that was computed with this model"));
  }
  ImportanceData data = Complete();
  data.entries["token_embd.weight"] = Entry(1, 512);
  EXPECT_THAT(WarningsOf(data),
              ElementsAre("im.gguf: entry 'token_embd.weight' has 512 values, expected 256 for the "
                          "tensor of shape [8, 256]; it is not used"));
  EXPECT_THAT(WeightsOf(data, "token_embd.weight"), IsEmpty());
}

TEST(AttachImportanceTest, OfAnotherModelByName) {
  ImportanceData data = Complete();
  data.entries.clear();
  data.entries["model.layers.0.mlp.up_proj"] = Entry(1, 256);
  data.entries["model.layers.1.mlp.up_proj"] = Entry(1, 256);
  EXPECT_EQ(
      ErrorOf(data),
      "im.gguf: none of its 2 entries (the first is 'model.layers.0.mlp.up_proj') names "
      "a tensor of memory (which has 'token_embd.weight'): it was computed for another model; "
      "give one that was computed with this model");
  data = Complete();
  data.entries["blk.1.ffn_down.weight"] = Entry(1, 256);
  data.entries["blk.2.ffn_down.weight"] = Entry(1, 256);
  EXPECT_THAT(WarningsOf(data), ElementsAre(HasSubstr("im.gguf: 2 of 5 entries (the first is "
                                                      "'blk.1.ffn_down.weight') name no tensor "
                                                      "of memory")));
}

TEST(AttachImportanceTest, PrunedLayersAreNoStrangers) {
  MemorySource source = Model();
  source.mutable_metadata()->Set("llama.block_count", uint32_t{2});
  source.Add("blk.1.ffn_down.weight", {4, 256}, std::vector<float>(4 * 256, 0.5f));
  ImportanceData data = Complete();
  data.entries["blk.1.ffn_down.weight"] = Entry(1, 256);
  QuantizeOptions options;
  options.prune_layers = {0};
  const auto plan = PlanQuantization(source, *ParseRecipe("Q4_K_S"), options, &data);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(plan->warnings, IsEmpty());
}

TEST(AttachImportanceTest, ADryRunNamesWhatIsMissingInOneSentence) {
  QuantizeOptions options;
  options.dry_run = true;
  const Recipe* recipe = *ParseRecipe("IQ2_XS");
  const auto none = PlanQuantization(Model(), recipe, options, nullptr);
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_THAT(none->warnings,
              ElementsAre("IQ2_XS: blk.0.ffn_down.weight, blk.0.ffn_up_exps.weight need importance "
                          "data, so that only a dry run works; give --imatrix FILE"));
  ImportanceData data = Complete();
  data.entries.erase(kDense);
  const auto some = PlanOf(data, "IQ2_XS", options);
  ASSERT_TRUE(some.ok()) << some.status();
  EXPECT_THAT(some->warnings,
              ElementsAre(HasSubstr("IQ2_XS: blk.0.ffn_down.weight needs importance data")));
}

TEST(AttachImportanceTest, TensorsWithoutAnEntryAreNamedTogether) {
  ImportanceData data = Complete();
  data.entries.erase(kDense);
  data.entries.erase(kExperts);
  EXPECT_THAT(WarningsOf(data), ElementsAre("no importance data for blk.0.ffn_down.weight, "
                                            "blk.0.ffn_up_exps.weight: quantized without"));
  EXPECT_THAT(WeightsOf(data, kDense), IsEmpty());
  EXPECT_THAT(ErrorOf(data, "IQ2_XS"),
              HasSubstr("im.gguf has none for it; give one that covers it, or choose another type "
                        "with --tensor-type"));
}

}  // namespace
}  // namespace gguf
