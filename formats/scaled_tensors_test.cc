#include "formats/scaled_tensors.h"

#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "formats/testing.h"
#include "formats/widen.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using ::testing::HasSubstr;

HfConfig Config(absl::string_view quantization) {
  return *HfConfig::Parse(
      "config.json", absl::StrCat(R"({"architectures": ["X"])", quantization.empty() ? "" : ", ",
                                  quantization, "}"));
}
constexpr char kBlocks[] =
    R"("quantization_config": {"quant_method": "fp8", "weight_block_size": [2, 3]})";
constexpr char kNoBlocks[] = R"("quantization_config": {"quant_method": "fp8"})";

std::string Floats(const std::vector<float>& values) {
  return std::string(reinterpret_cast<const char*>(values.data()), 4 * values.size());
}

// Bytes 0x10, 0x11, ...: distinct numbers in either 8-bit type.
std::string Codes(size_t count) {
  std::string bytes;
  for (size_t i = 0; i < count; ++i) bytes.push_back(static_cast<char>(0x10 + i % 0x50));
  return bytes;
}

std::vector<float> Widened(ElementType type, const std::string& codes) {
  std::vector<float> values(codes.size());
  WidenToF32(type, reinterpret_cast<const uint8_t*>(codes.data()), codes.size(),
             reinterpret_cast<uint8_t*>(values.data()));
  return values;
}

absl::StatusOr<ScaledTensors> Open(absl::string_view quantization,
                                   const std::vector<TestTensor>& tensors) {
  const std::string folder =
      MakeFolder("scaled", {{"model.safetensors", MakeSafetensors(tensors)}});
  return ScaledTensors::Open(folder, Config(quantization));
}

// Values [first, first + count) of tensor 0.
std::vector<float> Read(const ScaledTensors& tensors, uint64_t first, size_t count) {
  std::vector<float> values(count);
  const absl::Status status = tensors.Read(
      0, 4 * first, absl::MakeSpan(reinterpret_cast<uint8_t*>(values.data()), 4 * count));
  EXPECT_TRUE(status.ok()) << status;
  return values;
}

// Compares every range of a tensor with `scale_of(row, column)` times the stored value.
template <typename ScaleOf>
void ExpectScaled(const ScaledTensors& tensors, ElementType type, const std::string& codes,
                  uint64_t columns, ScaleOf scale_of) {
  std::vector<float> expected = Widened(type, codes);
  for (size_t i = 0; i < expected.size(); ++i) expected[i] *= scale_of(i / columns, i % columns);
  for (size_t first = 0; first < expected.size(); ++first) {
    for (size_t count = 1; first + count <= expected.size(); ++count) {
      EXPECT_EQ(Read(tensors, first, count),
                std::vector<float>(expected.begin() + first, expected.begin() + first + count))
          << first << " " << count;
    }
  }
}

TEST(ScaledTensors, BlocksWithPartsAtTheEdges) {
  // 5 x 7 in blocks of 2 x 3: a grid of 3 x 3.
  const std::string codes = Codes(35);
  const auto tensors = Open(
      kBlocks, {{"a.weight", "F8_E4M3", "[5, 7]", codes},
                {"a.weight_scale_inv", "F32", "[3, 3]", Floats({1, 2, 3, 4, 5, 6, 7, 8, 0.1f})}});
  ASSERT_TRUE(tensors.ok()) << tensors.status();
  ASSERT_EQ(tensors->size(), 1u);
  EXPECT_EQ(tensors->tensor(0).type, ElementType::kF32);
  EXPECT_EQ(tensors->tensor(0).num_bytes, 4u * 35);
  const float scales[] = {1, 2, 3, 4, 5, 6, 7, 8, 0.1f};
  ExpectScaled(*tensors, ElementType::kF8_E4M3, codes, 7,
               [&](size_t row, size_t column) { return scales[row / 2 * 3 + column / 3]; });
}

TEST(ScaledTensors, OneScaleForAllOrPerRow) {
  const std::string codes = Codes(12);
  for (const char* shape : {"[]", "[1]", "[1, 1]"}) {
    const auto tensors = Open(kNoBlocks, {{"a.weight", "F8_E5M2", "[3, 4]", codes},
                                          {"a.weight_scale", "F32", shape, Floats({0.3f})}});
    ASSERT_TRUE(tensors.ok()) << tensors.status();
    ExpectScaled(*tensors, ElementType::kF8_E5M2, codes, 4, [](size_t, size_t) { return 0.3f; });
  }
  for (const char* shape : {"[3]", "[3, 1]"}) {
    const auto tensors =
        Open(kNoBlocks, {{"a.weight_scale", "F32", shape, Floats({0.3f, 2.0f, -1.5f})},
                         {"a.weight", "F8_E4M3", "[3, 4]", codes}});
    ASSERT_TRUE(tensors.ok()) << tensors.status();
    const float scales[] = {0.3f, 2.0f, -1.5f};
    ExpectScaled(*tensors, ElementType::kF8_E4M3, codes, 4,
                 [&](size_t row, size_t) { return scales[row]; });
  }
}

