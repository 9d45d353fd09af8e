#include "quantize/encode/q5_0.h"

#include <vector>

#include "formats/codec/q5_0.h"
#include "gtest/gtest.h"
#include "hwy/targets.h"
#include "quantize/encode/encoder_test_cases.h"

namespace gguf {
namespace {

constexpr Encoder kQ5_0 = {TensorType::kQ5_0, Effort::kReference, true, false,
                           EncodeQ5_0,        EncodeQ5_0Reference};

class Q50Test : public EncoderTest {};

TEST_P(Q50Test, GoldenBytes) {
  ExpectGoldenBytes(kQ5_0.type, kQ5_0.encode);
  ExpectGoldenBytes(kQ5_0.type, kQ5_0.encode_reference);
}

TEST_P(Q50Test, FastEqualsReference) { ExpectFastEqualsReference(kQ5_0); }

// Values on the lattice come back as they are.
TEST_P(Q50Test, LatticeIsExact) {
  std::vector<float> row(32);
  for (int i = 0; i < 32; ++i) row[i] = static_cast<float>((i * 7) % 32 - 16) * 0.25f;
  const std::vector<float> weights(32, 1.0f);
  for (const float* w : {static_cast<const float*>(nullptr), weights.data()}) {
    const std::vector<uint8_t> bytes = EncodeRow(kQ5_0.type, kQ5_0.encode, row, w);
    std::vector<float> decoded(32);
    DecodeBlock(*reinterpret_cast<const BlockQ5_0*>(bytes.data()), decoded.data());
    EXPECT_EQ(decoded, row);
  }
}

GGUF_INSTANTIATE_ENCODER_TESTS(Q50Test);

}  // namespace
}  // namespace gguf
