#include "gguf/layout.h"

#include <memory>

#include "absl/strings/match.h"
#include "gguf/io/file.h"
#include "gguf/limits.h"
#include "gguf/reader.h"
#include "gguf/testing.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

TEST(Layout, PlacesTensorsWithoutHoles) {
  Metadata metadata;
  metadata.Set("general.alignment", uint32_t{64});
  const auto layout = ComputeLayout(metadata, {{"a", TensorType::kF32, Shape{17}},
                                               {"b", TensorType::kQ4_0, Shape{2, 32}},
                                               {"c", TensorType::kF16, Shape{0}},
                                               {"d", TensorType::kI8, Shape{1}}});
  ASSERT_TRUE(layout.ok()) << layout.status();
  const uint64_t start = layout->head.size();
  EXPECT_EQ(start % 64, 0u);
  EXPECT_EQ(layout->offsets, (std::vector<uint64_t>{start, start + 128, start + 192, start + 192}));
  EXPECT_EQ(layout->sizes, (std::vector<uint64_t>{68, 36, 0, 1}));
  EXPECT_EQ(layout->file_size, start + 256);
}

TEST(Layout, OfNothingIsAHeader) {
  const auto layout = ComputeLayout(Metadata(), {});
  ASSERT_TRUE(layout.ok());
  EXPECT_EQ(layout->file_size, 32u);
  EXPECT_EQ(layout->head, RawGguf().Header(0, 0).Pad().bytes());
}

TEST(Layout, RefusesWhatNoReaderAccepts) {
  const auto with_alignment = [](Value value) {
    Metadata metadata;
    metadata.Set("general.alignment", std::move(value));
    return metadata;
  };
  const auto with_key = [](const std::string& key, Value value) {
    Metadata metadata;
    metadata.Set(key, std::move(value));
    return metadata;
  };
  const TensorSpec good{"good", TensorType::kF32, Shape{4}};
  const uint64_t large = uint64_t{1} << 61;
  const struct {
    Metadata metadata;
    std::vector<TensorSpec> tensors;
    const char* message;
  } kCases[] = {
      {{}, {{"", TensorType::kF32, Shape{4}}}, "empty name"},
      {{}, {{std::string(64, 'n'), TensorType::kF32, Shape{4}}}, "64 bytes, expected at most 63"},
      {{}, {good, good}, "two tensors are called 'good'"},
      {{}, {{"t", TensorType::kF32, Shape{1, 1, 1, 1, 1}}}, "expected at most 4 dimensions"},
      {{}, {{"t", TensorType::kQ6_K, Shape{4, 128}}}, "tensor 't': rows of 128 values"},
      {{}, {{"t", TensorType::kF32, Shape{large}}}, "tensor 't': shape"},
      {{}, {{"t", TensorType::kF16, Shape{large}}}, "larger than 2^62"},
      {with_alignment(Value(uint32_t{0})), {}, "key 'general.alignment' is 0"},
      {with_alignment(Value(uint32_t{48})), {}, "is 48, expected a power of two"},
      {with_alignment(Value(uint32_t{1} << 21)), {}, "at most 1048576"},
      {with_alignment(Value(int32_t{32})), {}, "of type int32, expected uint32"},
      {with_key("", Value(true)), {}, "key is empty"},
      {with_key(std::string(65536, 'k'), Value(true)), {}, "65536 bytes"},
      {with_key("k", Value(Array{std::monostate()})), {}, "array of arrays"},
  };
  for (const auto& c : kCases) {
    const auto layout = ComputeLayout(c.metadata, c.tensors);
    ASSERT_FALSE(layout.ok()) << c.message;
    EXPECT_EQ(layout.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_TRUE(absl::StrContains(layout.status().message(), c.message)) << layout.status();
  }
}

// Files that llama.cpp wrote come out the same, byte for byte.
TEST(Layout, RewritesReferenceFilesIdentically) {
  for (const char* path :
       {"testdata/importance/kjv-llama.gguf", "testdata/importance/qwen3moe.gguf"}) {
    const auto bytes = ReadFileToString(path, 1 << 20);
    ASSERT_TRUE(bytes.ok()) << bytes.status();
    const auto file = OpenBytes(*bytes);
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_TRUE(file->warnings().empty()) << file->warnings()[0];
    std::vector<TensorSpec> tensors;
    std::vector<std::string> data;
    for (const TensorInfo& tensor : file->tensors()) {
      tensors.push_back({tensor.name, tensor.type, tensor.shape});
      data.push_back(bytes->substr(tensor.offset, tensor.num_bytes));
    }
    const auto written = MakeGguf(file->metadata(), tensors, data);
    ASSERT_TRUE(written.ok()) << written.status();
    EXPECT_TRUE(*written == *bytes) << path;
  }
}

}  // namespace
}  // namespace gguf
