#include "quantize/encode/q4_k.h"

#include <vector>

#include "formats/codec/q4_k.h"
#include "gtest/gtest.h"
#include "hwy/targets.h"
#include "quantize/encode/affine_test_cases.h"
#include "quantize/encode/encoder_test_cases.h"

namespace gguf {
namespace {

constexpr Encoder kQ4_K = {TensorType::kQ4_K, Effort::kReference, true, false,
                           EncodeQ4_K,        EncodeQ4_KReference};

class Q4KTest : public EncoderTest {};

TEST_P(Q4KTest, GoldenBytes) {
  ExpectGoldenBytes(kQ4_K.type, kQ4_K.encode);
  ExpectGoldenBytes(kQ4_K.type, kQ4_K.encode_reference);
}

TEST_P(Q4KTest, FastEqualsReference) { ExpectFastEqualsReference(kQ4_K); }

TEST_P(Q4KTest, FastEqualsReferenceOnHostileRows) { ExpectFastEqualsReferenceOnHostileRows(kQ4_K); }

TEST_P(Q4KTest, RowsAreIndependent) { ExpectRowsAreIndependent(kQ4_K); }

// Nothing but the scales of a zero block could be other than zero, and they are not.
TEST_P(Q4KTest, ZeroBlocks) {
  const std::vector<float> row(256, 0.0f);
  const std::vector<uint8_t> expected(sizeof(BlockQ4_K), 0);
  EXPECT_EQ(EncodeRow(kQ4_K.type, kQ4_K.encode, row, nullptr), expected);
  const std::vector<float> weights(256, 1.0f);
  EXPECT_EQ(EncodeRow(kQ4_K.type, kQ4_K.encode, row, weights.data()), expected);
}

GGUF_INSTANTIATE_ENCODER_TESTS(Q4KTest);

}  // namespace
}  // namespace gguf
