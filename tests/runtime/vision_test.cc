// Gemma 3 with an image: checkpoint converted, tower run, image spliced into the prompt, against
// the float32 logits of the training library; from a pair of files and from one of Ollama's layout.

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gguf/reader.h"
#include "gguf/tensor_type.h"
#include "gtest/gtest.h"
#include "runtime/decoder.h"
#include "runtime/model.h"
#include "runtime/tokenizer/tokenizer.h"
#include "runtime/vision/image.h"
#include "runtime/vision/image_prompt.h"
#include "runtime/vision/testing.h"
#include "runtime/vision/vision_tower.h"
#include "tests/runtime/converted_model.h"

namespace gguf {
namespace {

// As in golden_logits_test.cc, of the logits' standard deviation.
constexpr double kTolerance = 1e-4;

std::string TextFile() {
  return ConvertedModel("text", "testdata/hf/gemma3-vision", TensorType::kF32);
}

// Text and tower in one file, with Ollama's names; what its engine has defaults for is left out.
std::string OllamaFile(const std::string& text_path) {
  VisionFile joint = TinyTower(VisionLayout::kOllama);
  const auto text = GgufModel::Open(text_path);
  EXPECT_TRUE(text.ok()) << text.status();
  for (const auto& [key, value] : text->metadata().entries()) {
    if (key == "gemma3.rope.freq_base") {
      joint.metadata.Set("gemma3.rope.global.freq_base", value);
    } else if (key == "gemma3.rope.freq_base_swa") {
      joint.metadata.Set("gemma3.rope.local.freq_base", value);
    } else if (key != "gemma3.attention.layer_norm_rms_epsilon") {
      joint.metadata.Set(key, value);
    }
  }
  for (const TensorInfo& info : text->tensors()) {
    std::string bytes(info.num_bytes, '\0');
    const auto status = text->ReadTensorBytes(
        info, 0, absl::MakeSpan(reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()));
    EXPECT_TRUE(status.ok()) << status;
    joint.tensors.push_back({info.name, info.type, info.shape});
    joint.data.push_back(std::move(bytes));
  }
  return joint.Write("joint");
}

class VisionTest : public testing::Test {
 protected:
  void Open(const std::string& text, const std::string& tower_path) {
    auto model = Model::Open(text);
    ASSERT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
    const auto vision = VisionModel::Open(tower_path);
    ASSERT_TRUE(vision.ok()) << vision.status();
    const auto tower = VisionTower::Create(**vision, VisionOptions());
    ASSERT_TRUE(tower.ok()) << tower.status();
    const auto image = ReadImage("testdata/images/golden.png");
    ASSERT_TRUE(image.ok()) << image.status();
    auto rows = (*tower)->Embed(Preprocess(*image, (*tower)->config()));
    ASSERT_TRUE(rows.ok()) << rows.status();
    rows_ = {*std::move(rows)};
  }

  // The golden ids, and the image where they say that it is.
  ImagePrompt GoldenPrompt() const {
    constexpr int32_t kSoftToken = 642;
    ImagePrompt prompt;
    prompt.tokens = Golden<int32_t>("mm_input_ids");
    const auto first = std::find(prompt.tokens.begin(), prompt.tokens.end(), kSoftToken);
    const auto count = std::count(prompt.tokens.begin(), prompt.tokens.end(), kSoftToken);
    EXPECT_EQ(count, 4);
    prompt.embedded = {{static_cast<size_t>(first - prompt.tokens.begin()),
                        static_cast<size_t>(count), rows_[0].data()}};
    return prompt;
  }

  std::vector<float> Logits(const ImagePrompt& prompt, DecoderOptions options = {}) {
    options.context = static_cast<uint32_t>(prompt.tokens.size());
    const auto decoder = Decoder::Create(*model_, options);
    EXPECT_TRUE(decoder.ok()) << decoder.status();
    auto logits = (*decoder)->Decode(prompt.tokens, prompt.embedded, Outputs::kAll);
    EXPECT_TRUE(logits.ok()) << logits.status();
    return logits.ok() ? *std::move(logits) : std::vector<float>();
  }

