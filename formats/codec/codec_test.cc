#include "formats/codec/codec.h"

#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "gguf/tensor_type.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

std::vector<uint8_t> ReadTestFile(const std::string& name) {
  std::ifstream file("testdata/blocks/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string NameOfParam(const testing::TestParamInfo<TensorTypeInfo>& info) {
  return std::string(info.param.name);
}

TEST(CodecTest, TableFollowsTheTensorTypes) {
  ASSERT_EQ(AllCodecs().size(), AllTensorTypes().size());
  for (size_t i = 0; i < AllCodecs().size(); ++i) {
    EXPECT_EQ(AllCodecs()[i].type, AllTensorTypes()[i].type);
    EXPECT_EQ(&CodecOf(AllTensorTypes()[i].type), &AllCodecs()[i]);
  }
}

// Types that hold weights have blocks decoded by the reference implementation, and so has Q8_K.
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
    ASSERT_EQ(std::memcmp(&reference[i], &value, sizeof(value)), 0)
        << "value " << i << " is " << reference[i] << ", expected " << value;
  }
  std::vector<float> fast(num_values);
  codec.decode(blocks.data(), num_values, fast.data());
  EXPECT_EQ(std::memcmp(fast.data(), expected.data(), expected.size()), 0);
  EXPECT_EQ(codec.find_bad_block(blocks.data(), num_blocks), num_blocks);
}

std::vector<TensorTypeInfo> TypesWithGoldenBlocks() {
  std::vector<TensorTypeInfo> types;
  for (const TensorTypeInfo& info : AllTensorTypes()) {
    if (info.is_weight || info.type == TensorType::kQ8_K) types.push_back(info);
  }
  return types;
}

INSTANTIATE_TEST_SUITE_P(Types, GoldenTest, testing::ValuesIn(TypesWithGoldenBlocks()),
                         NameOfParam);

}  // namespace
}  // namespace gguf
