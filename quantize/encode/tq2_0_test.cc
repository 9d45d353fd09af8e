#include "quantize/encode/tq2_0.h"

#include <vector>

#include "formats/codec/tq2_0.h"
#include "gtest/gtest.h"
#include "hwy/targets.h"
#include "quantize/encode/encoder_test_cases.h"

namespace gguf {
namespace {

constexpr Encoder kTQ2_0 = {TensorType::kTQ2_0, Effort::kReference,  false, false,
                            EncodeTQ2_0,        EncodeTQ2_0Reference};

class TQ20Test : public EncoderTest {};

TEST_P(TQ20Test, GoldenBytes) {
  ExpectGoldenBytes(kTQ2_0.type, kTQ2_0.encode);
  ExpectGoldenBytes(kTQ2_0.type, kTQ2_0.encode_reference);
}

TEST_P(TQ20Test, FastEqualsReference) { ExpectFastEqualsReference(kTQ2_0); }

// Halves round away from zero.
TEST_P(TQ20Test, RoundsHalvesAwayFromZero) {
  std::vector<float> row(256);
  const float values[] = {-2.0f, 1.0f, -1.0f, 0.99999994f, -0.99999994f, 2.0f, 0.0f, -0.0f};
  const float expected[] = {-2.0f, 2.0f, -2.0f, 0.0f, 0.0f, 2.0f, 0.0f, 0.0f};
  for (int i = 0; i < 256; ++i) row[i] = values[(i * 7 + i / 32) % 8];
  const std::vector<uint8_t> bytes = EncodeRow(kTQ2_0.type, kTQ2_0.encode, row, nullptr);
  std::vector<float> decoded(256);
  DecodeBlock(*reinterpret_cast<const BlockTQ2_0*>(bytes.data()), decoded.data());
  for (int i = 0; i < 256; ++i) EXPECT_EQ(decoded[i], expected[(i * 7 + i / 32) % 8]) << i;
}

// The inverse of a scale below 2^-128 is infinite: all codes are those of 0. The next greater one
// still has an inverse.
TEST_P(TQ20Test, ScaleWithoutInverseGivesZeros) {
  const std::vector<uint8_t> zeros =
      EncodeRow(kTQ2_0.type, kTQ2_0.encode, std::vector<float>(256), nullptr);
  std::vector<float> row(256, -1e-45f);
  row[1] = 0x1p-128f;
  EXPECT_EQ(EncodeRow(kTQ2_0.type, kTQ2_0.encode, row, nullptr), zeros);
  row[1] = 0x1.000008p-128f;
  EXPECT_NE(EncodeRow(kTQ2_0.type, kTQ2_0.encode, row, nullptr), zeros);
}

GGUF_INSTANTIATE_ENCODER_TESTS(TQ20Test);

}  // namespace
}  // namespace gguf
