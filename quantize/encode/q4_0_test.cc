#include "quantize/encode/q4_0.h"

#include <vector>

#include "formats/codec/q4_0.h"
#include "gtest/gtest.h"
#include "hwy/targets.h"
#include "quantize/encode/encoder_test_cases.h"

namespace gguf {
namespace {

constexpr Encoder kQ4_0 = {TensorType::kQ4_0, Effort::kReference, true, false,
                           EncodeQ4_0,        EncodeQ4_0Reference};

class Q40Test : public EncoderTest {};

TEST_P(Q40Test, GoldenBytes) {
  ExpectGoldenBytes(kQ4_0.type, kQ4_0.encode);
  ExpectGoldenBytes(kQ4_0.type, kQ4_0.encode_reference);
}

TEST_P(Q40Test, FastEqualsReference) { ExpectFastEqualsReference(kQ4_0); }

// Without weights zeros are code 8 with scale -0, with weights code 0 with scale 0.
TEST_P(Q40Test, ZeroBlocks) {
  const std::vector<float> row(32, 0.0f);
  std::vector<uint8_t> expected(18, 0x88);
  expected[0] = 0x00;
  expected[1] = 0x80;
  EXPECT_EQ(EncodeRow(kQ4_0.type, kQ4_0.encode, row, nullptr), expected);
  const std::vector<float> weights(32, 1.0f);
  EXPECT_EQ(EncodeRow(kQ4_0.type, kQ4_0.encode, row, weights.data()), std::vector<uint8_t>(18, 0));
}

// Of a value and its negation, the first decides the sign of the scale.
TEST_P(Q40Test, FirstOfTheLargestDecides) {
  std::vector<float> row(32, 0.0f);
  row[3] = 4.0f;
  row[9] = -4.0f;
  std::vector<uint8_t> bytes = EncodeRow(kQ4_0.type, kQ4_0.encode, row, nullptr);
  EXPECT_EQ(reinterpret_cast<const BlockQ4_0*>(bytes.data())->d, F32ToF16(-0.5f));
  row[1] = -4.0f;
  bytes = EncodeRow(kQ4_0.type, kQ4_0.encode, row, nullptr);
  EXPECT_EQ(reinterpret_cast<const BlockQ4_0*>(bytes.data())->d, F32ToF16(0.5f));
}

GGUF_INSTANTIATE_ENCODER_TESTS(Q40Test);

}  // namespace
}  // namespace gguf
