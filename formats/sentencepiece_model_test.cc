#include "formats/sentencepiece_model.h"

#include <cstring>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using ::testing::HasSubstr;

// Wire format by hand: these bytes are what the file format says, not what our message says.
std::string Field(int number, const std::string& bytes) {
  return std::string(1, static_cast<char>(number << 3 | 2)) +
         std::string(1, static_cast<char>(bytes.size())) + bytes;
}

std::string Piece(const std::string& text, float score, int type) {
  std::string piece = Field(1, text) + "\x15" + std::string(4, '\0');
  std::memcpy(piece.data() + piece.size() - 4, &score, 4);
  if (type >= 0) piece += std::string("\x18") + static_cast<char>(type);
  return Field(1, piece);
}

const std::string kBpe = Field(2, "\x18\x02");

TEST(SentencePieceModel, ReadsPieces) {
  const absl::StatusOr<SentencePieceModel> model = ParseSentencePieceModel(
      "tokenizer.model", Piece("<unk>", 0, 2) + kBpe + Piece("ab", -0.0f, -1) +
                             Field(3, "ignored?") + Piece("<0x0A>", 0, 6) +
                             Field(15, "unknown field"));
  // Field 3 of the file is a message we do not declare; unknown fields are skipped unread.
  ASSERT_TRUE(model.ok()) << model.status();
  ASSERT_EQ(model->pieces.size(), 3);
  EXPECT_EQ(model->pieces[0].text, "<unk>");
  EXPECT_EQ(model->pieces[0].type, TokenType::kUnknown);
  EXPECT_EQ(model->pieces[1].text, "ab");
  EXPECT_EQ(model->pieces[1].type, TokenType::kNormal);
  EXPECT_TRUE(std::signbit(model->pieces[1].score));
  EXPECT_EQ(model->pieces[2].type, TokenType::kByte);
}

TEST(SentencePieceModel, RefusesBrokenModels) {
  const std::string good = Piece("a", 1, 1) + kBpe;
  ASSERT_TRUE(ParseSentencePieceModel("m", good).ok());
  const struct {
    std::string bytes;
    std::string message;
  } kCases[] = {
      {"", "without pieces"},
      {kBpe, "without pieces"},
      {good + "\x0a", "is not a SentencePiece model"},
      {good.substr(0, 4), "is not a SentencePiece model"},
      {"{\"json\": 1}", "is not a SentencePiece model"},
      {std::string(64, '\xff'), "is not a SentencePiece model"},
      {Piece("a", 1, 1), "of type UNIGRAM (1)"},
      {Piece("a", 1, 1) + Field(2, "\x18\x04"), "of type CHAR (4)"},
      {Piece("a", 1, 1) + Field(2, "\x18\x63"), "of type unknown (99)"},
      {good + Piece("", 1, 1), "piece 1 has no text"},
      {good + Piece("b", 1, 0), "piece 1 has the unknown type 0"},
      {good + Piece("b", 1, 7), "piece 1 has the unknown type 7"},
      {good + Piece("b", std::numeric_limits<float>::infinity(), 1), "has the score inf"},
      {good + Piece("b", std::numeric_limits<float>::quiet_NaN(), 1), "has the score nan"},
      {std::string(kMaxSentencePieceBytes + 1, 'x'), "has 16777217 bytes"},
  };
  for (const auto& test : kCases) {
    const absl::StatusOr<SentencePieceModel> model = ParseSentencePieceModel("m", test.bytes);
    ASSERT_FALSE(model.ok()) << test.message;
    EXPECT_EQ(model.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(model.status().message()), HasSubstr(test.message));
  }
}

}  // namespace
}  // namespace gguf
