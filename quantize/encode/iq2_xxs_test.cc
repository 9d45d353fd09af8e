#include "quantize/encode/iq2_xxs.h"

#include <algorithm>
#include <vector>

#include "formats/codec/iq2_xxs.h"
#include "gtest/gtest.h"
#include "hwy/targets.h"
#include "quantize/encode/encoder_test_cases.h"
#include "quantize/encode/grid_test_cases.h"

namespace gguf {
namespace {

constexpr Encoder kIQ2_XXS = {TensorType::kIQ2_XXS, Effort::kReference,    true, true,
                              EncodeIQ2_XXS,        EncodeIQ2_XXSReference};

// Of normal values, with a margin of a tenth.
constexpr double kError = 0.131;

class IQ2XXSTest : public EncoderTest {};

TEST_P(IQ2XXSTest, GoldenBytes) {
  ExpectGoldenBytes(kIQ2_XXS.type, kIQ2_XXS.encode);
  ExpectGoldenBytes(kIQ2_XXS.type, kIQ2_XXS.encode_reference);
}

TEST_P(IQ2XXSTest, FastEqualsReference) { ExpectFastEqualsReference(kIQ2_XXS); }

TEST_P(IQ2XXSTest, NormalValuesComeBackClose) {
  const std::vector<float> row = RandomRows(0, 4096).values;
  const std::vector<float> weights(row.size(), 1.0f);
  EXPECT_LT(
      RelativeSquaredError(row, EncodedAndDecoded<BlockIQ2_XXS>(kIQ2_XXS, row, weights.data())),
      kError);
}

// A sub-block that no scale fits has the smallest points, whatever was encoded before it.
TEST_P(IQ2XXSTest, WithoutAnyWeightBlocksAreEqual) {
  const std::vector<float> row(512, 0.25f);
  const std::vector<float> weights(512, 0.0f);
  const std::vector<uint8_t> bytes = EncodeRow(kIQ2_XXS.type, kIQ2_XXS.encode, row, weights.data());
  const size_t half = bytes.size() / 2;
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.begin() + half, bytes.begin() + half));
  const std::vector<float> decoded = EncodedAndDecoded<BlockIQ2_XXS>(kIQ2_XXS, row, weights.data());
  EXPECT_TRUE(std::all_of(decoded.begin(), decoded.end(), [](float x) { return x >= 0.0f; }));
}

GGUF_INSTANTIATE_ENCODER_TESTS(IQ2XXSTest);

}  // namespace
}  // namespace gguf
