#include "quantize/encode/iq4_xs.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "formats/codec/iq4_xs.h"
#include "gtest/gtest.h"
#include "hwy/targets.h"
#include "quantize/encode/encoder_test_cases.h"

namespace gguf {
namespace {

constexpr Encoder kIQ4_XS = {TensorType::kIQ4_XS, Effort::kReference,   true, false,
                             EncodeIQ4_XS,        EncodeIQ4_XSReference};

class Iq4XsTest : public EncoderTest {};

TEST_P(Iq4XsTest, GoldenBytes) {
  ExpectGoldenBytes(kIQ4_XS.type, kIQ4_XS.encode);
  ExpectGoldenBytes(kIQ4_XS.type, kIQ4_XS.encode_reference);
}

TEST_P(Iq4XsTest, FastEqualsReference) { ExpectFastEqualsReference(kIQ4_XS); }

// Levels of one scale come back as they are.
TEST_P(Iq4XsTest, LatticeIsExact) {
  std::vector<float> row(256);
  for (int i = 0; i < 256; ++i) row[i] = static_cast<float>(Iq4nl(i * 5 % 16)) * 0.25f;
  const std::vector<float> weights(256, 1.0f);
  for (const float* w : {static_cast<const float*>(nullptr), weights.data()}) {
    const std::vector<uint8_t> bytes = EncodeRow(kIQ4_XS.type, kIQ4_XS.encode, row, w);
    std::vector<float> decoded(256);
    DecodeBlock(*reinterpret_cast<const BlockIQ4_XS*>(bytes.data()), decoded.data());
    EXPECT_EQ(decoded, row);
  }
}

// The block scale of zeros is -0, and all sub-scales are code 32.
TEST_P(Iq4XsTest, ZeroBlock) {
  std::vector<uint8_t> expected(136, 0x88);
  const uint8_t header[] = {0x00, 0x80, 0xAA, 0xAA, 0, 0, 0, 0};
  std::copy(std::begin(header), std::end(header), expected.begin());
  const std::vector<float> row(256, 0.0f);
  EXPECT_EQ(EncodeRow(kIQ4_XS.type, kIQ4_XS.encode, row, nullptr), expected);
}

GGUF_INSTANTIATE_ENCODER_TESTS(Iq4XsTest);

}  // namespace
}  // namespace gguf
