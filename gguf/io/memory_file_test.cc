#include "gguf/io/memory_file.h"

#include <vector>

#include "gtest/gtest.h"

namespace gguf {
namespace {

TEST(MemoryFile, ReadsLikeAFile) {
  const MemoryFile file("f", "0123456789");
  std::vector<uint8_t> out(3);
  ASSERT_TRUE(file.Read(7, absl::MakeSpan(out)).ok());
  EXPECT_EQ(out, (std::vector<uint8_t>{'7', '8', '9'}));
  EXPECT_EQ(file.Read(8, absl::MakeSpan(out)).code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(file.Read(~uint64_t{0}, absl::MakeSpan(out)).code(), absl::StatusCode::kOutOfRange);
  EXPECT_TRUE(file.Read(10, {}).ok());
}

TEST(MemoryFile, ImitatesAFileThatShrank) {
  const MemoryFile file("f", "0123", 10);
  std::vector<uint8_t> out(3);
  EXPECT_EQ(file.size(), 10u);
  EXPECT_TRUE(file.Read(1, absl::MakeSpan(out)).ok());
  EXPECT_EQ(file.Read(2, absl::MakeSpan(out)).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(file.Read(7, absl::MakeSpan(out)).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(file.Read(8, absl::MakeSpan(out)).code(), absl::StatusCode::kOutOfRange);
}

TEST(MemoryOutput, CollectsWrites) {
  MemoryOutput file("f", 4);
  ASSERT_TRUE(file.Write(2, {'c', 'd'}).ok());
  ASSERT_TRUE(file.Write(0, {'a'}).ok());
  EXPECT_EQ(file.bytes(), std::string("a\0cd", 4));
  EXPECT_EQ(file.Write(3, {'x', 'y'}).code(), absl::StatusCode::kOutOfRange);
}

TEST(MemoryOutput, FailsFromTheGivenWriteOn) {
  MemoryOutput file("f", 4, 2);
  EXPECT_TRUE(file.Write(0, {'a'}).ok());
  EXPECT_TRUE(file.Write(0, {'b'}).ok());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(file.Write(0, {'c'}).code(), absl::StatusCode::kResourceExhausted);
  }
  EXPECT_EQ(file.bytes()[0], 'b');
}

}  // namespace
}  // namespace gguf
