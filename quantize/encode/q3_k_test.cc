#include "quantize/encode/q3_k.h"

#include <vector>

#include "formats/codec/q3_k.h"
#include "gtest/gtest.h"
#include "hwy/targets.h"
#include "quantize/encode/encoder_test_cases.h"

namespace gguf {
namespace {

constexpr Encoder kQ3_K = {TensorType::kQ3_K, Effort::kReference, true, false,
                           EncodeQ3_K,        EncodeQ3_KReference};

class Q3KTest : public EncoderTest {};

TEST_P(Q3KTest, GoldenBytes) {
  ExpectGoldenBytes(kQ3_K.type, kQ3_K.encode);
  ExpectGoldenBytes(kQ3_K.type, kQ3_K.encode_reference);
}

TEST_P(Q3KTest, FastEqualsReference) { ExpectFastEqualsReference(kQ3_K); }

// Values on the lattice of one scale come back as they are.
TEST_P(Q3KTest, LatticeIsExact) {
  std::vector<float> row(256);
  for (int i = 0; i < 256; ++i) row[i] = static_cast<float>((i * 5) % 8 - 4) * 32.0f;
  const std::vector<float> weights(256, 1.0f);
  for (const float* w : {static_cast<const float*>(nullptr), weights.data()}) {
    const std::vector<uint8_t> bytes = EncodeRow(kQ3_K.type, kQ3_K.encode, row, w);
    std::vector<float> decoded(256);
    DecodeBlock(*reinterpret_cast<const BlockQ3_K*>(bytes.data()), decoded.data());
    EXPECT_EQ(decoded, row);
  }
}

GGUF_INSTANTIATE_ENCODER_TESTS(Q3KTest);

}  // namespace
}  // namespace gguf
