#include "quantize/encode/mxfp4.h"

#include <cmath>
#include <vector>

#include "formats/codec/mxfp4.h"
#include "gtest/gtest.h"
#include "hwy/targets.h"
#include "quantize/encode/encoder_test_cases.h"
#include "quantize/encode/fp4_test_cases.h"

namespace gguf {
namespace {

constexpr Encoder kMXFP4 = {TensorType::kMXFP4, Effort::kReference,  false, false,
                            EncodeMXFP4,        EncodeMXFP4Reference};

class MXFP4Test : public EncoderTest {};

TEST_P(MXFP4Test, GoldenBytes) {
  ExpectGoldenBytes(kMXFP4.type, kMXFP4.encode);
  ExpectGoldenBytes(kMXFP4.type, kMXFP4.encode_reference);
}

TEST_P(MXFP4Test, FastEqualsReference) { ExpectFastEqualsReference(kMXFP4); }

// Every scale, with all values around its midpoints and codes, of both signs, in turn.
TEST_P(MXFP4Test, FastEqualsReferenceAroundMidpoints) {
  for (int e = 0; e <= 253; ++e) {
    std::vector<float> points;
    for (const float value : ValuesAroundMidpoints(E8M0Half(e))) {
      if (std::fabs(value) < 12.0f * E8M0Half(e)) points.push_back(value);
    }
    // One value of each block fixes its scale: 8 halves is 2^(e - 125).
    const float anchor = e == 253 ? 3.4028234e38f : 8.0f * E8M0Half(e);
    const std::vector<float> row = WithAnchors(points, 32, anchor);
    const std::vector<uint8_t> fast = EncodeRow(kMXFP4.type, kMXFP4.encode, row, nullptr);
    EXPECT_EQ(fast[0], e);
    EXPECT_EQ(fast, EncodeRow(kMXFP4.type, kMXFP4.encode_reference, row, nullptr)) << e;
  }
}

// All code pairs at their places.
TEST_P(MXFP4Test, LatticeIsExact) {
  std::vector<float> row(32 * 16);
  for (size_t i = 0; i < row.size(); ++i) {
    row[i] = static_cast<float>(Fp4E2m1X2(i % 32 == 3 ? 7 : (i * 5 + i / 32) % 16)) * 0.25f;
  }
  const std::vector<uint8_t> bytes = EncodeRow(kMXFP4.type, kMXFP4.encode, row, nullptr);
  for (size_t b = 0; b < 16; ++b) {
    std::vector<float> decoded(32);
    DecodeBlock(reinterpret_cast<const BlockMXFP4*>(bytes.data())[b], decoded.data());
    EXPECT_EQ(decoded, std::vector<float>(row.begin() + b * 32, row.begin() + (b + 1) * 32));
  }
}

GGUF_INSTANTIATE_ENCODER_TESTS(MXFP4Test);

}  // namespace
}  // namespace gguf
