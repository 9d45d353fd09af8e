#include "quantize/execute.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "formats/codec/codec.h"
#include "gguf/io/memory_file.h"
#include "gguf/keys.h"
#include "gguf/reader.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "quantize/memory_source.h"
#include "quantize/plan_convert.h"
#include "quantize/plan_quantize.h"

namespace gguf {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

std::vector<float> Values(size_t n, uint32_t seed) {
  std::vector<float> values(n);
  for (float& value : values) {
    seed = seed * 1664525u + 1013904223u;
    value = (static_cast<int32_t>(seed) >> 8) * 1e-8f;
  }
  return values;
}

// Two experts of 700 rows, a matrix of long rows, a norm.
MemorySource Model() {
  MemorySource source;
  source.mutable_metadata()->Set(keys::kGeneralArchitecture, "llama");
  source.mutable_metadata()->Set("llama.block_count", uint32_t{1});
  source.Add("blk.0.ffn_up_exps.weight", {2, 700, 512}, Values(2 * 700 * 512, 1));
  source.Add("blk.0.attn_q.weight", {3, 300032}, Values(3 * 300032, 2));
  source.Add("output_norm.weight", {512}, Values(512, 3));
  return source;
}

Plan PlanOf(const TensorSource& source, absl::string_view type,
            const ImportanceData* importance = nullptr) {
  const Recipe* recipe = *ParseRecipe(type);
  absl::StatusOr<Plan> plan = PlanQuantization(source, recipe, QuantizeOptions(), importance);
  EXPECT_TRUE(plan.ok()) << plan.status();
  return *std::move(plan);
}

struct Outcome {
  absl::StatusOr<std::vector<std::string>> warnings;
  std::vector<std::string> files;
};

Outcome Execute(const TensorSource& source, const std::vector<Plan>& plans,
                const ExecuteOptions& options, int64_t fail_after = -1) {
  std::vector<std::unique_ptr<MemoryOutput>> files;
  std::vector<PlanOutput> outputs;
  for (const Plan& plan : plans) {
    outputs.push_back({&plan, {}});
    for (const PlannedShard& shard : plan.shards) {
      files.push_back(std::make_unique<MemoryOutput>("out", shard.layout.file_size, fail_after));
      outputs.back().shards.push_back(files.back().get());
    }
  }
  Outcome outcome{Execute(source, outputs, options), {}};
  for (const auto& file : files) outcome.files.push_back(file->bytes());
  return outcome;
}

TEST(ExecuteTest, BytesDoNotDependOnThreadsMemoryOrCompany) {
  const MemorySource source = Model();
  std::vector<Plan> plans;
  plans.push_back(PlanOf(source, "Q5_K_M"));
  plans.push_back(PlanOf(source, "Q8_0"));
  ExecuteOptions options;
  const Outcome together = Execute(source, plans, options);
  ASSERT_TRUE(together.warnings.ok()) << together.warnings.status();
  for (int threads : {2, 7}) {
    options.threads = threads;
    options.memory_limit = threads == 7 ? 16 << 20 : 0;
    EXPECT_EQ(Execute(source, plans, options).files, together.files) << threads;
  }
  std::vector<Plan> alone;
  alone.push_back(PlanOf(source, "Q8_0"));
  EXPECT_EQ(Execute(source, alone, options).files[0], together.files[1]);
}

// Both mixtures have tensors of the same types, which are encoded once for both.
TEST(ExecuteTest, MixturesThatAgreeOnATypeGetTheBytesOfSingleRuns) {
  MemorySource source;
  source.mutable_metadata()->Set(keys::kGeneralArchitecture, "llama");
  source.mutable_metadata()->Set("llama.block_count", uint32_t{1});
  source.Add("output.weight", {600, 512}, Values(600 * 512, 7));
  source.Add("blk.0.attn_q.weight", {256, 512}, Values(256 * 512, 8));
  source.Add("blk.0.attn_v.weight", {256, 512}, Values(256 * 512, 9));
  ImportanceData importance;  // of one of them only: not the same encoding
  ImportanceEntry& entry = importance.entries["blk.0.attn_v.weight"];
  for (size_t i = 0; i < 512; ++i) entry.sums.push_back(i % 2 ? 100.0f : 0.01f);
  entry.counts = {1};
  std::vector<Plan> plans;
  plans.push_back(PlanOf(source, "Q4_K_M"));
  plans.push_back(PlanOf(source, "Q5_K_M", &importance));
  plans.push_back(PlanOf(source, "Q5_K_M"));
  plans.push_back(PlanOf(source, "Q4_0"));
  const Outcome together = Execute(source, plans, ExecuteOptions());
  ASSERT_TRUE(together.warnings.ok()) << together.warnings.status();
  for (size_t i = 0; i < plans.size(); ++i) {
    const std::vector<Plan> alone(1, plans[i]);
    EXPECT_EQ(Execute(source, alone, ExecuteOptions()).files[0], together.files[i]) << i;
  }
  EXPECT_NE(together.files[1], together.files[2]);
}

// Read well only from its last tensor to its first; notes in which order that happens.
class StreamSource : public MemorySource {
 public:
  explicit StreamSource(MemorySource source) : MemorySource(std::move(source)) {}
  bool is_stream() const override { return true; }
  uint64_t StreamPosition(size_t index, uint64_t first_row) const override {
    return (tensors().size() - index) * 1000 + first_row;
  }
  absl::Status ReadRows(size_t index, uint64_t first_row, uint64_t num_rows,
                        absl::Span<uint8_t> out) const override {
    positions_.push_back(StreamPosition(index, first_row));  // one reader at a time: no lock
    return MemorySource::ReadRows(index, first_row, num_rows, out);
  }
  const std::vector<uint64_t>& positions() const { return positions_; }

