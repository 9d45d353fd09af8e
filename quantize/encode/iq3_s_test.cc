#include "quantize/encode/iq3_s.h"

#include <algorithm>
#include <vector>

#include "formats/codec/iq3_s.h"
#include "gtest/gtest.h"
#include "hwy/targets.h"
#include "quantize/encode/encoder_test_cases.h"
#include "quantize/encode/grid_test_cases.h"

namespace gguf {
namespace {

constexpr Encoder kIQ3_S = {TensorType::kIQ3_S, Effort::kReference,  true, false,
                            EncodeIQ3_S,        EncodeIQ3_SReference};

// Of normal values, with a margin of a tenth.
constexpr double kError = 0.0202;

class IQ3STest : public EncoderTest {};

TEST_P(IQ3STest, GoldenBytes) {
  ExpectGoldenBytes(kIQ3_S.type, kIQ3_S.encode);
  ExpectGoldenBytes(kIQ3_S.type, kIQ3_S.encode_reference);
}

TEST_P(IQ3STest, FastEqualsReference) { ExpectFastEqualsReference(kIQ3_S); }

TEST_P(IQ3STest, NormalValuesComeBackClose) {
  const std::vector<float> row = RandomRows(0, 4096).values;
  const std::vector<float> weights(row.size(), 1.0f);
  EXPECT_LT(RelativeSquaredError(row, EncodedAndDecoded<BlockIQ3_S>(kIQ3_S, row, weights.data())),
            kError);
}

// A sub-block that no scale fits has the smallest points, whatever was encoded before it.
TEST_P(IQ3STest, WithoutAnyWeightBlocksAreEqual) {
  const std::vector<float> row(512, 0.25f);
  const std::vector<float> weights(512, 0.0f);
  const std::vector<uint8_t> bytes = EncodeRow(kIQ3_S.type, kIQ3_S.encode, row, weights.data());
  const size_t half = bytes.size() / 2;
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.begin() + half, bytes.begin() + half));
  const std::vector<float> decoded = EncodedAndDecoded<BlockIQ3_S>(kIQ3_S, row, weights.data());
  EXPECT_TRUE(std::all_of(decoded.begin(), decoded.end(), [](float x) { return x >= 0.0f; }));
}

// What follows a sub-block of zeros stays in its place.
TEST_P(IQ3STest, ZeroSubBlockShiftsNothing) {
  std::vector<float> row = RandomRows(0, 256).values;
  const std::vector<float> weights(row.size(), 1.0f);
  std::fill(row.begin(), row.begin() + 32, 0.0f);
  std::fill(row.begin() + 96, row.begin() + 128, -0.0f);
  EXPECT_LT(RelativeSquaredError(row, EncodedAndDecoded<BlockIQ3_S>(kIQ3_S, row, weights.data())),
            kError);
}

GGUF_INSTANTIATE_ENCODER_TESTS(IQ3STest);

}  // namespace
}  // namespace gguf
