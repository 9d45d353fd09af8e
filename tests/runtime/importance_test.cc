// Importance matrices of converted models against those that llama-imatrix made of the same text.

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "importance/data.h"
#include "importance/measure.h"
#include "runtime/model.h"
#include "runtime/tokenizer/tokenizer.h"
#include "tests/runtime/converted_model.h"

namespace gguf {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr size_t kTextBytes = 16000;  // of the calibration text
constexpr uint64_t kChunks = 12;

// The reference rounds activations to half precision before it multiplies F16 weights, and sums in
// float32: differences stay below a thousandth.
constexpr double kTolerance = 2e-3;

struct GoldenMatrix {
  const char* name;    // of testdata/importance/<name>.gguf
  const char* folder;  // of the checkpoint
  TensorType type;     // of the file that was measured
  uint32_t context;
  bool process_output;
  double perplexity;  // 0: none is known
};

constexpr GoldenMatrix kMatrices[] = {
    {"kjv-llama", "testdata/kjv-llama", TensorType::kF16, 128, false, 12.94},
    {"qwen3moe", "testdata/hf/qwen3moe", TensorType::kF32, 128, true, 0},
    {"gemma3-text", "testdata/hf/gemma3-text", TensorType::kF32, 64, false, 0},
};

std::string Text() {
  std::ifstream file("testdata/kjv-llama/calibration.txt", std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  text.resize(kTextBytes);
  return text;
}

std::unique_ptr<Model> Converted(const GoldenMatrix& golden) {
  auto model = Model::Open(ConvertedModel(golden.name, golden.folder, golden.type));
  EXPECT_TRUE(model.ok()) << model.status();
  return model.ok() ? *std::move(model) : nullptr;
}

class ImportanceTest : public testing::TestWithParam<GoldenMatrix> {
 protected:
  void SetUp() override {
    model_ = Converted(GetParam());
    ASSERT_NE(model_, nullptr);
    const auto tokenizer = Tokenizer::Load(model_->metadata());
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
    EncodeOptions encode;
    encode.parse_special = false;
    tokens_ = *(*tokenizer)->Encode(Text(), encode);
    options_.context = GetParam().context;
    options_.collector.process_output = GetParam().process_output;
    options_.max_chunks = kChunks;
    if ((*tokenizer)->add_bos()) options_.first_token = (*tokenizer)->bos();
  }

  absl::StatusOr<ImportanceData> Measure(const MeasureOptions& options) {
    ImportanceData data;
    numbers_.clear();
    const absl::Status status =
        MeasureImportance(*model_, tokens_, options, [&](const MeasuredChunk& chunk) {
          numbers_.push_back(chunk.number);
          perplexity_ = chunk.perplexity;
          data = chunk.sums->ToData();
          return absl::OkStatus();
        });
    if (!status.ok()) return status;
    return data;
  }

  std::unique_ptr<Model> model_;
  std::vector<int32_t> tokens_;
  MeasureOptions options_;
  std::vector<uint64_t> numbers_;
  double perplexity_ = 0;
};

bool IsSame(const ImportanceData& a, const ImportanceData& b) {
  return std::equal(a.entries.begin(), a.entries.end(), b.entries.begin(), b.entries.end(),
                    [](const auto& x, const auto& y) {
                      return x.first == y.first && x.second.sums == y.second.sums &&
                             x.second.counts == y.second.counts;
                    });
}

double LargestDifference(const ImportanceEntry& entry, const ImportanceEntry& expected) {
  double largest = 0;
  for (size_t i = 0; i < expected.sums.size(); ++i) {
    largest = std::max(largest, std::fabs(double{entry.sums[i]} - expected.sums[i]) /
                                    std::max(1e-30, double{expected.sums[i]}));
  }
  return largest;
}

TEST_P(ImportanceTest, AgreesWithTheReference) {
  const auto golden =
      ReadImportance(absl::StrCat("testdata/importance/", GetParam().name, ".gguf"));
  ASSERT_TRUE(golden.ok()) << golden.status();
  const auto data = Measure(options_);
  ASSERT_TRUE(data.ok()) << data.status();
  ASSERT_EQ(data->entries.size(), golden->entries.size());
  double largest = 0;
  for (const auto& [name, expected] : golden->entries) {
    ASSERT_EQ(data->entries.count(name), 1) << name;
    const ImportanceEntry& entry = data->entries.at(name);
    EXPECT_EQ(entry.counts, expected.counts) << name;
    ASSERT_EQ(entry.sums.size(), expected.sums.size()) << name;
    largest = std::max(largest, LargestDifference(entry, expected));
  }
  EXPECT_LE(largest, kTolerance);
  RecordProperty("largest_relative_difference", std::to_string(largest));
  if (GetParam().perplexity != 0) {
    EXPECT_NEAR(perplexity_, GetParam().perplexity, 0.02);
  }
}

TEST_P(ImportanceTest, DoesNotDependOnThreadsNorOnChunksAtTheSameTime) {
  options_.max_chunks = 3;
  options_.batch = options_.context;
  const auto expected = Measure(options_);
  ASSERT_TRUE(expected.ok()) << expected.status();
  const double perplexity = perplexity_;
  for (const int threads : {1, 2, 5}) {
    for (const uint32_t chunks_at_once : {1, 2, 7}) {
      options_.threads = threads;
      options_.batch = chunks_at_once * options_.context;
      const auto data = Measure(options_);
      ASSERT_TRUE(data.ok()) << data.status();
      EXPECT_TRUE(IsSame(*data, *expected)) << threads << " " << chunks_at_once;
      EXPECT_EQ(perplexity_, perplexity);
      EXPECT_THAT(numbers_, ElementsAre(1, 2, 3));
    }
  }
}

// Chunks cut into parts see the same tokens: counts are equal, sums but for rounding.
TEST_P(ImportanceTest, SmallBatches) {
  options_.max_chunks = 2;
  options_.context -= 3;
  const auto expected = Measure(options_);
  ASSERT_TRUE(expected.ok()) << expected.status();
  options_.batch = kLeastBatch;
  const auto data = Measure(options_);
  ASSERT_TRUE(data.ok()) << data.status();
  for (const auto& [name, entry] : expected->entries) {
    EXPECT_EQ(data->entries.at(name).counts, entry.counts) << name;
    EXPECT_LE(LargestDifference(data->entries.at(name), entry), 1e-4) << name;
  }
}

TEST_P(ImportanceTest, PartsOfATextAddUp) {
  options_.max_chunks = 4;
  const auto expected = Measure(options_);
  ASSERT_TRUE(expected.ok()) << expected.status();
  ImportanceSums total;
  for (const uint64_t first : {0, 1}) {
    options_.first_chunk = first;
    options_.max_chunks = first == 0 ? 1 : 3;
    options_.perplexity = false;
    const absl::Status status =
        MeasureImportance(*model_, tokens_, options_, [&](const MeasuredChunk& chunk) {
          return chunk.number == chunk.num_chunks ? total.Add(*chunk.sums) : absl::OkStatus();
        });
    ASSERT_TRUE(status.ok()) << status;
  }
  for (const auto& [name, entry] : total.ToData().entries) {
    EXPECT_EQ(expected->entries.at(name).counts, entry.counts) << name;
    EXPECT_LE(LargestDifference(entry, expected->entries.at(name)), 1e-6) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, ImportanceTest, testing::ValuesIn(kMatrices),
                         [](const auto& info) {
                           std::string name = info.param.name;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

class CollectorTest : public testing::Test {
 protected:
  std::unique_ptr<Model> model_ = Converted(kMatrices[1]);
  const std::vector<float> ones_ = std::vector<float>(64 * 64, 1.0f);

  ObservedProduct Product(absl::string_view weight, size_t count, int32_t expert = -1) {
    return {weight, expert, count, 64, ones_.data()};
  }

  static std::vector<std::string> Names(const Collector& collector) {
    std::vector<std::string> names;
    for (const auto& [name, entry] : collector.sums().ToData().entries) names.push_back(name);
    return names;
  }
};

TEST_F(CollectorTest, DenseTensorsOfLayersInBatchesOf16) {
  Collector collector(*model_, {});
  for (const char* name :
       {"blk.0.attn_q.weight", "output.weight", "token_embd.weight", "v.blk.0"}) {
    collector.Observe(Product(name, 16));
  }
  collector.Observe(Product("blk.0.attn_k.weight", 15));
  EXPECT_THAT(Names(collector), ElementsAre("blk.0.attn_q.weight"));
}

TEST_F(CollectorTest, TheOutputWhenAskedFor) {
  Collector collector(*model_, {.process_output = true});
  collector.Observe(Product("output.weight", 1));
  collector.Observe(Product("token_embd.weight", 16));
  EXPECT_THAT(Names(collector), ElementsAre("output.weight"));
}

TEST_F(CollectorTest, ExpertsHoweverFewTheirRows) {
  Collector collector(*model_, {});
  collector.Observe(Product("blk.0.ffn_up_exps.weight", 1, 7));
  collector.Observe(Product("blk.0.ffn_up_exps.weight", 3, 2));
  const ImportanceData data = collector.sums().ToData();
  const ImportanceEntry& entry = data.entries.at("blk.0.ffn_up_exps.weight");
  EXPECT_THAT(entry.counts, ElementsAre(0, 0, 3, 0, 0, 0, 0, 1));
  EXPECT_EQ(entry.sums.size(), 8 * 64);
  EXPECT_EQ(entry.sums[2 * 64], 3);
}

TEST_F(CollectorTest, TextsThatAreTooShort) {
  MeasureOptions options;
  options.context = 100;
  EXPECT_EQ(NumChunks(199, options).status().message(),
            "the text has 199 tokens, expected at least 200 (two chunks of 100); use a longer text "
            "or a smaller context");
  EXPECT_EQ(*NumChunks(299, options), 2);
  options.first_chunk = 1;
  EXPECT_EQ(*NumChunks(299, options), 1);
  options.max_chunks = 5;
  EXPECT_EQ(*NumChunks(1000, options), 5);
  options.first_chunk = 2;
  EXPECT_EQ(NumChunks(299, options).status().message(),
            "the text has 2 chunks of 100 tokens; none is left after skipping 2");
}

TEST_F(CollectorTest, StopsWhenToldTo) {
  const std::vector<int32_t> tokens(200, 1);
  MeasureOptions options;
  options.context = 100;
  int calls = 0;
  const auto fail = [&](const MeasuredChunk&) {
    ++calls;
    return absl::UnavailableError("enough");
  };
  EXPECT_EQ(MeasureImportance(*model_, tokens, options, fail), absl::UnavailableError("enough"));
  EXPECT_EQ(calls, 1);
  const std::atomic<bool> cancelled{true};
  options.cancelled = &cancelled;
  EXPECT_TRUE(absl::IsCancelled(MeasureImportance(*model_, tokens, options, fail)));
  EXPECT_EQ(calls, 1);
}

TEST_F(CollectorTest, TokensOutsideTheVocabularyNameTheirChunk) {
  std::vector<int32_t> tokens(200, 1);
  tokens[150] = 1 << 20;
  MeasureOptions options;
  options.context = 100;
  const absl::Status status = MeasureImportance(
      *model_, tokens, options, [](const MeasuredChunk&) { return absl::OkStatus(); });
  EXPECT_THAT(std::string(status.message()), HasSubstr("chunk 1: token 50 is 1048576"));
}

}  // namespace
}  // namespace gguf
