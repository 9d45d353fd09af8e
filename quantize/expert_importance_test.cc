// Tensors of many experts: each is quantized by its own importance, however the work is divided.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gguf/io/memory_file.h"
#include "gguf/keys.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "quantize/execute.h"
#include "quantize/memory_source.h"
#include "quantize/plan_quantize.h"

namespace gguf {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr size_t kNumExperts = 256, kRows = 4, kColumns = 256;
constexpr char kName[] = "blk.0.ffn_down_exps.weight";
// Never chosen while the data was measured: the first, the last, neighbours.
constexpr size_t kUnused[] = {0, 7, 8, 100, 255};

std::vector<float> Values(size_t n, uint32_t seed) {
  std::vector<float> values(n);
  for (float& value : values) {
    seed = seed * 1664525u + 1013904223u;
    value = (static_cast<int32_t>(seed) >> 8) * 1e-8f;
  }
  return values;
}

bool IsUnused(size_t expert) {
  for (const size_t unused : kUnused) {
    if (unused == expert) return true;
  }
  return false;
}

MemorySource Model() {
  MemorySource source;
  source.mutable_metadata()->Set(keys::kGeneralArchitecture, "qwen3moe");
  source.mutable_metadata()->Set("qwen3moe.block_count", uint32_t{1});
  source.mutable_metadata()->Set("qwen3moe.expert_count", uint32_t{kNumExperts});
  source.Add(kName, {kNumExperts, kRows, kColumns}, Values(kNumExperts * kRows * kColumns, 1));
  return source;
}

// Every expert has been chosen a different number of times and likes other columns.
ImportanceData Importance() {
  ImportanceData data;
  data.path = "im.gguf";
  ImportanceEntry& entry = data.entries[kName];
  for (size_t expert = 0; expert < kNumExperts; ++expert) {
    const int64_t count = IsUnused(expert) ? 0 : 1 + static_cast<int64_t>(expert) * 37 % 500;
    entry.counts.push_back(count);
    for (const float value : Values(kColumns, 1000 + static_cast<uint32_t>(expert))) {
      entry.sums.push_back(value * value * 1e4f * static_cast<float>(count));
    }
  }
  return data;
}

// What each expert gives when it is encoded alone with its own means.
std::string EncodedAlone(const MemorySource& source, const ImportanceEntry& entry,
                         const Encoder& encoder) {
  const auto* values = reinterpret_cast<const float*>(source.bytes(0).data());
  const uint64_t bytes = kRows * *RowBytes(encoder.type, kColumns);
  std::string encoded;
  for (size_t expert = 0; expert < kNumExperts; ++expert) {
    std::vector<float> weights(kColumns, 1.0f);
    for (size_t i = 0; i < kColumns && entry.counts[expert] > 0; ++i) {
      weights[i] = entry.sums[expert * kColumns + i] / static_cast<float>(entry.counts[expert]);
    }
    std::vector<uint8_t> out(bytes);
    encoder.encode_reference(values + expert * kRows * kColumns, kRows, kColumns, weights.data(),
                             out.data());
    encoded.append(out.begin(), out.end());
  }
  return encoded;
}

std::string Executed(const MemorySource& source, const Plan& plan, int threads,
                     uint64_t memory_limit) {
  MemoryOutput file("out", plan.shards[0].layout.file_size);
  ExecuteOptions options;
  options.threads = threads;
  options.memory_limit = memory_limit;
  const PlanOutput output = {&plan, {&file}};
  const auto warnings = Execute(source, {output}, options);
  EXPECT_TRUE(warnings.ok()) << warnings.status();
  const Layout& layout = plan.shards[0].layout;
  return file.bytes().substr(layout.offsets[0], layout.sizes[0]);
}

class ExpertImportanceTest : public ::testing::TestWithParam<const char*> {};

TEST_P(ExpertImportanceTest, EachExpertIsEncodedAsIfAlone) {
  const MemorySource source = Model();
  const ImportanceData importance = Importance();
  QuantizeOptions options;
  options.recipe.pure = true;
  const auto plan = PlanQuantization(source, *ParseRecipe(GetParam()), options, &importance);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(NameOf(plan->tensors[0].type), GetParam());
  EXPECT_THAT(plan->warnings, ElementsAre(HasSubstr("im.gguf: nothing was measured for "
                                                    "blk.0.ffn_down_exps.weight (5 of 256 experts: "
                                                    "0, 7, 8, 100, 255)")));
  const std::string expected =
      EncodedAlone(source, importance.entries.at(kName), *plan->tensors[0].encoder);
  // The least memory that one range of rows needs, and so one thread, then more of both.
  for (const uint64_t memory_limit : {uint64_t{32} << 10, uint64_t{64} << 10, uint64_t{0}}) {
    for (const int threads : {1, 3, 16}) {
      EXPECT_TRUE(Executed(source, *plan, threads, memory_limit) == expected)
          << threads << " threads, " << memory_limit << " bytes";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, ExpertImportanceTest,
                         ::testing::Values("Q4_0", "Q4_K", "Q6_K", "IQ2_XXS", "IQ3_XXS", "IQ4_NL"),
                         [](const auto& info) { return std::string(info.param); });

TEST(ExpertImportanceTest, ExpertsWithEqualWeightsButOtherImportanceDiffer) {
  MemorySource source;
  source.mutable_metadata()->Set(keys::kGeneralArchitecture, "qwen3moe");
  const std::vector<float> one = Values(kRows * kColumns, 5);
  std::vector<float> all;
  for (size_t expert = 0; expert < kNumExperts; ++expert) {
    all.insert(all.end(), one.begin(), one.end());
  }
  source.Add(kName, {kNumExperts, kRows, kColumns}, all);
  ImportanceData data;
  ImportanceEntry& entry = data.entries[kName];
  entry.counts.assign(kNumExperts, 1);
  entry.sums.assign(kNumExperts * kColumns, 1.0f);
  const size_t special = 201;
  for (size_t i = 0; i < kColumns; i += 3) entry.sums[special * kColumns + i] = 1e4f;
  const auto plan = PlanQuantization(source, *ParseRecipe("Q4_K_S"), QuantizeOptions(), &data);
  ASSERT_TRUE(plan.ok()) << plan.status();
  const std::string bytes = Executed(source, *plan, 2, 0);
  const size_t size = bytes.size() / kNumExperts;
  for (size_t expert = 1; expert < kNumExperts; ++expert) {
    EXPECT_EQ(bytes.compare(expert * size, size, bytes, 0, size) == 0, expert != special) << expert;
  }
}

}  // namespace
}  // namespace gguf
