#include "gguf/writer.h"

#include <string>
#include <vector>

#include "gguf/io/memory_file.h"
#include "gguf/layout.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

class WriterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto layout = ComputeLayout(
        Metadata(), {{"a", TensorType::kI8, Shape{5}}, {"b", TensorType::kI8, Shape{40}}});
    ASSERT_TRUE(layout.ok());
    layout_ = *std::move(layout);
  }
  Layout layout_;
};

TEST_F(WriterTest, ZeroesPaddingOfAReusedFile) {
  MemoryOutput file("out", layout_.file_size);
  const std::vector<uint8_t> garbage(layout_.file_size, 0xAA);
  ASSERT_TRUE(file.Write(0, garbage).ok());
  const auto writer = GgufWriter::Create(&layout_, &file);
  ASSERT_TRUE(writer.ok()) << writer.status();
  ASSERT_TRUE(writer->WriteTensorBytes(1, 39, {0x11}).ok());
  ASSERT_TRUE(writer->WriteTensorBytes(0, 0, {1, 2, 3, 4, 5}).ok());
  const std::string& bytes = file.bytes();
  EXPECT_EQ(bytes.substr(0, layout_.head.size()), layout_.head);
  EXPECT_EQ(bytes.substr(layout_.offsets[0], 32), "\1\2\3\4\5" + std::string(27, '\0'));
  EXPECT_EQ(bytes.substr(layout_.offsets[1] + 39), "\x11" + std::string(24, '\0'));
}

TEST_F(WriterTest, RefusesBytesOutsideATensor) {
  MemoryOutput file("out", layout_.file_size);
  const auto writer = GgufWriter::Create(&layout_, &file);
  ASSERT_TRUE(writer.ok());
  const std::vector<uint8_t> six(6, 1);
  EXPECT_EQ(writer->WriteTensorBytes(0, 0, six).code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(writer->WriteTensorBytes(0, 5, {1}).code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(writer->WriteTensorBytes(0, ~uint64_t{0}, {1}).code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(writer->WriteTensorBytes(2, 0, {1}).code(), absl::StatusCode::kOutOfRange);
  EXPECT_TRUE(writer->WriteTensorBytes(0, 5, {}).ok());
}

TEST_F(WriterTest, PassesOnFailures) {
  MemoryOutput full("out", layout_.file_size, 0);
  EXPECT_EQ(GgufWriter::Create(&layout_, &full).status().code(),
            absl::StatusCode::kResourceExhausted);
  MemoryOutput almost("out", layout_.file_size, 3);  // head and two paddings
  const auto writer = GgufWriter::Create(&layout_, &almost);
  ASSERT_TRUE(writer.ok()) << writer.status();
  EXPECT_EQ(writer->WriteTensorBytes(0, 0, {1}).code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace gguf
