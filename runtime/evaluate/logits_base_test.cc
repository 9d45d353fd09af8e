#include "runtime/evaluate/logits_base.h"

#include <cmath>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "runtime/evaluate/log_softmax.h"

namespace gguf {
namespace {

constexpr uint32_t kVocabulary = 301;  // odd: llama-perplexity's rows are padded then

std::string Path(absl::string_view name) { return absl::StrCat(testing::TempDir(), "/", name); }

TextWindows MakeWindows() {
  TextWindows windows;
  windows.context = 9;
  windows.count = 2;
  windows.bos = 1;
  for (int i = 0; i < 18; ++i) windows.tokens.push_back(i * 7 % kVocabulary);
  return windows;
}

// Row `index`: from nearly certain to uniform, the first with values beyond any code.
std::vector<float> Logits(size_t index) {
  std::vector<float> logits(kVocabulary);
  const float spread = index == 0 ? 100.0f : index == 1 ? 0.0f : 4.0f;
  for (size_t i = 0; i < logits.size(); ++i) {
    logits[i] = 3.0f + spread * std::sin(static_cast<float>(i * (index + 1)));
  }
  return logits;
}

std::vector<float> LogProbabilities(const std::vector<float>& logits) {
  const double log_sum = Normalize(logits).log_sum;
  std::vector<float> result;
  for (const float logit : logits) result.push_back(static_cast<float>(logit - log_sum));
  return result;
}

void CheckRows(LogitsBaseReader* reader, size_t rows, float range) {
  std::vector<float> read(kVocabulary);
  ASSERT_TRUE(reader->ReadRows(rows).ok());
  for (size_t r = 0; r < rows; ++r) {
    const std::vector<float> expected = LogProbabilities(Logits(r));
    float floor = 0.0f;
    ASSERT_TRUE(reader->DecodeRow(r, absl::MakeSpan(read), &floor).ok());
    double sum = 0.0;
    for (const float value : read) sum += std::exp(double{value});
    EXPECT_NEAR(sum, 1.0, 1e-5);
    const float best = *std::max_element(expected.begin(), expected.end());
    for (size_t i = 0; i < kVocabulary; ++i) {
      if (expected[i] < best - range) {
        EXPECT_EQ(read[i], -INFINITY) << r << " " << i;
        EXPECT_NEAR(floor, best - range, 1e-4f);
      } else if (read[i] != -INFINITY) {
        EXPECT_NEAR(read[i], expected[i], range / 65535.0f + 1e-5f) << r << " " << i;
      } else {
        EXPECT_NEAR(expected[i], floor, range / 65535.0f) << r << " " << i;
      }
    }
  }
  EXPECT_TRUE(reader->ExpectEnd().ok());
}

TEST(LogitsBase, RoundTrip) {
  const std::string path = Path("base.zst");
  const TextWindows windows = MakeWindows();
  auto writer = LogitsBaseWriter::Create(path, true, windows, kVocabulary, "a model");
  ASSERT_TRUE(writer.ok()) << writer.status();
  const size_t rows = windows.count * windows.scored();
  EXPECT_EQ(rows, 8u);
  for (size_t r = 0; r < rows; ++r) {
    const std::vector<float> logits = Logits(r);
    ASSERT_TRUE((*writer)->Append({{{1, logits}}}, 2).ok());
  }
  ASSERT_TRUE((*writer)->Commit().ok());
  auto reader = LogitsBaseReader::Open(path);
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ((*reader)->windows().tokens, windows.tokens);
  EXPECT_EQ((*reader)->windows().context, 9u);
  EXPECT_EQ((*reader)->windows().count, 2u);
  EXPECT_EQ((*reader)->windows().bos, 1);
  EXPECT_EQ((*reader)->vocabulary(), kVocabulary);
  EXPECT_EQ((*reader)->fingerprint(), "a model");
  CheckRows(reader->get(), rows, 32.0f);
}

TEST(LogitsBase, LogitsThatAreNoNumbersAreRefused) {
  auto writer = LogitsBaseWriter::Create(Path("nan.zst"), true, MakeWindows(), kVocabulary, "");
  ASSERT_TRUE(writer.ok());
  std::vector<float> logits = Logits(2);
  logits[5] = std::nanf("");
  EXPECT_EQ((*writer)->Append({{{1, logits}}}, 1).code(), absl::StatusCode::kFailedPrecondition);
}

template <typename T>
void Append(T value, std::string* out) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

// As llama-perplexity --save-all-logits writes it, with a range of 16.
std::string LlamaFile(uint32_t context, uint32_t vocabulary, uint32_t count, size_t rows) {
  std::string file = "_logits_";
  for (const uint32_t number : {context, vocabulary, count}) Append(number, &file);
  for (const int32_t token : MakeWindows().tokens) Append(token, &file);
  for (size_t r = 0; r < rows; ++r) {
    const std::vector<float> expected = LogProbabilities(Logits(r));
    const float best = *std::max_element(expected.begin(), expected.end());
    const float least = std::max(best - 16.0f, *std::min_element(expected.begin(), expected.end()));
    const float step = (best - least) / 65535.0f;
    Append(step, &file);
    Append(least, &file);
    for (const float value : expected) {
      const float code = step > 0 ? std::round((std::max(value, least) - least) / step) : 0.0f;
      Append(static_cast<uint16_t>(code), &file);
    }
    Append(uint16_t{0xABCD}, &file);
  }
  return file;
}

TEST(LogitsBase, ReadsLlamaPerplexityFiles) {
  const std::string path = Path("llama.base");
  std::ofstream(path, std::ios::binary) << LlamaFile(9, kVocabulary, 2, 8);
  auto reader = LogitsBaseReader::Open(path);
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ((*reader)->windows().tokens, MakeWindows().tokens);
  EXPECT_EQ((*reader)->windows().bos, kNoToken);
  EXPECT_TRUE((*reader)->fingerprint().empty());
  CheckRows(reader->get(), 8, 16.0f);
}

TEST(LogitsBase, BadFilesAreRefused) {
  struct Case {
    const char* what;
    std::string content;
    const char* mentions;
  };
  std::string version = "GGUFBASE";
  for (const uint32_t number : {2u, 9u, kVocabulary, 2u, 1u, 0u}) Append(number, &version);
  const std::string whole = LlamaFile(9, kVocabulary, 2, 8);
  const Case cases[] = {
      {"empty", "", "no base file"},
      {"other", "GGUF and so on, long enough", "no base file"},
      {"version", version, "version 2"},
      {"small context", LlamaFile(3, kVocabulary, 2, 0), "cannot be"},
      {"huge context", LlamaFile(~0u, kVocabulary, 2, 0), "cannot be"},
      {"no windows", LlamaFile(9, kVocabulary, 0, 0), "cannot be"},
      {"many windows", LlamaFile(9, kVocabulary, ~0u, 0), "cannot be"},
      {"huge vocabulary", LlamaFile(9, ~0u, 2, 0), "cannot be"},
      {"token outside", LlamaFile(9, 100, 2, 0), "expected 0 to 99"},
      {"header only", whole.substr(0, 20), "ends"},
      {"more windows than there are", LlamaFile(9, kVocabulary, 2000000, 8), "ends"},
  };
  for (const Case& test : cases) {
    const std::string path = Path("bad.base");
    std::ofstream(path, std::ios::binary) << test.content;
    const absl::Status status = LogitsBaseReader::Open(path).status();
    EXPECT_FALSE(status.ok()) << test.what;
    EXPECT_NE(status.message().find(test.mentions), absl::string_view::npos)
        << test.what << ": " << status;
    EXPECT_NE(status.message().find(path), absl::string_view::npos) << status;
  }
}

TEST(LogitsBase, RowsThatAreMissingOrNoNumbers) {
  const std::string path = Path("rows.base");
  std::string content = LlamaFile(9, kVocabulary, 2, 8);
  std::ofstream(path, std::ios::binary) << content.substr(0, content.size() - 1);
  auto reader = LogitsBaseReader::Open(path);
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ((*reader)->ReadRows(8).code(), absl::StatusCode::kDataLoss);
  const size_t row = content.size() - (8 + 2 * (kVocabulary + 1));
  const float bad[] = {std::nanf(""), INFINITY, -1.0f, 33.0f};
  for (const float step : bad) {
    std::memcpy(&content[row], &step, sizeof(step));
    std::ofstream(path, std::ios::binary) << content;
    reader = LogitsBaseReader::Open(path);
    ASSERT_TRUE(reader.ok());
    ASSERT_TRUE((*reader)->ReadRows(8).ok());
    std::vector<float> out(kVocabulary);
    float floor = 0.0f;
    EXPECT_TRUE((*reader)->DecodeRow(6, absl::MakeSpan(out), &floor).ok());
    EXPECT_EQ((*reader)->DecodeRow(7, absl::MakeSpan(out), &floor).code(),
              absl::StatusCode::kDataLoss);
  }
}

}  // namespace
}  // namespace gguf
