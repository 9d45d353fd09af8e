#include "quantize/encode/f16.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "gguf/base/float16.h"
#include "gtest/gtest.h"
#include "hwy/targets.h"
#include "quantize/encode/encoder_test_cases.h"

namespace gguf {
namespace {

constexpr Encoder kF32 = {TensorType::kF32, Effort::kReference, false, false, EncodeF32, EncodeF32};
constexpr Encoder kF16 = {TensorType::kF16, Effort::kReference, false, false,
                          EncodeF16,        EncodeF16Reference};
constexpr Encoder kBF16 = {TensorType::kBF16, Effort::kReference, false, false,
                           EncodeBF16,        EncodeBF16Reference};

class F16Test : public EncoderTest {};

TEST_P(F16Test, GoldenBytes) {
  for (const Encoder& encoder : {kF16, kBF16}) {
    ExpectGoldenBytes(encoder.type, encoder.encode);
    ExpectGoldenBytes(encoder.type, encoder.encode_reference);
  }
}

TEST_P(F16Test, FastEqualsReference) {
  ExpectFastEqualsReference(kF16);
  ExpectFastEqualsReference(kBF16);
}

// Every sign and exponent with the mantissas at which either format rounds differently, infinities
// and NaNs included.
TEST_P(F16Test, EveryExponent) {
  std::vector<float> row;
  for (uint32_t upper = 0; upper < 512; ++upper) {
    for (int bit = 0; bit < 23; ++bit) {
      for (const uint32_t offset : {0u, 1u, ~0u}) {
        for (const uint32_t odd : {0u, 1u << 13, 1u << 16}) {
          row.push_back(FloatOf(upper << 23 | (((1u << bit) + offset + odd) & 0x7FFFFFu)));
        }
      }
    }
  }
  for (const Encoder& encoder : {kF16, kBF16}) {
    EXPECT_EQ(EncodeRow(encoder.type, encoder.encode, row, nullptr),
              EncodeRow(encoder.type, encoder.encode_reference, row, nullptr));
  }
}

TEST_P(F16Test, F32IsACopy) {
  const std::vector<float> row = RandomRows(7, 37).values;
  const std::vector<uint8_t> bytes = EncodeRow(kF32.type, kF32.encode, row, nullptr);
  ASSERT_EQ(bytes.size(), row.size() * sizeof(float));
  EXPECT_EQ(std::memcmp(bytes.data(), row.data(), bytes.size()), 0);
}

GGUF_INSTANTIATE_ENCODER_TESTS(F16Test);

}  // namespace
}  // namespace gguf
