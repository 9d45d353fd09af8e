#include "gguf/byte_order.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <vector>

#include "gguf/reader.h"
#include "gguf/testing.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

std::vector<uint8_t> Counting(size_t num_bytes) {
  std::vector<uint8_t> bytes(num_bytes);
  for (size_t i = 0; i < num_bytes; ++i) bytes[i] = static_cast<uint8_t>(i);
  return bytes;
}

// Bytes of a block that move, written as "first-last" of each moved range; from the layouts.
TEST(ByteOrder, MovesTheMultiByteFieldsOnly) {
  const struct {
    TensorType type;
    std::vector<std::pair<int, int>> words;  // offset, bytes
  } kCases[] = {
      {TensorType::kF32, {{0, 4}}},
      {TensorType::kBF16, {{0, 2}}},
      {TensorType::kI8, {}},
      {TensorType::kF64, {{0, 8}}},
      {TensorType::kQ4_0, {{0, 2}}},
      {TensorType::kQ4_1, {{0, 2}, {2, 2}}},
      {TensorType::kQ5_1, {{0, 2}, {2, 2}, {4, 4}}},
      {TensorType::kQ8_0, {{0, 2}}},
      {TensorType::kQ2_K, {{80, 2}, {82, 2}}},
      {TensorType::kQ4_K, {{0, 2}, {2, 2}}},
      {TensorType::kQ6_K, {{208, 2}}},
      {TensorType::kMXFP4, {}},
      {TensorType::kNVFP4, {}},
      {TensorType::kIQ1_M, {{48, 2}, {50, 2}, {52, 2}, {54, 2}}},
      {TensorType::kIQ4_XS, {{0, 2}, {2, 2}}},
      {TensorType::kTQ2_0, {{64, 2}}},
  };
  for (const auto& c : kCases) {
    const size_t block_bytes = InfoOf(c.type).block_bytes;
    std::vector<uint8_t> expected = Counting(2 * block_bytes);
    for (const auto& [offset, bytes] : c.words) {
      for (size_t block = 0; block < 2; ++block) {
        const auto first = expected.begin() + block * block_bytes + offset;
        std::reverse(first, first + bytes);
      }
    }
    std::vector<uint8_t> swapped = Counting(2 * block_bytes);
    SwapBlockBytes(c.type, absl::MakeSpan(swapped));
    EXPECT_EQ(swapped, expected) << NameOf(c.type);
  }
}

TEST(ByteOrder, IsItsOwnInverse) {
  for (const TensorTypeInfo& info : AllTensorTypes()) {
    std::vector<uint8_t> bytes = Counting(3 * info.block_bytes);
    SwapBlockBytes(info.type, absl::MakeSpan(bytes));
    SwapBlockBytes(info.type, absl::MakeSpan(bytes));
    EXPECT_EQ(bytes, Counting(3 * info.block_bytes)) << info.name;
  }
}

TEST(ByteOrder, BigEndianFilesReadAsLittleEndianOnes) {
  const float values[] = {1.5f, -2.0f, 3.25f, 0.0f};
  RawGguf raw(true);
  raw.Header(1, 0).Tensor("t", {4}, 0, 0).Pad();
  for (float value : values) raw.Number(value);
  const auto file = OpenBytes(raw.Pad().bytes());
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_TRUE(file->is_big_endian());
  float read[4];
  const absl::Span<uint8_t> out(reinterpret_cast<uint8_t*>(read), sizeof(read));
  ASSERT_TRUE(file->ReadTensorBytes(file->tensors()[0], 0, out).ok());
  EXPECT_TRUE(std::equal(values, values + 4, read));
  ASSERT_TRUE(file->ReadTensorBytes(file->tensors()[0], 4, out.first(8)).ok());
  EXPECT_EQ(read[0], -2.0f);
  EXPECT_FALSE(file->ReadTensorBytes(file->tensors()[0], 2, out.first(4)).ok());
  EXPECT_FALSE(file->ReadTensorBytes(file->tensors()[0], 0, out.first(6)).ok());
}

}  // namespace
}  // namespace gguf
