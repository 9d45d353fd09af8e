#include "quantize/encode/q1_0.h"

#include <cstring>
#include <vector>

#include "formats/codec/q1_0.h"
#include "gtest/gtest.h"
#include "hwy/targets.h"
#include "quantize/encode/encoder_test_cases.h"

namespace gguf {
namespace {

constexpr Encoder kQ1_0 = {TensorType::kQ1_0, Effort::kReference, false, false,
                           EncodeQ1_0,        EncodeQ1_0Reference};

class Q10Test : public EncoderTest {};

TEST_P(Q10Test, GoldenBytes) {
  ExpectGoldenBytes(kQ1_0.type, kQ1_0.encode);
  ExpectGoldenBytes(kQ1_0.type, kQ1_0.encode_reference);
}

TEST_P(Q10Test, FastEqualsReference) { ExpectFastEqualsReference(kQ1_0); }

// The mean magnitude, and the sign bit of -0 ignored.
TEST_P(Q10Test, SignsAndMean) {
  std::vector<float> row(128, -3.0f);
  row[0] = 3.0f;
  row[9] = 0.0f;
  row[127] = -0.0f;
  BlockQ1_0 expected = {};
  expected.d = F32ToF16(126.0f * 3.0f / 128.0f);
  expected.qs[0] = 0x01;
  expected.qs[1] = 0x02;
  expected.qs[15] = 0x80;
  const std::vector<uint8_t> bytes = EncodeRow(kQ1_0.type, kQ1_0.encode, row, nullptr);
  ASSERT_EQ(bytes.size(), sizeof(expected));
  EXPECT_EQ(std::memcmp(bytes.data(), &expected, sizeof(expected)), 0);
}

// In element order the small values are lost one by one, and the mean, 1 + 2^-11, is a tie that
// binary16 rounds to 1. Any other order keeps some of them: the mean would round up.
TEST_P(Q10Test, SumsInElementOrder) {
  std::vector<float> row(128, 0x1p-17f);
  row[0] = 128.0625f;
  for (EncodeRows encode : {kQ1_0.encode, kQ1_0.encode_reference}) {
    const std::vector<uint8_t> bytes = EncodeRow(kQ1_0.type, encode, row, nullptr);
    EXPECT_EQ(F16ToF32(reinterpret_cast<const BlockQ1_0*>(bytes.data())->d), 1.0f);
  }
}

GGUF_INSTANTIATE_ENCODER_TESTS(Q10Test);

}  // namespace
}  // namespace gguf
