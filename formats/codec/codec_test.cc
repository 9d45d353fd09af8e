#include "formats/codec/codec.h"

#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "gguf/base/float16.h"
#include "gguf/tensor_type.h"
#include "gtest/gtest.h"
#include "hwy/highway.h"

namespace gguf {
namespace {

std::vector<uint8_t> ReadTestFile(const std::string& name) {
  std::ifstream file("testdata/blocks/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void UseTargets(int64_t targets) {
  hwy::SetSupportedTargetsForTest(targets);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

TEST(CodecTest, TableFollowsTheTensorTypes) {
  ASSERT_EQ(AllCodecs().size(), AllTensorTypes().size());
  for (size_t i = 0; i < AllCodecs().size(); ++i) {
    EXPECT_EQ(AllCodecs()[i].type, AllTensorTypes()[i].type);
    EXPECT_EQ(&CodecOf(AllTensorTypes()[i].type), &AllCodecs()[i]);
  }
}

// ---- Golden blocks: of all weights, and of Q8_K

class GoldenTest : public testing::TestWithParam<TensorTypeInfo> {};

TEST_P(GoldenTest, DecodesToTheBitsOfTheReferenceImplementation) {
  const TensorTypeInfo& info = GetParam();
  const std::vector<uint8_t> blocks = ReadTestFile(std::string(info.name) + ".bin");
  const std::vector<uint8_t> expected = ReadTestFile(std::string(info.name) + ".f32");
  ASSERT_FALSE(blocks.empty()) << "no golden blocks of " << info.name;
  const size_t num_blocks = blocks.size() / info.block_bytes;
  const size_t num_values = num_blocks * info.block_values;
  ASSERT_EQ(expected.size(), num_values * sizeof(float));

  const Codec& codec = CodecOf(info.type);
  std::vector<float> reference(num_values);
  codec.decode_reference(blocks.data(), num_values, reference.data());
  for (size_t i = 0; i < num_values; ++i) {
    float value;
    std::memcpy(&value, expected.data() + i * sizeof(float), sizeof(value));
    ASSERT_EQ(BitsOf(reference[i]), BitsOf(value))
        << "value " << i << " is " << reference[i] << ", expected " << value;
  }
  std::vector<float> fast(num_values);
  codec.decode(blocks.data(), num_values, fast.data());
  EXPECT_EQ(std::memcmp(fast.data(), expected.data(), expected.size()), 0);
  EXPECT_EQ(codec.find_bad_block(blocks.data(), num_blocks), num_blocks);
}

TEST_P(GoldenTest, CodesAndScalesMakeTheSameValues) {
  const TensorTypeInfo& info = GetParam();
  const Codec& codec = CodecOf(info.type);
  ASSERT_EQ(codec.unpack != nullptr, info.block_values > 1);
  if (codec.unpack == nullptr || !CanUnpack()) return;
  const std::vector<uint8_t> blocks = ReadTestFile(std::string(info.name) + ".bin");
  const size_t num_values = blocks.size() / info.block_bytes * info.block_values;
  std::vector<float> expected(num_values);
  codec.decode_reference(blocks.data(), num_values, expected.data());
  std::vector<int8_t> codes(num_values);
  std::vector<float> scales(num_values / kCodeGroup), minimums(num_values / kCodeGroup);
  codec.unpack(blocks.data(), num_values, {codes.data(), scales.data(), minimums.data()});
  for (size_t i = 0; i < num_values; ++i) {
    float value = scales[i / kCodeGroup] * static_cast<float>(codes[i]);
    if (HasMinimums(info.type)) value -= minimums[i / kCodeGroup];
    ASSERT_EQ(value, expected[i]) << "value " << i;
  }
}

std::vector<TensorTypeInfo> TypesWithGoldenBlocks() {
  std::vector<TensorTypeInfo> types;
  for (const TensorTypeInfo& info : AllTensorTypes()) {
    if (info.is_weight || info.type == TensorType::kQ8_K) types.push_back(info);
  }
  return types;
}

INSTANTIATE_TEST_SUITE_P(Types, GoldenTest, testing::ValuesIn(TypesWithGoldenBlocks()),
                         [](const auto& info) { return std::string(info.param.name); });

// ---- The Highway decoders against DecodeBlock, with every instruction set

class RandomBytesTest : public testing::TestWithParam<std::tuple<int64_t, TensorTypeInfo>> {
 protected:
  void SetUp() override { UseTargets(std::get<0>(GetParam())); }
  void TearDown() override { UseTargets(0); }
};

TEST_P(RandomBytesTest, DecodeEqualsReference) {
  const TensorTypeInfo& info = std::get<1>(GetParam());
  const Codec& codec = CodecOf(info.type);
  std::mt19937_64 random(static_cast<uint64_t>(info.type));
  size_t num_finite = 0;
  for (size_t round = 0; round < 400; ++round) {
    const size_t num_blocks = 1 + round % 7 + (info.block_values == 1 ? round : 0);
    const size_t offset = round % 5;  // of the first block and, in floats, of the output
    const size_t num_values = num_blocks * info.block_values;
    // Exactly as long as the blocks, so that a sanitizer sees a read beyond them.
    std::vector<uint8_t> bytes(offset + num_blocks * info.block_bytes);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
    const uint8_t* blocks = bytes.data() + offset;
    const bool sane = codec.find_bad_block(blocks, num_blocks) == num_blocks;

    constexpr float kUntouched = 12345.0f;
    std::vector<float> expected(num_values);
    std::vector<float> actual(offset + num_values + 1, kUntouched);
    codec.decode_reference(blocks, num_values, expected.data());
    codec.decode(blocks, num_values, actual.data() + offset);
    for (size_t i = 0; i < num_values; ++i) {
      const float value = actual[offset + i];
      // Sign and payload of a NaN that arithmetic made are the instruction set's.
      if (!sane && info.is_quantized && std::isnan(expected[i]) && std::isnan(value)) continue;
      ASSERT_EQ(BitsOf(value), BitsOf(expected[i]))
          << "round " << round << ", value " << i << " is " << value << ", expected "
          << expected[i];
      num_finite += std::isfinite(value);
    }
    for (size_t i = 0; i < offset; ++i) ASSERT_EQ(actual[i], kUntouched);
    ASSERT_EQ(actual.back(), kUntouched);
  }
  EXPECT_GT(num_finite, 400 * info.block_values);
}

TEST_P(RandomBytesTest, NothingToDecode) {
  const Codec& codec = CodecOf(std::get<1>(GetParam()).type);
  float untouched = 1.0f;
  codec.decode(nullptr, 0, &untouched);
  codec.decode_reference(nullptr, 0, &untouched);
  EXPECT_EQ(untouched, 1.0f);
  EXPECT_EQ(codec.find_bad_block(nullptr, 0), 0u);
}

INSTANTIATE_TEST_SUITE_P(Targets, RandomBytesTest,
                         testing::Combine(testing::ValuesIn(hwy::SupportedAndGeneratedTargets()),
                                          testing::ValuesIn(AllTensorTypes().begin(),
                                                            AllTensorTypes().end())),
                         [](const auto& info) {
                           return std::string(hwy::TargetName(std::get<0>(info.param))) + "_" +
                                  std::string(std::get<1>(info.param).name);
                         });

// ---- Blocks no encoder may write

// A field at `offset` of a block of zeros is `bad` or, on the sane side of the rule, `good`.
struct Rule {
  TensorType type;
  size_t offset;
  std::vector<uint8_t> good;
  std::vector<uint8_t> bad;
};

template <class T>
std::vector<uint8_t> Bytes(T value) {
  std::vector<uint8_t> bytes(sizeof(value));
  std::memcpy(bytes.data(), &value, sizeof(value));
  return bytes;
}

// Rules of a float type: the largest finite value against infinity and the smallest NaN, signed.
template <class T>
std::vector<Rule> RulesOf(TensorType type, size_t offset, T infinity) {
  const T sign = static_cast<T>(T{1} << (8 * sizeof(T) - 1));
  const T largest = static_cast<T>(infinity - 1);
  return {
      {type, offset, Bytes<T>(largest), Bytes<T>(infinity)},
      {type, offset, Bytes<T>(largest | sign), Bytes<T>(infinity | sign)},
      {type, offset, Bytes<T>(0), Bytes<T>(infinity + 1)},
      {type, offset, Bytes<T>(sign | 1), Bytes<T>(static_cast<T>(~T{0}))},
  };
}

std::vector<Rule> AllRules() {
  constexpr uint16_t kInfinity = 0x7C00;
  // Every binary16 scale and minimum by its place in the format.
  const std::vector<std::pair<TensorType, size_t>> halves = {
      {TensorType::kF16, 0},     {TensorType::kQ4_0, 0},   {TensorType::kQ4_1, 0},
      {TensorType::kQ4_1, 2},    {TensorType::kQ5_0, 0},   {TensorType::kQ5_1, 0},
      {TensorType::kQ5_1, 2},    {TensorType::kQ8_0, 0},   {TensorType::kQ8_1, 0},
      {TensorType::kQ8_1, 2},    {TensorType::kQ2_K, 80},  {TensorType::kQ2_K, 82},
      {TensorType::kQ3_K, 108},  {TensorType::kQ4_K, 0},   {TensorType::kQ4_K, 2},
      {TensorType::kQ5_K, 0},    {TensorType::kQ5_K, 2},   {TensorType::kQ6_K, 208},
      {TensorType::kIQ2_XXS, 0}, {TensorType::kIQ2_XS, 0}, {TensorType::kIQ2_S, 0},
      {TensorType::kIQ3_XXS, 0}, {TensorType::kIQ3_S, 0},  {TensorType::kIQ1_S, 0},
      {TensorType::kIQ4_NL, 0},  {TensorType::kIQ4_XS, 0}, {TensorType::kTQ1_0, 52},
      {TensorType::kTQ2_0, 64},  {TensorType::kQ1_0, 0},   {TensorType::kQ2_0, 0},
  };
  std::vector<Rule> rules;
  const auto add = [&rules](const std::vector<Rule>& more) {
    rules.insert(rules.end(), more.begin(), more.end());
  };
  for (const auto& [type, offset] : halves) add(RulesOf<uint16_t>(type, offset, kInfinity));
  add(RulesOf<uint16_t>(TensorType::kBF16, 0, 0x7F80));
  add(RulesOf<uint32_t>(TensorType::kF32, 0, 0x7F800000));
  add(RulesOf<uint64_t>(TensorType::kF64, 0, 0x7FF0000000000000));
  add(RulesOf<uint32_t>(TensorType::kQ8_K, 0, 0x7F800000));
  rules.push_back({TensorType::kMXFP4, 0, {254}, {255}});
  // The nibbles of 0x7BFF (finite) and 0x7C00 in the top of the four scale words.
  rules.push_back({TensorType::kIQ1_M,
                   48,
                   {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xBF, 0xFF, 0x7F},
                   {0xFF, 0x0F, 0xFF, 0x0F, 0xFF, 0xCF, 0xFF, 0x7F}});
  return rules;
}

class BadBlockTest : public testing::TestWithParam<int64_t> {
 protected:
  void SetUp() override { UseTargets(GetParam()); }
  void TearDown() override { UseTargets(0); }
};

TEST_P(BadBlockTest, EveryRuleOnBothSidesAndInEveryPlace) {
  for (const Rule& rule : AllRules()) {
    const TensorTypeInfo& info = InfoOf(rule.type);
    const Codec& codec = CodecOf(rule.type);
    const size_t num_blocks = info.block_values == 1 ? 300 : 3;
    std::vector<uint8_t> blocks(num_blocks * info.block_bytes);
    const auto put = [&](size_t block, const std::vector<uint8_t>& field) {
      std::memcpy(&blocks[block * info.block_bytes + rule.offset], field.data(), field.size());
    };
    for (size_t i = 0; i < num_blocks; ++i) put(i, rule.good);
    ASSERT_EQ(codec.find_bad_block(blocks.data(), num_blocks), num_blocks) << info.name;
    for (size_t i = num_blocks; i-- > 0;) {
      put(i, rule.bad);  // behind it bad ones already
      ASSERT_EQ(codec.find_bad_block(blocks.data(), num_blocks), i) << info.name;
    }
  }
}

TEST_P(BadBlockTest, EveryOtherTypeAcceptsAllBytes) {
  for (const TensorType type : {TensorType::kNVFP4, TensorType::kI8, TensorType::kI16,
                                TensorType::kI32, TensorType::kI64}) {
    for (const int byte : {0x00, 0x7C, 0x7F, 0xFF}) {
      const std::vector<uint8_t> block(InfoOf(type).block_bytes, static_cast<uint8_t>(byte));
      EXPECT_EQ(CodecOf(type).find_bad_block(block.data(), 1), 1u) << NameOf(type);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, BadBlockTest,
                         testing::ValuesIn(hwy::SupportedAndGeneratedTargets()),
                         [](const auto& info) { return hwy::TargetName(info.param); });

}  // namespace
}  // namespace gguf
