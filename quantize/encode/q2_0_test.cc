#include "quantize/encode/q2_0.h"

#include <vector>

#include "formats/codec/q2_0.h"
#include "gtest/gtest.h"
#include "hwy/targets.h"
#include "quantize/encode/encoder_test_cases.h"

namespace gguf {
namespace {

constexpr Encoder kQ2_0 = {TensorType::kQ2_0, Effort::kReference, false, false,
                           EncodeQ2_0,        EncodeQ2_0Reference};

class Q20Test : public EncoderTest {};

TEST_P(Q20Test, GoldenBytes) {
  ExpectGoldenBytes(kQ2_0.type, kQ2_0.encode);
  ExpectGoldenBytes(kQ2_0.type, kQ2_0.encode_reference);
}

TEST_P(Q20Test, FastEqualsReference) { ExpectFastEqualsReference(kQ2_0); }

// Halves round away from zero; code 3 does not occur.
TEST_P(Q20Test, RoundsHalvesAwayFromZero) {
  std::vector<float> row(64, 0.0f);
  const float values[] = {-2.0f, 1.0f, -1.0f, 0.99999994f, -0.99999994f, 2.0f};
  const int codes[] = {0, 2, 0, 1, 1, 2};
  for (int i = 0; i < 6; ++i) row[i] = values[i];
  const std::vector<uint8_t> bytes = EncodeRow(kQ2_0.type, kQ2_0.encode, row, nullptr);
  const auto& block = *reinterpret_cast<const BlockQ2_0*>(bytes.data());
  EXPECT_EQ(F16ToF32(block.d), 2.0f);
  for (int i = 0; i < 64; ++i) {
    EXPECT_EQ(block.qs[i / 4] >> (i % 4 * 2) & 3, i < 6 ? codes[i] : 1) << i;
  }
}

// The inverse of a scale below 2^-128 is infinite; the next greater one still has an inverse.
TEST_P(Q20Test, ScaleWithoutInverseGivesZeroBytes) {
  for (const bool finite : {false, true}) {
    std::vector<float> row(64, -1e-45f);
    row[1] = finite ? 0x1.000008p-128f : 0x1p-128f;
    const std::vector<uint8_t> bytes = EncodeRow(kQ2_0.type, kQ2_0.encode, row, nullptr);
    EXPECT_EQ(bytes[2], finite ? 0x59 : 0);
    EXPECT_EQ(bytes[3], finite ? 0x55 : 0);
  }
}

GGUF_INSTANTIATE_ENCODER_TESTS(Q20Test);

}  // namespace
}  // namespace gguf
