#include "quantize/encode/iq2_xs.h"

#include <algorithm>
#include <vector>

#include "formats/codec/iq2_xs.h"
#include "gtest/gtest.h"
#include "hwy/targets.h"
#include "quantize/encode/encoder_test_cases.h"
#include "quantize/encode/grid_test_cases.h"

namespace gguf {
namespace {

constexpr Encoder kIQ2_XS = {TensorType::kIQ2_XS, Effort::kReference,   true, true,
                             EncodeIQ2_XS,        EncodeIQ2_XSReference};

// Of normal values, with a margin of a tenth.
constexpr double kError = 0.100;

class IQ2XSTest : public EncoderTest {};

TEST_P(IQ2XSTest, GoldenBytes) {
  ExpectGoldenBytes(kIQ2_XS.type, kIQ2_XS.encode);
  ExpectGoldenBytes(kIQ2_XS.type, kIQ2_XS.encode_reference);
}

TEST_P(IQ2XSTest, FastEqualsReference) { ExpectFastEqualsReference(kIQ2_XS); }

TEST_P(IQ2XSTest, NormalValuesComeBackClose) {
  const std::vector<float> row = RandomRows(0, 4096).values;
  const std::vector<float> weights(row.size(), 1.0f);
  EXPECT_LT(RelativeSquaredError(row, EncodedAndDecoded<BlockIQ2_XS>(kIQ2_XS, row, weights.data())),
            kError);
}

// A sub-block that no scale fits has the smallest points, whatever was encoded before it.
TEST_P(IQ2XSTest, WithoutAnyWeightBlocksAreEqual) {
  const std::vector<float> row(512, 0.25f);
  const std::vector<float> weights(512, 0.0f);
  const std::vector<uint8_t> bytes = EncodeRow(kIQ2_XS.type, kIQ2_XS.encode, row, weights.data());
  const size_t half = bytes.size() / 2;
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.begin() + half, bytes.begin() + half));
  const std::vector<float> decoded = EncodedAndDecoded<BlockIQ2_XS>(kIQ2_XS, row, weights.data());
  EXPECT_TRUE(std::all_of(decoded.begin(), decoded.end(), [](float x) { return x >= 0.0f; }));
}

GGUF_INSTANTIATE_ENCODER_TESTS(IQ2XSTest);

}  // namespace
}  // namespace gguf
