#include "quantize/encode/q5_1.h"

#include <vector>

#include "formats/codec/q5_1.h"
#include "gtest/gtest.h"
#include "hwy/targets.h"
#include "quantize/encode/affine_test_cases.h"
#include "quantize/encode/encoder_test_cases.h"

namespace gguf {
namespace {

constexpr Encoder kQ5_1 = {TensorType::kQ5_1, Effort::kReference, true, false,
                           EncodeQ5_1,        EncodeQ5_1Reference};

class Q51Test : public EncoderTest {};

TEST_P(Q51Test, GoldenBytes) {
  ExpectGoldenBytes(kQ5_1.type, kQ5_1.encode);
  ExpectGoldenBytes(kQ5_1.type, kQ5_1.encode_reference);
}

TEST_P(Q51Test, FastEqualsReference) { ExpectFastEqualsReference(kQ5_1); }

TEST_P(Q51Test, FastEqualsReferenceOnHostileRows) { ExpectFastEqualsReferenceOnHostileRows(kQ5_1); }

TEST_P(Q51Test, RowsAreIndependent) { ExpectRowsAreIndependent(kQ5_1); }

// A constant block is its minimum: all codes 0. Without weights the first zero's sign is kept.
TEST_P(Q51Test, ConstantBlocks) {
  const std::vector<float> row(32, -0.0f);
  std::vector<uint8_t> expected(sizeof(BlockQ5_1), 0);
  expected[3] = 0x80;
  EXPECT_EQ(EncodeRow(kQ5_1.type, kQ5_1.encode, row, nullptr), expected);
  const std::vector<float> weights(32, 1.0f);
  EXPECT_EQ(EncodeRow(kQ5_1.type, kQ5_1.encode, row, weights.data()), expected);
  const std::vector<float> ones(32, 1.0f);
  expected[3] = 0x3C;
  EXPECT_EQ(EncodeRow(kQ5_1.type, kQ5_1.encode, ones, nullptr), expected);
}

GGUF_INSTANTIATE_ENCODER_TESTS(Q51Test);

}  // namespace
}  // namespace gguf
