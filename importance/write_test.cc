#include "importance/write.h"

#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "importance/merge.h"

namespace gguf {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string BytesOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

ImportanceData Read(const std::string& path) {
  auto data = ReadImportance(path);
  EXPECT_TRUE(data.ok()) << data.status();
  return data.ok() ? *std::move(data) : ImportanceData{};
}

std::string NewPath(const std::string& name) {
  const std::string path = testing::TempDir() + "/" + name;
  unlink(path.c_str());
  return path;
}

absl::Status Write(const ImportanceData& data, const std::string& path, ImportanceFormat format) {
  WriteImportanceOptions options;
  options.format = format;
  return WriteImportance(data, path, options);
}

// Byte for byte the files that llama-imatrix wrote of the same numbers.
TEST(WriteImportanceTest, FilesOfTheFieldComeBackByteForByte) {
  for (const std::string name : {"kjv-llama.gguf", "qwen3moe.gguf", "gemma3-text.gguf"}) {
    const std::string path = NewPath("again.gguf");
    const std::string golden = "testdata/importance/" + name;
    ASSERT_TRUE(Write(Read(golden), path, ImportanceFormat::kGguf).ok()) << name;
    EXPECT_TRUE(BytesOf(path) == BytesOf(golden)) << name;
  }
}

TEST(WriteImportanceTest, LegacyFilesOfTheFieldComeOutOfTheGgufOnes) {
  const std::string path = NewPath("again.dat");
  ASSERT_TRUE(
      Write(Read("testdata/importance/kjv-llama.gguf"), path, ImportanceFormat::kLegacy).ok());
  EXPECT_TRUE(BytesOf(path) == BytesOf("testdata/importance/kjv-llama.dat"));
  ImportanceData data = Read(path);
  CountTokens(128, &data);
  const std::string again = NewPath("again2.dat");
  ASSERT_TRUE(Write(data, again, ImportanceFormat::kLegacy).ok());
  EXPECT_TRUE(BytesOf(again) == BytesOf(path));
}

TEST(WriteImportanceTest, ExpertsWithoutRows) {
  const ImportanceData data = {
      {{"e", {{4, 8, 0, 0}, {4, 0}}}, {"none", {{0, 0}, {0}}}}, {"a", "b"}, 1, 3, "x"};
  const std::string gguf = NewPath("e.gguf"), legacy = NewPath("e.dat");
  ASSERT_TRUE(Write(data, gguf, ImportanceFormat::kGguf).ok());
  const ImportanceData from_gguf = Read(gguf);
  EXPECT_EQ(from_gguf.entries.size(), 2);
  EXPECT_THAT(from_gguf.entries.at("e").counts, ElementsAre(4, 0));
  EXPECT_THAT(from_gguf.entries.at("e").sums, ElementsAre(4, 8, 0, 0));
  EXPECT_THAT(from_gguf.datasets, ElementsAre("a", "b"));
  EXPECT_EQ(from_gguf.chunk_size, 3);
  EXPECT_EQ(from_gguf.chunk_count, 1);
  ASSERT_TRUE(Write(data, legacy, ImportanceFormat::kLegacy).ok());
  const ImportanceData from_legacy = Read(legacy);
  EXPECT_EQ(from_legacy.entries.size(), 1);
  EXPECT_THAT(from_legacy.entries.at("e").counts, ElementsAre(2));  // ceil(4 / 3) calls
  EXPECT_THAT(from_legacy.entries.at("e").sums, ElementsAre(2, 4, 2, 2));
  EXPECT_THAT(from_legacy.datasets, ElementsAre("b"));
}

TEST(WriteImportanceTest, RefusesWhatAFileCannotHold) {
  const std::string path = NewPath("bad");
  const ImportanceData empty = {{}, {}, 0, 8, "x"};
  const ImportanceData unseen = {{{"a", {{0}, {0}}}}, {}, 0, 8, "x"};
  const ImportanceData named = {{{std::string(56, 'n'), {{1}, {1}}}}, {}, 0, 8, "x"};
  const ImportanceData often = {{{"a", {{1}, {int64_t{1} << 33}}}}, {}, 0, 1, "x"};
  for (const auto& [data, format, complaint] :
       {std::tuple(empty, ImportanceFormat::kGguf, "bad would hold no entry"),
        std::tuple(empty, ImportanceFormat::kLegacy, "bad would hold no entry"),
        std::tuple(unseen, ImportanceFormat::kLegacy, "bad would hold no entry"),
        std::tuple(named, ImportanceFormat::kGguf, "nnn.in_sum2"),
        std::tuple(often, ImportanceFormat::kLegacy, "more than the legacy format can count")}) {
    const absl::Status status = Write(data, path, format);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(complaint));
    EXPECT_NE(access(path.c_str(), F_OK), 0);
  }
}

TEST(WriteImportanceTest, ReplacesOnlyWhenAsked) {
  const std::string path = NewPath("once.gguf");
  const ImportanceData data = {{{"a", {{1}, {1}}}}, {}, 0, 8, "x"};
  ASSERT_TRUE(Write(data, path, ImportanceFormat::kGguf).ok());
  EXPECT_EQ(Write(data, path, ImportanceFormat::kLegacy).code(), absl::StatusCode::kAlreadyExists);
  WriteImportanceOptions options;
  options.replace = true;
  EXPECT_TRUE(WriteImportance(data, path, options).ok());
}

}  // namespace
}  // namespace gguf
