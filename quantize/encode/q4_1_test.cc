#include "quantize/encode/q4_1.h"

#include <vector>

#include "formats/codec/q4_1.h"
#include "gtest/gtest.h"
#include "hwy/targets.h"
#include "quantize/encode/affine_test_cases.h"
#include "quantize/encode/encoder_test_cases.h"

namespace gguf {
namespace {

constexpr Encoder kQ4_1 = {TensorType::kQ4_1, Effort::kReference, true, false,
                           EncodeQ4_1,        EncodeQ4_1Reference};

class Q41Test : public EncoderTest {};

TEST_P(Q41Test, GoldenBytes) {
  ExpectGoldenBytes(kQ4_1.type, kQ4_1.encode);
  ExpectGoldenBytes(kQ4_1.type, kQ4_1.encode_reference);
}

TEST_P(Q41Test, FastEqualsReference) { ExpectFastEqualsReference(kQ4_1); }

TEST_P(Q41Test, FastEqualsReferenceOnHostileRows) { ExpectFastEqualsReferenceOnHostileRows(kQ4_1); }

TEST_P(Q41Test, RowsAreIndependent) { ExpectRowsAreIndependent(kQ4_1); }

// A constant block is its minimum: all codes 0. Without weights the first zero's sign is kept.
TEST_P(Q41Test, ConstantBlocks) {
  const std::vector<float> row(32, -0.0f);
  std::vector<uint8_t> expected(sizeof(BlockQ4_1), 0);
  expected[3] = 0x80;
  EXPECT_EQ(EncodeRow(kQ4_1.type, kQ4_1.encode, row, nullptr), expected);
  const std::vector<float> weights(32, 1.0f);
  EXPECT_EQ(EncodeRow(kQ4_1.type, kQ4_1.encode, row, weights.data()), expected);
  const std::vector<float> ones(32, 1.0f);
  expected[3] = 0x3C;
  EXPECT_EQ(EncodeRow(kQ4_1.type, kQ4_1.encode, ones, nullptr), expected);
}

GGUF_INSTANTIATE_ENCODER_TESTS(Q41Test);

}  // namespace
}  // namespace gguf
