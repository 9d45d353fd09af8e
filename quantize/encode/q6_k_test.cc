#include "quantize/encode/q6_k.h"

#include <vector>

#include "formats/codec/q6_k.h"
#include "gtest/gtest.h"
#include "hwy/targets.h"
#include "quantize/encode/encoder_test_cases.h"

namespace gguf {
namespace {

constexpr Encoder kQ6_K = {TensorType::kQ6_K, Effort::kReference, true, false,
                           EncodeQ6_K,        EncodeQ6_KReference};

class Q6KTest : public EncoderTest {};

TEST_P(Q6KTest, GoldenBytes) {
  ExpectGoldenBytes(kQ6_K.type, kQ6_K.encode);
  ExpectGoldenBytes(kQ6_K.type, kQ6_K.encode_reference);
}

TEST_P(Q6KTest, FastEqualsReference) { ExpectFastEqualsReference(kQ6_K); }

// Values on the lattice of one scale come back as they are.
TEST_P(Q6KTest, LatticeIsExact) {
  std::vector<float> row(256);
  for (int i = 0; i < 256; ++i) row[i] = static_cast<float>((i * 5) % 64 - 32) * 128.0f;
  for (int i = 0; i < 256; i += 16) row[i] = -32.0f * 128.0f;  // every sub-block has the full range
  const std::vector<float> weights(256, 1.0f);
  for (const float* w : {static_cast<const float*>(nullptr), weights.data()}) {
    const std::vector<uint8_t> bytes = EncodeRow(kQ6_K.type, kQ6_K.encode, row, w);
    std::vector<float> decoded(256);
    DecodeBlock(*reinterpret_cast<const BlockQ6_K*>(bytes.data()), decoded.data());
    EXPECT_EQ(decoded, row);
  }
}

// Scales below 1e-15 give a block of zero bytes.
TEST_P(Q6KTest, TinyBlockIsZeroBytes) {
  const std::vector<float> row(256, 2e-15f);
  EXPECT_EQ(EncodeRow(kQ6_K.type, kQ6_K.encode, row, nullptr), std::vector<uint8_t>(210, 0));
}

GGUF_INSTANTIATE_ENCODER_TESTS(Q6KTest);

}  // namespace
}  // namespace gguf