TEST(ScaledTensors, StacksAndSixteenBitScales) {
  // Two matrices of 3 x 4 in blocks of 2 x 3: two grids of 2 x 2. BF16: the upper half of F32.
  const std::string codes = Codes(24);
  std::string scales;
  const std::vector<float> values = {1, 2, 0.5, 4, 8, 16, -1, 0.25};
  for (const float value : values) scales += Floats({value}).substr(2);
  const auto tensors = Open(kBlocks, {{"experts.up_proj", "F8_E4M3", "[2, 3, 4]", codes},
                                      {"experts.up_proj_scale_inv", "BF16", "[2, 2, 2]", scales}});
  ASSERT_TRUE(tensors.ok()) << tensors.status();
  ExpectScaled(*tensors, ElementType::kF8_E4M3, codes, 4, [&](size_t row, size_t column) {
    return values[row / 3 * 4 + row % 3 / 2 * 2 + column / 3];
  });
}

TEST(ScaledTensors, LongTensorsAreReadInParts) {
  const uint64_t columns = 1000, rows = 200;  // more values than a chunk holds
  const std::string codes = Codes(rows * columns);
  std::vector<float> scales;
  for (uint64_t row = 0; row < rows; ++row) scales.push_back(0.01f * static_cast<float>(row));
  const auto tensors = Open(kNoBlocks, {{"a.weight", "F8_E4M3", "[200, 1000]", codes},
                                        {"a.weight_scale", "F32", "[200]", Floats(scales)}});
  ASSERT_TRUE(tensors.ok()) << tensors.status();
  std::vector<float> expected = Widened(ElementType::kF8_E4M3, codes);
  for (size_t i = 0; i < expected.size(); ++i) expected[i] *= scales[i / columns];
  EXPECT_EQ(Read(*tensors, 0, expected.size()), expected);
}

TEST(ScaledTensors, ActivationScalesAreDroppedAndOthersKept) {
  const auto tensors = Open(kNoBlocks, {{"a.input_scale", "F32", "[]", Floats({1})},
                                        {"a.k_scale", "F32", "[1]", Floats({1})},
                                        {"a.activation_scale", "F32", "[]", Floats({1})},
                                        {"a.weight", "F8_E4M3", "[1, 4]", Codes(4)},
                                        {"a.weight_scale", "F32", "[]", Floats({1})},
                                        {"b.weight", "F32", "[1]", Floats({2})},
                                        {"b.weight_scale", "F32", "[1]", Floats({3})}});
  ASSERT_TRUE(tensors.ok()) << tensors.status();
  ASSERT_EQ(tensors->size(), 3u);
  EXPECT_EQ(tensors->tensor(0).name, "a.weight");
  EXPECT_EQ(tensors->tensor(1).name, "b.weight");
  EXPECT_EQ(tensors->tensor(2).name, "b.weight_scale");  // of no 8-bit tensor: the mapping objects
}

TEST(ScaledTensors, EightBitFloatsThatNoMethodIsNamedForAreValues) {
  const auto tensors = Open("", {{"a.weight", "F8_E4M3", "[1, 4]", Codes(4)}});
  ASSERT_TRUE(tensors.ok()) << tensors.status();
  EXPECT_EQ(tensors->tensor(0).type, ElementType::kF8_E4M3);
}

TEST(ScaledTensors, NamesWhatDoesNotFit) {
  const TestTensor weight = {"a.weight", "F8_E4M3", "[5, 7]", Codes(35)};
  const struct {
    const char* config;
    std::vector<TestTensor> tensors;
    const char* message;
  } kCases[] = {
      {kBlocks,
       {weight, {"a.weight_scale_inv", "F32", "[3, 2]", Floats({1, 2, 3, 4, 5, 6})}},
       "a.weight_scale_inv has the shape [3, 2], expected one number, one for each of the 5 rows "
       "of a.weight, or [3, 3] (weight_block_size is [2, 3])"},
      {kNoBlocks,
       {weight, {"a.weight_scale_inv", "F32", "[2]", Floats({1, 2})}},
       "for scales of blocks config.json needs quantization_config.weight_block_size"},
      {kNoBlocks, {weight}, "1 tensors of 8-bit floats have no scale"},
      {kNoBlocks,
       {weight,
        {"a.weight_scale_inv", "F32", "[]", Floats({1})},
        {"a.weight_scale", "F32", "[]", Floats({1})}},
       "a.weight has two scales, a.weight_scale_inv and a.weight_scale"},
      {R"("quantization_config": {"quant_method": "fp8", "weight_block_size": [0, 3]})",
       {weight, {"a.weight_scale_inv", "F32", "[3, 3]", Floats({1, 2, 3, 4, 5, 6, 7, 8, 9})}},
       "weight_block_size is a list, expected two whole numbers above 0"},
  };
  for (const auto& test : kCases) {
    const auto tensors = Open(test.config, test.tensors);
    ASSERT_FALSE(tensors.ok()) << test.message;
    EXPECT_THAT(std::string(tensors.status().message()), HasSubstr(test.message));
  }
}

}  // namespace
}  // namespace gguf
