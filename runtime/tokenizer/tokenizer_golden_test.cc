// Every string of the golden tokenizers, token for token: what the checkpoint's own tokenizer
// gives, or, where a GGUF cannot hold what that takes, what the reference runtime makes of the
// GGUF.

#include <memory>
#include <string>
#include <vector>

#include "gguf/base/utf8.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/tokenizer/stream_decoder.h"
#include "runtime/tokenizer/testing.h"
#include "runtime/tokenizer/tokenizer.h"

namespace gguf {
namespace {

using ::testing::HasSubstr;
using Ids = std::vector<int32_t>;

class GoldenTokenizerTest : public ::testing::TestWithParam<GoldenTokenizer> {
 protected:
  void SetUp() override {
    const auto metadata = GoldenMetadata(GetParam());
    ASSERT_TRUE(metadata.ok()) << metadata.status();
    auto tokenizer = Tokenizer::Load(*metadata);
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
    tokenizer_ = *std::move(tokenizer);
    auto texts = GoldenTexts(GetParam());
    ASSERT_TRUE(texts.ok()) << texts.status();
    texts_ = *std::move(texts);
    ASSERT_EQ(texts_.size(), 78u);
  }

  Ids Encode(const std::string& text, bool add_special, bool parse_special) const {
    EncodeOptions options;
    options.add_special = add_special;
    options.parse_special = parse_special;
    const auto ids = tokenizer_->Encode(text, options);
    EXPECT_TRUE(ids.ok()) << ids.status();
    return ids.value_or(Ids{-1});
  }

  std::string Decode(const Ids& ids) const {
    DecodeOptions options;
    options.show_special = true;
    return tokenizer_->Decode(ids, options);
  }

  std::unique_ptr<Tokenizer> tokenizer_;
  std::vector<GoldenText> texts_;
};

TEST_P(GoldenTokenizerTest, HasNothingToWarnOf) {
  EXPECT_THAT(tokenizer_->warnings(), ::testing::IsEmpty());
}

TEST_P(GoldenTokenizerTest, EncodesEveryText) {
  for (const GoldenText& golden : texts_) {
    EXPECT_EQ(Encode(golden.text, false, true), golden.ids) << EscapeText(golden.text);
  }
}

TEST_P(GoldenTokenizerTest, AddsWhatTheModelWants) {
  for (const GoldenText& golden : texts_) {
    EXPECT_EQ(Encode(golden.text, true, true), golden.ids_with_special) << EscapeText(golden.text);
  }
}

TEST_P(GoldenTokenizerTest, AgreesWithTheSentencePieceLibrary) {
  if (tokenizer_->vocabulary().kind() != VocabularyKind::kSentencePiece) return;
  for (const GoldenText& golden : texts_) {
    if (!golden.is_exact) continue;
    EXPECT_EQ(Encode(golden.text, false, false), golden.sentencepiece_ids)
        << EscapeText(golden.text);
  }
}

TEST_P(GoldenTokenizerTest, DecodesEveryText) {
  for (const GoldenText& golden : texts_) {
    if (!golden.is_exact) continue;
    EXPECT_EQ(Decode(golden.ids), golden.decoded) << EscapeText(golden.text);
  }
}

TEST_P(GoldenTokenizerTest, StreamsWhatItDecodes) {
  for (const GoldenText& golden : texts_) {
    for (const bool show_special : {false, true}) {
      DecodeOptions options;
      options.show_special = show_special;
      StreamDecoder stream(tokenizer_.get(), options);
      std::string text;
      for (const int32_t id : golden.ids_with_special) {
        const std::string part = stream.Add(id);
        EXPECT_TRUE(IsUtf8(part)) << EscapeText(golden.text);
        text += part;
      }
      EXPECT_EQ(stream.Finish(), "");
      EXPECT_EQ(text, tokenizer_->Decode(golden.ids_with_special, options));
    }
  }
}

TEST_P(GoldenTokenizerTest, KnowsItsEndTokens) {
  EXPECT_TRUE(tokenizer_->IsEndOfGeneration(tokenizer_->eos()));
  EXPECT_FALSE(tokenizer_->IsEndOfGeneration(-1));
  EXPECT_FALSE(tokenizer_->IsEndOfGeneration(tokenizer_->vocab_size()));
  // A message of the Harmony format ends, but not the answer.
  const bool is_harmony = std::string(GetParam().name) == "gpt_oss";
  for (const char* text : {"<|end|>", "<|eot_id|>", "<|im_end|>", "<end_of_turn>"}) {
    const int32_t id = tokenizer_->FindToken(text);
    if (id == kNoToken) continue;
    EXPECT_EQ(tokenizer_->IsEndOfGeneration(id), !is_harmony) << text;
  }
}

INSTANTIATE_TEST_SUITE_P(All, GoldenTokenizerTest, ::testing::ValuesIn(kGoldenTokenizers),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace gguf
