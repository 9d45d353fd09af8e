// Endings scored from a shared beginning, against each choice run by itself.

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "runtime/decoder.h"
#include "runtime/evaluate/choice.h"
#include "runtime/model.h"
#include "runtime/tokenizer/tokenizer.h"
#include "tests/runtime/converted_model.h"

namespace gguf {
namespace {

constexpr uint32_t kContext = 512;
// Of a log-probability. Float32 sums of another order; a token's score left out or a stale cell
// would be at least a tenth.
constexpr double kTolerance = 2e-3;

// gemma3 has layers that see a window only, llama3 and qwen2 byte-level tokens.
const char* const kModels[] = {"kjv-llama", "hf/llama3", "hf/qwen2", "hf/gemma3-text"};

double LogProbability(const std::vector<float>& logits, size_t row, size_t vocabulary,
                      int32_t token) {
  const float* values = logits.data() + row * vocabulary;
  double sum = 0.0;
  for (size_t i = 0; i < vocabulary; ++i) sum += std::exp(double{values[i]});
  return values[token] - std::log(sum);
}

class ChoiceScores : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    std::string name = GetParam();
    name = name.substr(name.find('/') + 1);
    auto model =
        Model::Open(ConvertedModel(name, absl::StrCat("testdata/", GetParam()), TensorType::kF32));
    ASSERT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
    auto tokenizer = Tokenizer::Load(model_->metadata());
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
    tokenizer_ = *std::move(tokenizer);
  }

  std::unique_ptr<Decoder> MakeDecoder() {
    DecoderOptions options;
    options.context = kContext;
    auto decoder = Decoder::Create(*model_, options);
    EXPECT_TRUE(decoder.ok()) << decoder.status();
    return *std::move(decoder);
  }

  // Every choice run from the first token on, in a decoder of its own.
  std::vector<double> ScoredAlone(const EncodedTask& task) {
    std::vector<double> scores;
    for (size_t i = 0; i < task.choices.size(); ++i) {
      const std::vector<int32_t>& ids = task.choices[i];
      const auto decoder = MakeDecoder();
      const auto logits = decoder->Decode(ids, Outputs::kAll);
      EXPECT_TRUE(logits.ok()) << logits.status();
      double sum = 0.0;
      for (size_t t = task.ending[i]; t < ids.size(); ++t) {
        sum += LogProbability(*logits, t - 1, decoder->vocabulary(), ids[t]);
      }
      scores.push_back(sum);
    }
    return scores;
  }

  std::unique_ptr<Model> model_;
  std::unique_ptr<Tokenizer> tokenizer_;
};

const std::vector<ChoiceTask>& Tasks() {
  static const auto* tasks = new std::vector<ChoiceTask>(*ParseChoiceTasks("tasks", R"(
{"context": "In the beginning God", "choices": [" created the heaven", " saw", " was very wroth with him"], "answer": 0}
{"context": "In the beginning God created the", "choices": [" heaven and the earth.", "sea"], "answer": 0}
{"context": "In the beginning God created the", "choices": ["a", "b", "c"], "answer": 0}
{"context": "", "choices": ["In the beginning", "And it came to pass", "Amen"], "answer": 0}
{"question": "Who was in the fish?", "choices": ["Jonah", "Esther", "Ruth", "James"], "answer": 0, "subject": "the_bible"}
{"question": "Who was a queen?", "choices": ["Jonah", "Esther", "Ruth", "James"], "answer": 1, "subject": "the_bible"}
)"));
  return *tasks;
}

TEST_P(ChoiceScores, EqualThoseOfEachChoiceAlone) {
  const auto decoder = MakeDecoder();
  ChoiceScorer scorer(decoder.get());
  for (const ChoiceTask& task : Tasks()) {
    const auto encoded = EncodeTask(*tokenizer_, task);
    ASSERT_TRUE(encoded.ok()) << encoded.status();
    const auto scores = scorer.Score(*encoded);
    ASSERT_TRUE(scores.ok()) << scores.status();
    const std::vector<double> expected = ScoredAlone(*encoded);
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR((*scores)[i], expected[i], kTolerance) << "line " << task.line << " choice " << i;
      EXPECT_LT((*scores)[i], 0.0);
    }
  }
}

// What comes before an ending is run once, also across tasks that begin alike.
TEST_P(ChoiceScores, RunSharedTokensOnce) {
  const auto first = EncodeTask(*tokenizer_, Tasks()[4]);
  const auto second = EncodeTask(*tokenizer_, Tasks()[5]);
  ASSERT_TRUE(first.ok() && second.ok());
  const auto decoder = MakeDecoder();
  ChoiceScorer scorer(decoder.get());
  ASSERT_TRUE(scorer.Score(*first).ok());
  uint64_t expected = first->shared;
  for (const auto& ids : first->choices) {
    expected += ids.size() - 1 - first->shared;
  }
  EXPECT_EQ(scorer.tokens_run(), expected);
  const uint64_t before = scorer.tokens_run();
  ASSERT_TRUE(scorer.Score(*second).ok());
  size_t alike = 0;
  while (first->choices[0][alike] == second->choices[0][alike]) ++alike;
  EXPECT_GT(alike, 10u);
  EXPECT_EQ(scorer.tokens_run() - before, expected + second->shared - first->shared - alike);
}

INSTANTIATE_TEST_SUITE_P(Models, ChoiceScores, testing::ValuesIn(kModels), [](const auto& info) {
  std::string name = info.param;
  for (char& c : name) c = c == '/' || c == '-' ? '_' : c;
  return name;
});

}  // namespace
}  // namespace gguf
