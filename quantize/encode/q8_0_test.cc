#include "quantize/encode/q8_0.h"

#include <vector>

#include "formats/codec/q8_0.h"
#include "gtest/gtest.h"
#include "hwy/targets.h"
#include "quantize/encode/encoder_test_cases.h"

namespace gguf {
namespace {

constexpr Encoder kQ8_0 = {TensorType::kQ8_0, Effort::kReference, false, false,
                           EncodeQ8_0,        EncodeQ8_0Reference};

class Q80Test : public EncoderTest {};

TEST_P(Q80Test, GoldenBytes) {
  ExpectGoldenBytes(kQ8_0.type, kQ8_0.encode);
  ExpectGoldenBytes(kQ8_0.type, kQ8_0.encode_reference);
}

TEST_P(Q80Test, FastEqualsReference) { ExpectFastEqualsReference(kQ8_0); }

// 0.49999997 * 127 / 127 must not round up, halves go away from zero.
TEST_P(Q80Test, HalvesRoundAwayFromZero) {
  std::vector<float> row(32, 0.0f);
  row[0] = 127.0f;
  row[1] = 0.5f;
  row[2] = -0.5f;
  row[3] = 0.49999997f;
  row[4] = -0.49999997f;
  row[5] = 2.5f;
  row[6] = -126.5f;
  row[7] = 126.49999f;
  const std::vector<uint8_t> bytes = EncodeRow(kQ8_0.type, kQ8_0.encode, row, nullptr);
  const auto* block = reinterpret_cast<const BlockQ8_0*>(bytes.data());
  EXPECT_EQ(block->d, F32ToF16(1.0f));
  const std::vector<int8_t> expected = {127, 1, -1, 0, 0, 3, -127, 126};
  EXPECT_EQ(std::vector<int8_t>(block->qs, block->qs + 8), expected);
}

GGUF_INSTANTIATE_ENCODER_TESTS(Q80Test);

}  // namespace
}  // namespace gguf
