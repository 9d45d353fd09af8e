#include "quantize/encode/iq4_nl.h"

#include <vector>

#include "formats/codec/iq4_nl.h"
#include "gtest/gtest.h"
#include "hwy/targets.h"
#include "quantize/encode/encoder_test_cases.h"

namespace gguf {
namespace {

constexpr Encoder kIQ4_NL = {TensorType::kIQ4_NL, Effort::kReference,   true, false,
                             EncodeIQ4_NL,        EncodeIQ4_NLReference};

class Iq4NlTest : public EncoderTest {};

TEST_P(Iq4NlTest, GoldenBytes) {
  ExpectGoldenBytes(kIQ4_NL.type, kIQ4_NL.encode);
  ExpectGoldenBytes(kIQ4_NL.type, kIQ4_NL.encode_reference);
}

TEST_P(Iq4NlTest, FastEqualsReference) { ExpectFastEqualsReference(kIQ4_NL); }

// Levels of one scale come back as they are.
TEST_P(Iq4NlTest, LatticeIsExact) {
  std::vector<float> row(32);
  for (int i = 0; i < 32; ++i) row[i] = static_cast<float>(Iq4nl(i * 5 % 16)) * 0.25f;
  const std::vector<float> weights(32, 1.0f);
  for (const float* w : {static_cast<const float*>(nullptr), weights.data()}) {
    const std::vector<uint8_t> bytes = EncodeRow(kIQ4_NL.type, kIQ4_NL.encode, row, w);
    std::vector<float> decoded(32);
    DecodeBlock(*reinterpret_cast<const BlockIQ4_NL*>(bytes.data()), decoded.data());
    EXPECT_EQ(decoded, row);
  }
}

// A scale of 0 gives the level nearest to 0, +1, everywhere.
TEST_P(Iq4NlTest, TinyBlockHasCodeEight) {
  std::vector<uint8_t> expected(18, 0x88);
  expected[0] = expected[1] = 0;
  const std::vector<float> row(32, 9e-16f);
  EXPECT_EQ(EncodeRow(kIQ4_NL.type, kIQ4_NL.encode, row, nullptr), expected);
}

GGUF_INSTANTIATE_ENCODER_TESTS(Iq4NlTest);

}  // namespace
}  // namespace gguf
