// Whatever the writer writes, the reader reads back the same: all value types, all tensor types.

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "gguf/layout.h"
#include "gguf/metadata.h"
#include "gguf/reader.h"
#include "gguf/tensor_type.h"
#include "gguf/testing.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

template <typename T>
void SetLimits(const char* name, Metadata* metadata) {
  using Limits = std::numeric_limits<T>;
  const std::string prefix(name);
  metadata->Set(prefix + ".min", Limits::lowest());
  metadata->Set(prefix + ".max", Limits::max());
  metadata->Set(prefix + ".array", std::vector<T>{Limits::lowest(), T{0}, T{1}, Limits::max()});
  metadata->Set(prefix + ".empty", std::vector<T>{});
}

Metadata AllValues() {
  Metadata metadata;
  metadata.Set("general.architecture", std::string("test"));
  SetLimits<uint8_t>("u8", &metadata);
  SetLimits<int8_t>("i8", &metadata);
  SetLimits<uint16_t>("u16", &metadata);
  SetLimits<int16_t>("i16", &metadata);
  SetLimits<uint32_t>("u32", &metadata);
  SetLimits<int32_t>("i32", &metadata);
  SetLimits<uint64_t>("u64", &metadata);
  SetLimits<int64_t>("i64", &metadata);
  SetLimits<float>("f32", &metadata);
  SetLimits<double>("f64", &metadata);
  metadata.Set("f32.negative_zero", -0.0f);
  metadata.Set("f32.nan", std::numeric_limits<float>::quiet_NaN());
  metadata.Set("f64.infinity", std::numeric_limits<double>::infinity());
  metadata.Set("bool.true", true);
  metadata.Set("bool.false", false);
  metadata.Set("bool.array", Array{Bools{{1, 0, 0, 1}}});
  metadata.Set("string", std::string("plain"));
  metadata.Set("string.empty", std::string());
  metadata.Set("string.nul", std::string("a\0b", 3));
  metadata.Set("string.utf8", std::string("\xC3\xA9\xF0\x9F\x98\x80"));
  metadata.Set("string.array", std::vector<std::string>{"", "x", std::string(100000, 'y')});
  metadata.Set("string.array.empty", std::vector<std::string>{});
  metadata.Set("large", std::vector<uint32_t>(600000, 7u));  // more than one step of the cursor
  return metadata;
}

TEST(RoundTrip, KeepsEveryValueAndItsType) {
  const Metadata metadata = AllValues();
  const auto bytes = MakeGguf(metadata, {});
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  const auto file = OpenBytes(*bytes);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_TRUE(file->warnings().empty()) << file->warnings()[0];
  ASSERT_EQ(file->metadata().size(), metadata.size());
  for (size_t i = 0; i < metadata.size(); ++i) {
    EXPECT_EQ(file->metadata().entries()[i].first, metadata.entries()[i].first);
    EXPECT_EQ(file->metadata().entries()[i].second, metadata.entries()[i].second)
        << metadata.entries()[i].first;
  }
}

std::vector<TensorSpec> AllTypesAsTensors() {
  std::vector<TensorSpec> tensors;
  for (const TensorTypeInfo& info : AllTensorTypes()) {
    tensors.push_back({"t." + std::string(info.name), info.type, Shape{3, 2u * info.block_values}});
  }
  return tensors;
}

TEST(RoundTrip, KeepsEveryTensorType) {
  for (uint32_t alignment : {1u, 8u, 32u, 4096u}) {
    Metadata metadata;
    metadata.Set("general.alignment", alignment);
    const std::vector<TensorSpec> tensors = AllTypesAsTensors();
    const auto bytes = MakeGguf(metadata, tensors);
    ASSERT_TRUE(bytes.ok()) << bytes.status();
    const auto file = OpenBytes(*bytes);
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_EQ(file->alignment(), alignment);
    ASSERT_EQ(file->tensors().size(), tensors.size());
    for (size_t i = 0; i < tensors.size(); ++i) {
      const TensorInfo& tensor = file->tensors()[i];
      EXPECT_EQ(tensor.name, tensors[i].name);
      EXPECT_EQ(tensor.type, tensors[i].type);
      EXPECT_EQ(tensor.shape, tensors[i].shape);
      EXPECT_EQ(tensor.num_bytes, 6u * InfoOf(tensor.type).block_bytes);
      EXPECT_EQ(tensor.offset % alignment, 0u);
      std::string data(tensor.num_bytes, '\0');
      ASSERT_TRUE(
          file->ReadTensorBytes(tensor, 0,
                                absl::MakeSpan(reinterpret_cast<uint8_t*>(&data[0]), data.size()))
              .ok());
      EXPECT_EQ(data, PatternBytes(i, tensor.num_bytes)) << tensor.name;
    }
  }
}

TEST(RoundTrip, KeepsDimensionsOfOne) {
  const struct {
    Shape given, read;
  } kCases[] = {{Shape{}, Shape{1}},        {Shape{1}, Shape{1}},
                {Shape{1, 1}, Shape{1, 1}}, {Shape{1, 5}, Shape{1, 5}},
                {Shape{5, 1}, Shape{5, 1}}, {Shape{1, 2, 1, 3}, Shape{1, 2, 1, 3}},
                {Shape{0, 3}, Shape{0, 3}}};
  for (const auto& c : kCases) {
    const auto bytes = MakeGguf(Metadata(), {{"t", TensorType::kF32, c.given}});
    ASSERT_TRUE(bytes.ok()) << bytes.status();
    const auto file = OpenBytes(*bytes);
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_EQ(file->tensors()[0].shape, c.read) << c.given.ToString();
  }
}

}  // namespace
}  // namespace gguf
