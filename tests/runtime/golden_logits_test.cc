// Checkpoints converted to F32 and run, against the float32 logits of the training library. A
// family that `convert` learns is one more row of the table.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "formats/open.h"
#include "formats/safetensors.h"
#include "gguf/tensor_type.h"
#include "gtest/gtest.h"
#include "quantize/plan_quantize.h"
#include "quantize/recipe.h"
#include "quantize/write.h"
#include "runtime/decoder.h"
#include "runtime/model.h"
#include "runtime/ops/activation_type.h"
#include "tests/runtime/converted_model.h"

namespace gguf {
namespace {

struct GoldenModel {
  const char* name;
  const char* folder;
  const char* logits = "logits";  // tensor of golden.safetensors
  uint32_t context = 0;           // 0: as many tokens as there are
};

constexpr GoldenModel kModels[] = {
    {"llama", "testdata/hf/llama"},
    {"llama_trained", "testdata/hf/llama-trained"},
    {"llama_sharded", "testdata/hf/llama-sharded"},
    {"kjv_llama", "testdata/kjv-llama"},
    {"llama3", "testdata/hf/llama3"},
    {"mixtral", "testdata/hf/mixtral"},
    {"qwen2", "testdata/hf/qwen2"},
    {"qwen2moe", "testdata/hf/qwen2moe"},
    {"qwen3", "testdata/hf/qwen3"},
    {"qwen3moe", "testdata/hf/qwen3moe"},
    {"gemma2", "testdata/hf/gemma2"},
    {"gemma3_text", "testdata/hf/gemma3-text"},
    {"gemma3_vision", "testdata/hf/gemma3-vision"},
    {"gpt_oss", "testdata/hf/gpt-oss", "logits_yarn_truncated"},
    {"phi3", "testdata/hf/phi3"},
    {"phi3_long", "testdata/hf/phi3", "logits_long_factors", 512},
    {"granite", "testdata/hf/granite"},
    {"olmo2", "testdata/hf/olmo2"},
    {"qwen2vl", "testdata/hf/qwen2vl"},
};

// Of the logits' standard deviation. Float32 sums of another order stay below a tenth of it; half
// precision anywhere, a wrong rotation or a wrong epsilon is far above.
constexpr double kTolerance = 1e-4;

std::string Converted(const GoldenModel& golden, TensorType type) {
  return ConvertedModel(golden.name, golden.folder, type);
}

template <typename T>
std::vector<T> GoldenTensor(const GoldenModel& golden, absl::string_view name) {
  const std::string path = absl::StrCat(golden.folder, "/golden.safetensors");
  const absl::StatusOr<SafetensorsFile> file = SafetensorsFile::Open(path);
  EXPECT_TRUE(file.ok()) << file.status();
  for (const SafetensorsTensor& tensor : file->tensors()) {
    if (tensor.name != name) continue;
    std::vector<uint8_t> bytes(tensor.num_bytes);
    EXPECT_TRUE(file->Read(tensor, 0, absl::MakeSpan(bytes)).ok());
    std::vector<T> values(bytes.size() / sizeof(T));
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }
  ADD_FAILURE() << path << " has no " << name;
  return {};
}

std::unique_ptr<Decoder> MakeDecoder(const Model& model, size_t tokens, DecoderOptions options) {
  options.context = static_cast<uint32_t>(tokens);
  auto decoder = Decoder::Create(model, options);
  EXPECT_TRUE(decoder.ok()) << decoder.status();
  return decoder.ok() ? *std::move(decoder) : nullptr;
}

double LargestDifference(const std::vector<float>& a, const std::vector<float>& b) {
  double largest = 0.0;
  for (size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(double{a[i]} - b[i]));
  return largest;
}

double StandardDeviation(const std::vector<float>& values) {
  double sum = 0.0, squares = 0.0;
  for (const float value : values) {
    sum += value;
    squares += double{value} * value;
  }
  const double mean = sum / values.size();
  return std::sqrt(squares / values.size() - mean * mean);
}

class GoldenLogitsTest : public testing::TestWithParam<GoldenModel> {
 protected:
  void SetUp() override {
    ids_ = GoldenTensor<int32_t>(GetParam(), "input_ids");
    const std::string path = Converted(GetParam(), TensorType::kF32);
    absl::StatusOr<std::unique_ptr<Model>> model = Model::Open(path);
    ASSERT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
  }

  size_t Context() const { return GetParam().context != 0 ? GetParam().context : ids_.size(); }

