#include "quantize/encode/q5_k.h"

#include <vector>

#include "formats/codec/q5_k.h"
#include "gtest/gtest.h"
#include "hwy/targets.h"
#include "quantize/encode/affine_test_cases.h"
#include "quantize/encode/encoder_test_cases.h"

namespace gguf {
namespace {

constexpr Encoder kQ5_K = {TensorType::kQ5_K, Effort::kReference, true, false,
                           EncodeQ5_K,        EncodeQ5_KReference};

class Q5KTest : public EncoderTest {};

TEST_P(Q5KTest, GoldenBytes) {
  ExpectGoldenBytes(kQ5_K.type, kQ5_K.encode);
  ExpectGoldenBytes(kQ5_K.type, kQ5_K.encode_reference);
}

TEST_P(Q5KTest, FastEqualsReference) { ExpectFastEqualsReference(kQ5_K); }

TEST_P(Q5KTest, FastEqualsReferenceOnHostileRows) { ExpectFastEqualsReferenceOnHostileRows(kQ5_K); }

TEST_P(Q5KTest, RowsAreIndependent) { ExpectRowsAreIndependent(kQ5_K); }

// Nothing but the scales of a zero block could be other than zero, and they are not.
TEST_P(Q5KTest, ZeroBlocks) {
  const std::vector<float> row(256, 0.0f);
  const std::vector<uint8_t> expected(sizeof(BlockQ5_K), 0);
  EXPECT_EQ(EncodeRow(kQ5_K.type, kQ5_K.encode, row, nullptr), expected);
  const std::vector<float> weights(256, 1.0f);
  EXPECT_EQ(EncodeRow(kQ5_K.type, kQ5_K.encode, row, weights.data()), expected);
}

GGUF_INSTANTIATE_ENCODER_TESTS(Q5KTest);

}  // namespace
}  // namespace gguf
