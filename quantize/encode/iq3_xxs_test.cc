#include "quantize/encode/iq3_xxs.h"

#include <algorithm>
#include <vector>

#include "formats/codec/iq3_xxs.h"
#include "gtest/gtest.h"
#include "hwy/targets.h"
#include "quantize/encode/encoder_test_cases.h"
#include "quantize/encode/grid_test_cases.h"

namespace gguf {
namespace {

constexpr Encoder kIQ3_XXS = {TensorType::kIQ3_XXS, Effort::kReference,    true, false,
                              EncodeIQ3_XXS,        EncodeIQ3_XXSReference};

// Of normal values, with a margin of a tenth.
constexpr double kError = 0.037;

class IQ3XXSTest : public EncoderTest {};

TEST_P(IQ3XXSTest, GoldenBytes) {
  ExpectGoldenBytes(kIQ3_XXS.type, kIQ3_XXS.encode);
  ExpectGoldenBytes(kIQ3_XXS.type, kIQ3_XXS.encode_reference);
}

TEST_P(IQ3XXSTest, FastEqualsReference) { ExpectFastEqualsReference(kIQ3_XXS); }

TEST_P(IQ3XXSTest, NormalValuesComeBackClose) {
  const std::vector<float> row = RandomRows(0, 4096).values;
  const std::vector<float> weights(row.size(), 1.0f);
  EXPECT_LT(
      RelativeSquaredError(row, EncodedAndDecoded<BlockIQ3_XXS>(kIQ3_XXS, row, weights.data())),
      kError);
}

// A sub-block that no scale fits has the smallest points, whatever was encoded before it.
TEST_P(IQ3XXSTest, WithoutAnyWeightBlocksAreEqual) {
  const std::vector<float> row(512, 0.25f);
  const std::vector<float> weights(512, 0.0f);
  const std::vector<uint8_t> bytes = EncodeRow(kIQ3_XXS.type, kIQ3_XXS.encode, row, weights.data());
  const size_t half = bytes.size() / 2;
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.begin() + half, bytes.begin() + half));
  const std::vector<float> decoded = EncodedAndDecoded<BlockIQ3_XXS>(kIQ3_XXS, row, weights.data());
  EXPECT_TRUE(std::all_of(decoded.begin(), decoded.end(), [](float x) { return x >= 0.0f; }));
}

GGUF_INSTANTIATE_ENCODER_TESTS(IQ3XXSTest);

}  // namespace
}  // namespace gguf