  std::vector<float> Logits(const DecoderOptions& options) {
    const auto decoder = MakeDecoder(*model_, Context(), options);
    if (decoder == nullptr) return {};
    absl::StatusOr<std::vector<float>> logits = decoder->Decode(ids_, Outputs::kAll);
    EXPECT_TRUE(logits.ok()) << logits.status();
    return logits.ok() ? *std::move(logits) : std::vector<float>();
  }

  std::vector<int32_t> ids_;
  std::unique_ptr<Model> model_;
};

TEST_P(GoldenLogitsTest, AgreesWithTheTrainingLibrary) {
  const std::vector<float> expected = GoldenTensor<float>(GetParam(), GetParam().logits);
  const std::vector<float> logits = Logits(DecoderOptions());
  ASSERT_EQ(logits.size(), expected.size());
  const double deviation = StandardDeviation(expected);
  const double difference = LargestDifference(logits, expected) / deviation;
  RecordProperty("difference", std::to_string(difference));
  EXPECT_LE(difference, kTolerance);
}

TEST_P(GoldenLogitsTest, DoesNotDependOnThreads) {
  DecoderOptions options;
  const std::vector<float> expected = Logits(options);
  for (const int threads : {2, 3, 8}) {
    options.threads = threads;
    EXPECT_EQ(Logits(options), expected) << threads;
  }
}

// Batches and single tokens take other paths through products, attention and cache.
TEST_P(GoldenLogitsTest, BatchesAndSingleTokensAgree) {
  DecoderOptions options;
  const std::vector<float> expected = Logits(options);
  const double deviation = StandardDeviation(expected);
  for (const uint32_t batch : {1u, 7u, 33u}) {
    options.batch = batch;
    const std::vector<float> logits = Logits(options);
    ASSERT_EQ(logits.size(), expected.size());
    EXPECT_LE(LargestDifference(logits, expected) / deviation, kTolerance) << batch;
  }
}

TEST_P(GoldenLogitsTest, OnlyWantedLogits) {
  const std::vector<float> all = Logits(DecoderOptions());
  const auto decoder = MakeDecoder(*model_, Context(), DecoderOptions());
  ASSERT_NE(decoder, nullptr);
  std::vector<uint8_t> wanted(ids_.size());
  wanted[3] = wanted[ids_.size() - 1] = 1;
  std::vector<size_t> seen;
  const size_t vocabulary = decoder->vocabulary();
  ASSERT_TRUE(decoder
                  ->Decode(ids_, wanted, 0,
                           [&](size_t index, absl::Span<const float> logits) {
                             seen.push_back(index);
                             for (size_t v = 0; v < vocabulary; ++v) {
                               ASSERT_NEAR(logits[v], all[index * vocabulary + v], 1e-3) << index;
                             }
                           })
                  .ok());
  EXPECT_EQ(seen, (std::vector<size_t>{3, ids_.size() - 1}));
}

INSTANTIATE_TEST_SUITE_P(Models, GoldenLogitsTest, testing::ValuesIn(kModels),
                         [](const auto& info) { return std::string(info.param.name); });

// What a narrower cache costs, in the logits' standard deviation: bounds that hold with room, and
// are far below what a misplaced row or scale would give.
TEST(CacheTypes, CostWhatTheirPrecisionSays) {
  const GoldenModel golden = kModels[3];
  const std::string path = Converted(golden, TensorType::kF16);
  const auto model = Model::Open(path);
  ASSERT_TRUE(model.ok()) << model.status();
  const auto ids = GoldenTensor<int32_t>(golden, "input_ids");
  const auto expected = GoldenTensor<float>(golden, "logits");
  const double deviation = StandardDeviation(expected);
  struct Row {
    TensorType type;
    double tolerance;
  };
  const Row rows[] = {
      {TensorType::kF32, 1e-4},  {TensorType::kF16, 5e-3}, {TensorType::kBF16, 4e-2},
      {TensorType::kQ8_0, 1e-1}, {TensorType::kQ5_1, 0.5}, {TensorType::kQ5_0, 0.5},
      {TensorType::kQ4_1, 1.0},  {TensorType::kQ4_0, 1.0}, {TensorType::kIQ4_NL, 1.0}};
  for (const Row& row : rows) {
    DecoderOptions options;
    options.key_type = options.value_type = row.type;
    const auto decoder = MakeDecoder(**model, ids.size(), options);
    ASSERT_NE(decoder, nullptr);
    const auto logits = decoder->Decode(ids, Outputs::kAll);
    ASSERT_TRUE(logits.ok()) << logits.status();
    EXPECT_LE(LargestDifference(*logits, expected) / deviation, row.tolerance) << NameOf(row.type);
  }
}

// The model's file of one type, quantized from its F32 file.
std::string Quantized(const GoldenModel& golden, absl::string_view type) {
  const std::string path = absl::StrCat(::testing::TempDir(), "/", golden.name, "-", type, ".gguf");
  const auto source = OpenGgufSource(Converted(golden, TensorType::kF32));
  EXPECT_TRUE(source.ok()) << source.status();
  if (!source.ok()) return path;
  QuantizeOptions options;
  options.effort = Effort::kReference;
  options.recipe.pure = true;
  const absl::StatusOr<Plan> plan =
      PlanQuantization(**source, *ParseRecipe(type), options, /*importance=*/nullptr);
  EXPECT_TRUE(plan.ok()) << plan.status();
  WriteOptions write;
  write.replace = true;
  const WriteRequest request = {&*plan, path};
  const auto report = WriteOutputs(**source, {&request, 1}, write);
  EXPECT_TRUE(report.ok()) << report.status();
  return path;
}

// Float activations are what they say: single tokens and batches, which multiply in different
// kernels, differ by the order of sums only, whatever the type of the weights.
TEST(Activations, FloatsAgreeInBatchesAndSingleTokensOfEveryType) {
  const GoldenModel golden = kModels[3];
  auto ids = GoldenTensor<int32_t>(golden, "input_ids");
  ids.resize(std::min<size_t>(ids.size(), 24));
  for (const char* type : {"F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K",
                           "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS", "IQ3_S", "TQ1_0", "TQ2_0"}) {
    const auto model = Model::Open(Quantized(golden, type));
    ASSERT_TRUE(model.ok()) << model.status();
    std::vector<float> expected;
    for (const uint32_t batch : {512u, 1u, 7u}) {
      DecoderOptions options;
      options.batch = batch;
      const auto decoder = MakeDecoder(**model, ids.size(), options);
      const auto logits = decoder->Decode(ids, Outputs::kAll);
      ASSERT_TRUE(logits.ok()) << logits.status();
      if (expected.empty()) expected = *logits;
      const double difference = LargestDifference(*logits, expected) / StandardDeviation(expected);
      EXPECT_LE(difference, 1e-5) << type << " batch " << batch;
      RecordProperty(absl::StrCat(type, "-", batch), std::to_string(1e6 * difference));
    }
  }
}

// What rounded activations cost, in the logits' standard deviation, of a prompt at once and token
// by token: bounds that hold with room, and are far below what a wrong scale or order would give.
TEST(Activations, CostWhatTheirPrecisionSays) {
  const GoldenModel golden = kModels[3];
  auto ids = GoldenTensor<int32_t>(golden, "input_ids");
  ids.resize(std::min<size_t>(ids.size(), 24));
  for (const char* type : {"F16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K", "Q4_K",
                           "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS", "IQ3_S"}) {
    const auto model = Model::Open(Quantized(golden, type));
    ASSERT_TRUE(model.ok()) << model.status();
    const auto run = [&](ActivationType activations, uint32_t batch) {
      DecoderOptions options;
      options.activations = activations;
      options.batch = batch;
      const auto decoder = MakeDecoder(**model, ids.size(), options);
      const auto logits = decoder->Decode(ids, Outputs::kAll);
      EXPECT_TRUE(logits.ok()) << logits.status();
      return logits.ok() ? *logits : std::vector<float>();
    };
    const std::vector<float> expected = run(ActivationType::kF32, 512);
    const double deviation = StandardDeviation(expected);
    for (const ActivationType activations : {ActivationType::kBF16, ActivationType::kQ8}) {
      for (const uint32_t batch : {512u, 1u}) {
        const std::vector<float> logits = run(activations, batch);
        ASSERT_EQ(logits.size(), expected.size());
        EXPECT_LE(LargestDifference(logits, expected) / deviation, 0.1)
            << type << " " << NameOf(activations) << " batch " << batch;
      }
    }
  }
}

// An encoder: hidden states of every token, and one vector per text.
TEST(Encoder, AgreesWithTheTrainingLibrary) {
  const GoldenModel golden = {"bert", "testdata/hf/bert"};
  const auto model = Model::Open(Converted(golden, TensorType::kF32));
  ASSERT_TRUE(model.ok()) << model.status();
  const auto decoder = Decoder::Create(**model, DecoderOptions());
  ASSERT_TRUE(decoder.ok()) << decoder.status();
  for (int text = 0; text < 4; ++text) {
    const auto ids = GoldenTensor<int32_t>(golden, absl::StrCat("input_ids.", text));
    const auto expected = GoldenTensor<float>(golden, absl::StrCat("hidden.", text));
    const auto hidden = (*decoder)->Encode(ids);
    ASSERT_TRUE(hidden.ok()) << hidden.status();
    ASSERT_EQ(hidden->size(), expected.size());
    EXPECT_LE(LargestDifference(*hidden, expected) / StandardDeviation(expected), kTolerance);
    const auto vector = GoldenTensor<float>(golden, absl::StrCat("embedding.", text));
    const auto embedding = (*decoder)->Embed(ids);
    ASSERT_TRUE(embedding.ok()) << embedding.status();
    ASSERT_EQ(embedding->size(), vector.size());
    EXPECT_LE(LargestDifference(*embedding, vector), 1e-6);
  }
  EXPECT_EQ((*decoder)->Decode({1}, Outputs::kLast).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE((*decoder)->Encode(std::vector<int32_t>(4096, 1)).ok());
  EXPECT_FALSE((*decoder)->Encode({}).ok());
}

TEST(Decoder, TruncatesAndContinues) {
  const GoldenModel golden = kModels[1];
  const std::string path = Converted(golden, TensorType::kF32);
  const auto model = Model::Open(path);
  ASSERT_TRUE(model.ok()) << model.status();
  const auto ids = GoldenTensor<int32_t>(golden, "input_ids");
  const auto decoder = MakeDecoder(**model, 256, DecoderOptions());
  ASSERT_NE(decoder, nullptr);
  const absl::Span<const int32_t> head(ids.data(), 20), tail(ids.data() + 20, 5);
  ASSERT_TRUE(decoder->Decode(head, Outputs::kNone).ok());
  const auto first = decoder->Decode(tail, Outputs::kLast);
  ASSERT_TRUE(first.ok());
  ASSERT_TRUE(decoder->cache()->Truncate(0, 20).ok());
  const auto again = decoder->Decode(tail, Outputs::kLast);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(*first, *again);
  // Another sequence in the same cache sees nothing of the first.
  const auto other = decoder->Decode(absl::MakeConstSpan(ids.data(), 25), Outputs::kLast, 7);
  ASSERT_TRUE(other.ok());
  EXPECT_LE(LargestDifference(*other, *first), 1e-4 * StandardDeviation(*first));
}

TEST(Decoder, RefusesWhatItCannotRun) {
  const GoldenModel golden = kModels[1];
  const std::string path = Converted(golden, TensorType::kF32);
  const auto model = Model::Open(path);
  ASSERT_TRUE(model.ok()) << model.status();
  const auto decoder = MakeDecoder(**model, 8, DecoderOptions());
  ASSERT_NE(decoder, nullptr);
  EXPECT_EQ(decoder->Decode({0, -1}, Outputs::kAll).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(decoder->Decode({640}, Outputs::kAll).status().code(),
            absl::StatusCode::kInvalidArgument);
  // 8 tokens are rounded up to 256 cells.
  ASSERT_TRUE(decoder->Decode(std::vector<int32_t>(256, 5), Outputs::kNone).ok());
  const absl::Status full = decoder->Decode({5}, Outputs::kLast).status();
  EXPECT_EQ(full.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_NE(full.message().find("no slot for 1 tokens of sequence 0 from position 256"),
            absl::string_view::npos)
      << full;
  EXPECT_NE(full.message().find("256 of 256 cells"), absl::string_view::npos) << full;
  EXPECT_EQ(decoder->Embed({5}).status().code(), absl::StatusCode::kFailedPrecondition);
}

// Importance is collected from what the observer sees: every matrix, the right number of rows.
TEST(Decoder, ObserverSeesEveryProduct) {
  const GoldenModel golden = kModels[1];
  const std::string path = Converted(golden, TensorType::kF32);
  const auto model = Model::Open(path);
  ASSERT_TRUE(model.ok()) << model.status();
  std::vector<std::string> seen;
  DecoderOptions options;
  options.observer = [&](const ObservedProduct& product) {
    seen.push_back(absl::StrCat(product.weight, " ", product.expert, " ", product.count, " ",
                                product.columns));
  };
  const auto decoder = MakeDecoder(**model, 16, options);
  ASSERT_NE(decoder, nullptr);
  ASSERT_TRUE(decoder->Decode({1, 2, 3}, Outputs::kLast).ok());
  std::vector<std::string> expected;
  for (const char* layer : {"blk.0.", "blk.1."}) {
    for (const char* name : {"attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up"}) {
      expected.push_back(absl::StrCat(layer, name, ".weight -1 3 256"));
    }
    expected.push_back(absl::StrCat(layer, "ffn_down.weight -1 3 512"));
  }
  expected.push_back("token_embd.weight -1 1 256");
  EXPECT_EQ(seen, expected);
}

}  // namespace
}  // namespace gguf
