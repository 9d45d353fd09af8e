#include <cmath>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "gguf/io/memory_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "importance/formats.h"

namespace gguf {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Bytes of a legacy file, number by number.
class Bytes {
 public:
  Bytes& Int(int32_t number) { return Raw(&number, sizeof(number)); }
  Bytes& Float(float number) { return Raw(&number, sizeof(number)); }
  Bytes& Name(const std::string& name) {
    return Int(static_cast<int32_t>(name.size())).Raw(name.data(), name.size());
  }
  Bytes& Entry(const std::string& name, int32_t calls, const std::vector<float>& values) {
    Name(name).Int(calls).Int(static_cast<int32_t>(values.size()));
    for (const float value : values) Float(value);
    return *this;
  }
  const std::string& str() const { return bytes_; }

 private:
  Bytes& Raw(const void* data, size_t size) {
    bytes_.append(static_cast<const char*>(data), size);
    return *this;
  }
  std::string bytes_;
};

absl::StatusOr<ImportanceData> Read(const std::string& bytes) {
  return ReadLegacyImportance(MemoryFile("old.dat", bytes));
}

std::string ErrorOf(const std::string& bytes) {
  const absl::Status status = Read(bytes).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("old.dat"));
  return std::string(status.message());
}

Bytes TwoEntries() { return Bytes().Int(2).Entry("a", 4, {2, 6}).Entry("b", 0, {3}); }

TEST(LegacyFormatTest, WeightsAreValuesPerCall) {
  const auto data = Read(TwoEntries().Int(7).Name("text.txt").str());
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_THAT(ImportanceWeights(data->entries.at("a")), ElementsAre(0.5f, 1.5f));
  EXPECT_THAT(ImportanceWeights(data->entries.at("b")), ElementsAre(3));  // no calls: as it is
  EXPECT_THAT(data->datasets, ElementsAre("text.txt"));
  EXPECT_EQ(data->chunk_count, 7);
  EXPECT_EQ(data->chunk_size, 0);
  EXPECT_EQ(data->path, "old.dat");
}

TEST(LegacyFormatTest, TrailerMayBeAbsentOrNameless) {
  EXPECT_EQ(Read(TwoEntries().str())->chunk_count, 0);
  const auto nameless = Read(TwoEntries().Int(7).Name("").str());
  ASSERT_TRUE(nameless.ok()) << nameless.status();
  EXPECT_TRUE(nameless->datasets.empty());
  EXPECT_EQ(nameless->chunk_count, 7);
}

TEST(LegacyFormatTest, RefusesTruncationAtEveryByte) {
  const size_t without_trailer = TwoEntries().str().size();
  const std::string bytes = TwoEntries().Int(7).Name("text.txt").str();
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(Read(bytes.substr(0, size)).ok(), size == without_trailer) << size;
  }
  EXPECT_TRUE(Read(bytes).ok());
  EXPECT_THAT(ErrorOf(bytes + '\0'), HasSubstr("1 bytes follow"));
}

TEST(LegacyFormatTest, RefusesTruncationOfARealFile) {
  std::ifstream file("testdata/importance/kjv-llama.dat", std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  ASSERT_EQ(Read(bytes)->entries.size(), 56);
  for (size_t size = 0; size + 19 < bytes.size(); size += 97) {
    EXPECT_FALSE(Read(bytes.substr(0, size)).ok()) << size;
  }
}

// Numbers that lie are refused before anything is allocated for them.
TEST(LegacyFormatTest, RefusesNumbersTheFileCannotHold) {
  constexpr int32_t kHuge = std::numeric_limits<int32_t>::max();
  const std::string padding(64, 'x');
  for (const int32_t count : {0, -1, 6, kHuge, std::numeric_limits<int32_t>::min()}) {
    EXPECT_THAT(ErrorOf(Bytes().Int(count).str() + padding), HasSubstr("number of entries is"))
        << count;
  }
  for (const int32_t length : {0, -1, 65, kHuge}) {
    EXPECT_THAT(ErrorOf(Bytes().Int(1).Int(length).str() + padding), HasSubstr("name length is"))
        << length;
  }
  for (const int32_t values : {0, -1, 17, kHuge}) {
    EXPECT_THAT(ErrorOf(Bytes().Int(1).Name("a").Int(1).Int(values).str() + padding),
                HasSubstr("number of values is"))
        << values;
  }
  EXPECT_THAT(ErrorOf(Bytes().Int(1).Entry("a", -1, {1, 2}).str()), HasSubstr("'a' was called -1"));
  EXPECT_THAT(ErrorOf(TwoEntries().Int(-1).Name("x").str()), HasSubstr("number of chunks is -1"));
  EXPECT_THAT(ErrorOf(TwoEntries().Int(1).Int(-1).str()), HasSubstr("length is -1"));
}

TEST(LegacyFormatTest, RefusesValuesThatAreNoSumsOfSquares) {
  for (const float bad : {-1.0f, std::nanf(""), INFINITY, -INFINITY}) {
    EXPECT_THAT(ErrorOf(Bytes().Int(1).Entry("blk.0.q", 1, {1, bad}).str()),
                HasSubstr("entry 'blk.0.q': value 1 is"))
        << bad;
  }
}

TEST(LegacyFormatTest, RefusesDoubledEntries) {
  EXPECT_THAT(ErrorOf(Bytes().Int(2).Entry("a", 1, {1}).Entry("a", 1, {1}).str()),
              HasSubstr("'a' occurs twice"));
}

TEST(LegacyFormatTest, FilesThatShrinkAreReported) {
  const std::string bytes = TwoEntries().str();
  const MemoryFile file("old.dat", bytes.substr(0, 20), bytes.size());
  EXPECT_FALSE(ReadLegacyImportance(file).ok());
}

}  // namespace
}  // namespace gguf