 private:
  mutable std::vector<uint64_t> positions_;
};

TEST(ExecuteTest, AStreamIsReadInItsOrderWhateverTheThreads) {
  const MemorySource source = Model();
  std::vector<Plan> plans;
  plans.push_back(PlanOf(source, "Q8_0"));
  const Outcome expected = Execute(source, plans, ExecuteOptions());
  for (int threads : {1, 4}) {
    const StreamSource stream(Model());
    ExecuteOptions options;
    options.threads = threads;
    EXPECT_EQ(Execute(stream, plans, options).files, expected.files);
    EXPECT_GT(stream.positions().size(), 5u);
    EXPECT_TRUE(std::is_sorted(stream.positions().begin(), stream.positions().end()));
  }
}

// A language model and its vision tower, say, in a file each.
TEST(ExecuteTest, OutputsMayHoldDifferentTensors) {
  const MemorySource source = Model();
  std::vector<Plan> plans;
  for (const size_t kept : {0, 1}) {
    Plan plan = PlanOf(source, "Q8_0");
    for (size_t i = plan.tensors.size(); i-- > 0;) {
      if ((plan.tensors[i].source_index == 1) != (kept == 1)) {
        plan.tensors.erase(plan.tensors.begin() + i);
      }
    }
    ASSERT_TRUE(LayOut(source.metadata(), SplitOptions(), {}, &plan).ok());
    plans.push_back(std::move(plan));
  }
  ASSERT_THAT(plans[0].tensors, SizeIs(2));
  ASSERT_THAT(plans[1].tensors, SizeIs(1));
  const Outcome together = Execute(source, plans, ExecuteOptions());
  ASSERT_TRUE(together.warnings.ok()) << together.warnings.status();
  for (size_t i : {0, 1}) {
    std::vector<Plan> alone;
    alone.push_back(plans[i]);
    EXPECT_EQ(Execute(source, alone, ExecuteOptions()).files[0], together.files[i]);
  }
}

TEST(ExecuteTest, TheFileReadsBackAsPlanned) {
  const MemorySource source = Model();
  std::vector<Plan> plans;
  plans.push_back(PlanOf(source, "Q8_0"));
  const Outcome outcome = Execute(source, plans, ExecuteOptions());
  const auto file = GgufFile::Open(std::make_unique<MemoryFile>("out", outcome.files[0]));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(*file->metadata().GetUint(keys::kGeneralFileType), 7u);
  for (const TensorInfo& info : file->tensors()) {
    size_t at = 0;
    while (source.tensors()[at].name != info.name) ++at;
    EXPECT_EQ(info.shape, source.tensors()[at].shape);
    std::vector<uint8_t> bytes(info.num_bytes);
    ASSERT_TRUE(file->ReadTensorBytes(info, 0, absl::MakeSpan(bytes)).ok());
    const std::vector<uint8_t>& original = source.bytes(at);
    if (info.shape.rank() == 1) {
      EXPECT_EQ(bytes, original);
      continue;
    }
    std::vector<float> values(info.shape.num_values());
    CodecOf(info.type).decode(bytes.data(), values.size(), values.data());
    const float* expected = reinterpret_cast<const float*>(original.data());
    for (size_t i = 0; i < values.size(); ++i) ASSERT_NEAR(values[i], expected[i], 4e-4f) << i;
  }
}

TEST(ExecuteTest, EachExpertHasItsOwnImportance) {
  const MemorySource source = Model();
  ImportanceData importance;
  ImportanceEntry& entry = importance.entries["blk.0.ffn_up_exps.weight"];
  entry.sums.assign(2 * 512, 1.0f);
  for (size_t i = 512; i < 1024; ++i) entry.sums[i] = i % 2 ? 100.0f : 0.01f;
  entry.counts = {1, 1};
  std::vector<Plan> weighted, plain, flat;
  weighted.push_back(PlanOf(source, "Q4_K_S", &importance));
  entry.sums.assign(2 * 512, 1.0f);
  flat.push_back(PlanOf(source, "Q4_K_S", &importance));
  const std::string a = Execute(source, weighted, ExecuteOptions()).files[0];
  const std::string b = Execute(source, flat, ExecuteOptions()).files[0];
  const auto& shard = weighted[0].shards[0];
  for (size_t i = 0; i < weighted[0].tensors.size(); ++i) {
    if (weighted[0].tensors[i].name != "blk.0.ffn_up_exps.weight") continue;
    const uint64_t half = shard.layout.sizes[i] / 2;
    const std::string first_a = a.substr(shard.layout.offsets[i], half);
    const std::string second_a = a.substr(shard.layout.offsets[i] + half, half);
    EXPECT_TRUE(first_a == b.substr(shard.layout.offsets[i], half));
    EXPECT_FALSE(second_a == b.substr(shard.layout.offsets[i] + half, half));
  }
}

TEST(ExecuteTest, RefusesNonFiniteWeightsByTensorRowAndColumn) {
  for (float bad :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    MemorySource source;
    std::vector<float> values = Values(1000 * 256, 4);
    values[777 * 256 + 33] = bad;
    source.Add("blk.0.attn_v.weight", {1000, 256}, std::move(values));
    std::vector<Plan> plans;
    plans.push_back(PlanOf(source, "Q4_0"));
    const Outcome outcome = Execute(source, plans, ExecuteOptions());
    EXPECT_THAT(std::string(outcome.warnings.status().message()),
                HasSubstr("'blk.0.attn_v.weight' holds"));
    EXPECT_THAT(std::string(outcome.warnings.status().message()),
                HasSubstr("at row 777, column 33"));
  }
}

TEST(ExecuteTest, AScaleThatOverflowsIsAnErrorInAQuantization) {
  MemorySource source;
  std::vector<float> values = Values(8 * 256, 5);
  values[3 * 256 + 70] = 1e30f;
  source.Add("blk.0.attn_v.weight", {8, 256}, std::move(values));
  std::vector<Plan> plans;
  plans.push_back(PlanOf(source, "Q8_0"));
  const Outcome outcome = Execute(source, plans, ExecuteOptions());
  EXPECT_THAT(std::string(outcome.warnings.status().message()), HasSubstr("row 3, columns 64"));
}

TEST(ExecuteTest, ConversionCountsValuesThatBecomeInfinite) {
  MemorySource source;
  std::vector<float> values = Values(8 * 256, 6);
  values[5] = 70000.0f;
  values[6] = -1e10f;
  source.Add("blk.0.attn_v.weight", {8, 256}, std::move(values));
  ConvertOptions options;
  options.type = TensorType::kF16;
  std::vector<Plan> plans(1);
  plans[0] = *PlanConversion(source, options);
  const Outcome outcome = Execute(source, plans, ExecuteOptions());
  ASSERT_TRUE(outcome.warnings.ok()) << outcome.warnings.status();
  ASSERT_THAT(*outcome.warnings, SizeIs(1));
  EXPECT_THAT((*outcome.warnings)[0], HasSubstr("'blk.0.attn_v.weight': 2 values became infinite"));
}

TEST(ExecuteTest, StopsWhenCancelledOrTheDiskIsFull) {
  const MemorySource source = Model();
  std::vector<Plan> plans;
  plans.push_back(PlanOf(source, "Q8_0"));
  ExecuteOptions options;
  const std::atomic<bool> cancelled{true};
  options.cancelled = &cancelled;
  EXPECT_TRUE(absl::IsCancelled(Execute(source, plans, options).warnings.status()));
  options.cancelled = nullptr;
  EXPECT_TRUE(absl::IsResourceExhausted(Execute(source, plans, options, 5).warnings.status()));
}

TEST(ExecuteTest, AMemoryLimitBelowOneRowIsAnError) {
  const MemorySource source = Model();
  std::vector<Plan> plans;
  plans.push_back(PlanOf(source, "Q8_0"));
  ExecuteOptions options;
  options.memory_limit = 100000;
  EXPECT_THAT(std::string(Execute(source, plans, options).warnings.status().message()),
              HasSubstr("raise --memory-limit"));
}

}  // namespace
}  // namespace gguf
