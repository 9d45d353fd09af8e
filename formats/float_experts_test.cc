// gpt-oss saved with its experts as floats, which are stored transposed then: made here from the
// checkpoint with MXFP4 experts, whose values it must have.

#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "formats/codec/codec.h"
#include "formats/folder.h"
#include "formats/open.h"
#include "formats/safetensors_set.h"
#include "formats/testing.h"
#include "gguf/base/float16.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using ::testing::HasSubstr;

constexpr char kFolder[] = "testdata/hf/gpt-oss";

std::string JsonOf(const Shape& shape) {
  std::string text = "[";
  for (const uint64_t dim : shape.dims()) {
    absl::StrAppend(&text, text.size() == 1 ? "" : ",", dim);
  }
  return text + "]";
}

std::string BytesOf(const SafetensorsSet& set, size_t entry) {
  std::string bytes(set.tensor(entry).num_bytes, '\0');
  const absl::Status status =
      set.Read(entry, 0, absl::MakeSpan(reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()));
  EXPECT_TRUE(status.ok()) << status;
  return bytes;
}

// Blocks [experts, rows, columns / 32, 16] and their scales as BF16 [experts, columns, rows].
TestTensor AsFloats(const SafetensorsTensor& blocks, const std::string& codes,
                    const std::string& scales) {
  constexpr float kMagnitudes[] = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6};
  const uint64_t experts = blocks.shape.dims()[0], rows = blocks.shape.dims()[1];
  const uint64_t columns = blocks.shape.dims()[2] * 32;
  std::string bytes(experts * rows * columns * 2, '\0');
  for (uint64_t i = 0; i < experts * rows * columns; ++i) {
    const uint8_t pair = static_cast<uint8_t>(codes[i / 2]);
    const uint8_t code = i % 2 == 0 ? pair & 15 : pair >> 4;
    const int exponent = static_cast<uint8_t>(scales[i / 32]) - 127;
    const float value = std::ldexp(code < 8 ? kMagnitudes[code] : -kMagnitudes[code - 8], exponent);
    const uint16_t half = F32ToBF16(value);
    const uint64_t expert = i / (rows * columns), row = i / columns % rows, column = i % columns;
    std::memcpy(bytes.data() + 2 * ((expert * columns + column) * rows + row), &half, 2);
  }
  std::string name = blocks.name;
  name.resize(name.size() - std::strlen("_blocks"));
  return {name, "BF16", JsonOf(Shape({experts, columns, rows})), bytes};
}

// The folder with float experts; `keep_blocks`: those of one matrix are there as well.
std::string FloatFolder(bool keep_blocks) {
  const auto set = SafetensorsSet::Open(kFolder);
  EXPECT_TRUE(set.ok()) << set.status();
  std::map<std::string, std::string> scales;
  for (size_t i = 0; i < set->entries().size(); ++i) {
    if (absl::EndsWith(set->tensor(i).name, "_scales"))
      scales[set->tensor(i).name] = BytesOf(*set, i);
  }
  std::vector<TestTensor> tensors;
  for (size_t i = 0; i < set->entries().size(); ++i) {
    const SafetensorsTensor& tensor = set->tensor(i);
    if (absl::EndsWith(tensor.name, "_scales")) continue;
    const std::string bytes = BytesOf(*set, i);
    const bool is_blocks = absl::EndsWith(tensor.name, "_blocks");
    if (is_blocks) {
      const std::string of = absl::StrReplaceAll(tensor.name, {{"_blocks", "_scales"}});
      tensors.push_back(AsFloats(tensor, bytes, scales.at(of)));
    }
    if (!is_blocks ||
        (keep_blocks && absl::StrContains(tensor.name, "layers.1.mlp.experts.down"))) {
      tensors.push_back(
          {tensor.name, std::string(NameOf(tensor.type)), JsonOf(tensor.shape), bytes});
    }
  }
  return FolderWith(kFolder, "model.safetensors", MakeSafetensors(tensors));
}

std::vector<float> Values(const TensorSource& source, size_t index, uint64_t rows_at_once) {
  const SourceTensor& tensor = source.tensors()[index];
  const uint64_t columns = tensor.shape.columns();
  std::vector<float> values(tensor.shape.num_values());
  for (uint64_t row = 0; row < tensor.shape.rows(); row += rows_at_once) {
    const uint64_t rows = std::min(rows_at_once, tensor.shape.rows() - row);
    std::vector<uint8_t> bytes(rows * *RowBytes(tensor.type, columns));
    const absl::Status status = source.ReadRows(index, row, rows, absl::MakeSpan(bytes));
    EXPECT_TRUE(status.ok()) << status;
    CodecOf(tensor.type).decode(bytes.data(), rows * columns, values.data() + row * columns);
  }
  return values;
}

TEST(FloatExperts, HaveTheValuesOfTheBlocks) {
  const auto blocks = OpenSource(kFolder, OpenOptions());
  ASSERT_TRUE(blocks.ok()) << blocks.status();
  const auto floats = OpenSource(FloatFolder(/*keep_blocks=*/false), OpenOptions());
  ASSERT_TRUE(floats.ok()) << floats.status();
  ASSERT_EQ((*floats)->tensors().size(), (*blocks)->tensors().size());
  std::map<std::string, size_t> index_of;
  for (size_t i = 0; i < (*blocks)->tensors().size(); ++i) {
    index_of[(*blocks)->tensors()[i].name] = i;
  }
  size_t num_experts = 0;
  for (size_t i = 0; i < (*floats)->tensors().size(); ++i) {
    const SourceTensor& tensor = (*floats)->tensors()[i];
    SCOPED_TRACE(tensor.name);
    const SourceTensor& same = (*blocks)->tensors()[index_of.at(tensor.name)];
    EXPECT_EQ(tensor.shape, same.shape);
    if (same.type == TensorType::kMXFP4) {
      ++num_experts;
      EXPECT_EQ(tensor.type, TensorType::kBF16);
    }
    const std::vector<float> expected = Values(**blocks, index_of.at(tensor.name), 1000);
    EXPECT_EQ(Values(**floats, i, 1000), expected);
    EXPECT_EQ(Values(**floats, i, 7), expected);
  }
  EXPECT_EQ(num_experts, 6u);
}

TEST(FloatExperts, AreNotMixedWithBlocks) {
  const auto source = OpenSource(FloatFolder(/*keep_blocks=*/true), OpenOptions());
  EXPECT_THAT(std::string(source.status().message()),
              HasSubstr("model.layers.1.mlp.experts.down_proj_blocks is there under two names"));
}

}  // namespace
}  // namespace gguf