  std::unique_ptr<Model> model_;
  std::vector<std::vector<float>> rows_;
};

// Largest difference, of the standard deviation of `expected`.
double Difference(const std::vector<float>& logits, const std::vector<float>& expected) {
  EXPECT_EQ(logits.size(), expected.size());
  if (logits.size() != expected.size()) return 1e9;
  double sum = 0.0, squares = 0.0, largest = 0.0;
  for (size_t i = 0; i < logits.size(); ++i) {
    sum += expected[i];
    squares += double{expected[i]} * expected[i];
    largest = std::max(largest, std::abs(double{logits[i]} - expected[i]));
  }
  const double mean = sum / logits.size();
  return largest / std::sqrt(squares / logits.size() - mean * mean);
}

TEST_F(VisionTest, LogitsAgreeWithTheTrainingLibrary) {
  Open(TextFile(), TinyTower(VisionLayout::kProjectorFile).Write("tower"));
  const auto expected = Golden<float>("mm_logits");
  const std::vector<float> logits = Logits(GoldenPrompt());
  const double difference = Difference(logits, expected);
  RecordProperty("difference", std::to_string(difference));
  EXPECT_LE(difference, kTolerance);
  // Batches that the image would lie across are cut before it.
  for (const uint32_t batch : {4u, 7u, 11u, 33u}) {
    DecoderOptions options;
    options.batch = batch;
    EXPECT_LE(Difference(Logits(GoldenPrompt(), options), expected), kTolerance) << batch;
  }
  DecoderOptions options;
  options.threads = 3;
  EXPECT_EQ(Logits(GoldenPrompt(), options), logits);
}

// What the tokens of an image see of it matters: were they to see only what came before, the
// agreement above would be gone.
TEST_F(VisionTest, ImagesAreSeenInBothDirections) {
  Open(TextFile(), TinyTower(VisionLayout::kProjectorFile).Write("tower"));
  ImagePrompt apart = GoldenPrompt();
  const EmbeddedSpan whole = apart.embedded[0];
  apart.embedded.clear();
  for (size_t i = 0; i < whole.count; ++i) {
    apart.embedded.push_back({whole.first + i, 1, whole.rows + i * 128});
  }
  EXPECT_GT(Difference(Logits(apart), Golden<float>("mm_logits")), 100 * kTolerance);
}

TEST_F(VisionTest, OneFileInOllamasLayout) {
  const std::string text = TextFile();
  const std::string joint = OllamaFile(text);
  Open(joint, joint);
  const std::vector<float> logits = Logits(GoldenPrompt());
  EXPECT_LE(Difference(logits, Golden<float>("mm_logits")), kTolerance);
  Open(text, TinyTower(VisionLayout::kProjectorFile).Write("tower"));
  EXPECT_EQ(Logits(GoldenPrompt()), logits);
}

TEST_F(VisionTest, PromptsAsTheTrainingLibraryWritesThem) {
  Open(TextFile(), TinyTower(VisionLayout::kProjectorFile).Write("tower"));
  const auto tokenizer = Tokenizer::Load(model_->metadata());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  const auto prompt = EncodeImagePrompt(
      **tokenizer,
      "Look at this picture:<start_of_image>What is it? And God saw the light, that it was good.",
      rows_, 128);
  ASSERT_TRUE(prompt.ok()) << prompt.status();
  const ImagePrompt golden = GoldenPrompt();
  ASSERT_EQ(prompt->tokens.size(), golden.tokens.size());
  for (size_t i = 0; i < golden.tokens.size(); ++i) {
    const bool is_image = i - golden.embedded[0].first < 4;
    EXPECT_EQ(prompt->tokens[i], is_image ? kNoToken : golden.tokens[i]) << i;
  }
  ASSERT_EQ(prompt->embedded.size(), 1u);
  EXPECT_EQ(prompt->embedded[0].first, golden.embedded[0].first);
  EXPECT_EQ(prompt->embedded[0].count, 4u);
  EXPECT_EQ(prompt->embedded[0].rows, rows_[0].data());
}

TEST_F(VisionTest, PlacesAndImagesMustMatch) {
  EXPECT_EQ(PlaceImages("What?", 2), "<start_of_image><start_of_image>What?");
  EXPECT_EQ(PlaceImages("a<start_of_image>b", 1), "a<start_of_image>b");
  EXPECT_EQ(PlaceImages("What?", 0), "What?");
  Open(TextFile(), TinyTower(VisionLayout::kProjectorFile).Write("tower"));
  const auto tokenizer = Tokenizer::Load(model_->metadata());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  const auto prompt =
      EncodeImagePrompt(**tokenizer, "<start_of_image>a<start_of_image>", rows_, 128);
  EXPECT_EQ(prompt.status().message(),
            "the prompt has 2 places for images (<start_of_image>), expected 1: one for each "
            "image, or none to have them in front");
}

TEST_F(VisionTest, SpansAreChecked) {
  Open(TextFile(), TinyTower(VisionLayout::kProjectorFile).Write("tower"));
  DecoderOptions options;
  options.context = 64;
  options.batch = 8;
  const auto decoder = Decoder::Create(*model_, options);
  ASSERT_TRUE(decoder.ok()) << decoder.status();
  const float* rows = rows_[0].data();
  const std::vector<int32_t> tokens = {2, 10, -1, -1, -1, -1, 11, 22};
  const std::vector<EmbeddedSpan> bad[] = {{},                            // tokens that are none
                                           {{2, 3, rows}},                // one is left
                                           {{3, 4, rows}, {2, 1, rows}},  // out of order
                                           {{2, 4, rows}, {5, 1, rows}},  // overlapping
                                           {{2, 7, rows}},                // beyond the end
                                           {{9, 1, rows}},
                                           {{2, ~size_t{0}, rows}}};
  for (const auto& spans : bad) {
    const auto logits = (*decoder)->Decode(tokens, spans, Outputs::kLast);
    EXPECT_EQ(logits.status().code(), absl::StatusCode::kInvalidArgument) << logits.status();
  }
  EXPECT_EQ((*decoder)->cache()->Length(0), 0);
  const EmbeddedSpan good = {2, 4, rows};
  EXPECT_TRUE((*decoder)->Decode(tokens, {good}, Outputs::kLast).ok());

  const std::vector<float> many(9 * 128);
  const EmbeddedSpan large = {1, 9, many.data()};
  std::vector<int32_t> long_tokens(11, 22);
  EXPECT_EQ((*decoder)->Decode(long_tokens, {large}, Outputs::kLast).status().message(),
            "embeddings for 9 tokens from token 1 of 11, expected them in order and no more than "
            "a batch of 8 at once");
}

}  // namespace
}  // namespace gguf
