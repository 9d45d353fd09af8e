#include "quantize/encode/q2_k.h"

#include <vector>

#include "formats/codec/q2_k.h"
#include "gtest/gtest.h"
#include "hwy/targets.h"
#include "quantize/encode/affine_test_cases.h"
#include "quantize/encode/encoder_test_cases.h"

namespace gguf {
namespace {

constexpr Encoder kQ2_K = {TensorType::kQ2_K, Effort::kReference, true, false,
                           EncodeQ2_K,        EncodeQ2_KReference};

class Q2KTest : public EncoderTest {};

TEST_P(Q2KTest, GoldenBytes) {
  ExpectGoldenBytes(kQ2_K.type, kQ2_K.encode);
  ExpectGoldenBytes(kQ2_K.type, kQ2_K.encode_reference);
}

TEST_P(Q2KTest, FastEqualsReference) { ExpectFastEqualsReference(kQ2_K); }

TEST_P(Q2KTest, FastEqualsReferenceOnHostileRows) { ExpectFastEqualsReferenceOnHostileRows(kQ2_K); }

TEST_P(Q2KTest, RowsAreIndependent) { ExpectRowsAreIndependent(kQ2_K); }

// Nothing but the scales of a zero block could be other than zero, and they are not.
TEST_P(Q2KTest, ZeroBlocks) {
  const std::vector<float> row(256, 0.0f);
  const std::vector<uint8_t> expected(sizeof(BlockQ2_K), 0);
  EXPECT_EQ(EncodeRow(kQ2_K.type, kQ2_K.encode, row, nullptr), expected);
  const std::vector<float> weights(256, 1.0f);
  EXPECT_EQ(EncodeRow(kQ2_K.type, kQ2_K.encode, row, weights.data()), expected);
}

GGUF_INSTANTIATE_ENCODER_TESTS(Q2KTest);

}  // namespace
}  // namespace gguf
