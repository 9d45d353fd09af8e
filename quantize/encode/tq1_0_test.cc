#include "quantize/encode/tq1_0.h"

#include <vector>

#include "formats/codec/tq1_0.h"
#include "gtest/gtest.h"
#include "hwy/targets.h"
#include "quantize/encode/encoder_test_cases.h"

namespace gguf {
namespace {

constexpr Encoder kTQ1_0 = {TensorType::kTQ1_0, Effort::kReference,  false, false,
                            EncodeTQ1_0,        EncodeTQ1_0Reference};

class TQ10Test : public EncoderTest {};

TEST_P(TQ10Test, GoldenBytes) {
  ExpectGoldenBytes(kTQ1_0.type, kTQ1_0.encode);
  ExpectGoldenBytes(kTQ1_0.type, kTQ1_0.encode_reference);
}

TEST_P(TQ10Test, FastEqualsReference) { ExpectFastEqualsReference(kTQ1_0); }

// Halves round away from zero.
TEST_P(TQ10Test, RoundsHalvesAwayFromZero) {
  std::vector<float> row(256);
  const float values[] = {-2.0f, 1.0f, -1.0f, 0.99999994f, -0.99999994f, 2.0f, 0.0f, -0.0f};
  const float expected[] = {-2.0f, 2.0f, -2.0f, 0.0f, 0.0f, 2.0f, 0.0f, 0.0f};
  for (int i = 0; i < 256; ++i) row[i] = values[(i * 7 + i / 32) % 8];
  const std::vector<uint8_t> bytes = EncodeRow(kTQ1_0.type, kTQ1_0.encode, row, nullptr);
  std::vector<float> decoded(256);
  DecodeBlock(*reinterpret_cast<const BlockTQ1_0*>(bytes.data()), decoded.data());
  for (int i = 0; i < 256; ++i) EXPECT_EQ(decoded[i], expected[(i * 7 + i / 32) % 8]) << i;
}

// The inverse of a scale below 2^-128 is infinite: all codes are those of 0. The next greater one
// still has an inverse.
TEST_P(TQ10Test, ScaleWithoutInverseGivesZeros) {
  const std::vector<uint8_t> zeros =
      EncodeRow(kTQ1_0.type, kTQ1_0.encode, std::vector<float>(256), nullptr);
  std::vector<float> row(256, -1e-45f);
  row[1] = 0x1p-128f;
  EXPECT_EQ(EncodeRow(kTQ1_0.type, kTQ1_0.encode, row, nullptr), zeros);
  row[1] = 0x1.000008p-128f;
  EXPECT_NE(EncodeRow(kTQ1_0.type, kTQ1_0.encode, row, nullptr), zeros);
}

GGUF_INSTANTIATE_ENCODER_TESTS(TQ10Test);

}  // namespace
}  // namespace gguf
