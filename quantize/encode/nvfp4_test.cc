#include "quantize/encode/nvfp4.h"

#include <cmath>
#include <vector>

#include "formats/codec/nvfp4.h"
#include "gtest/gtest.h"
#include "hwy/targets.h"
#include "quantize/encode/encoder_test_cases.h"
#include "quantize/encode/fp4_test_cases.h"

namespace gguf {
namespace {

constexpr Encoder kNVFP4 = {TensorType::kNVFP4, Effort::kReference,  false, false,
                            EncodeNVFP4,        EncodeNVFP4Reference};

class NVFP4Test : public EncoderTest {};

TEST_P(NVFP4Test, GoldenBytes) {
  ExpectGoldenBytes(kNVFP4.type, kNVFP4.encode);
  ExpectGoldenBytes(kNVFP4.type, kNVFP4.encode_reference);
}

TEST_P(NVFP4Test, FastEqualsReference) { ExpectFastEqualsReference(kNVFP4); }

// Every scale, with all values around its midpoints and codes, of both signs, in turn.
TEST_P(NVFP4Test, FastEqualsReferenceAroundMidpoints) {
  for (int scale = 1; scale <= 0x7E; ++scale) {
    if (scale >= 0x78 && scale < 0x7E) continue;  // not used by the encoder
    const float half_scale = UE4M3Half(scale);
    const float anchor = 12.0f * half_scale;
    std::vector<float> points;
    for (const float value : ValuesAroundMidpoints(half_scale)) {
      if (std::fabs(value) <= anchor) points.push_back(value);
    }
    std::vector<float> row = WithAnchors(points, 16, anchor);
    row.resize((row.size() + 63) / 64 * 64);
    const std::vector<uint8_t> fast = EncodeRow(kNVFP4.type, kNVFP4.encode, row, nullptr);
    EXPECT_EQ(fast[0], scale);
    EXPECT_EQ(fast, EncodeRow(kNVFP4.type, kNVFP4.encode_reference, row, nullptr)) << scale;
  }
}

// Every float near the borders of the scales, as the largest magnitude of its group.
TEST_P(NVFP4Test, FastEqualsReferenceForEveryScale) {
  std::vector<float> row;
  for (uint32_t bits = 0x38000000; bits < 0x47000000; bits += 0x00010000) {
    for (int nearby = -3; nearby <= 3; ++nearby) {
      const float amax = FloatOf(bits + nearby);
      for (int i = 0; i < 16; ++i) row.push_back(amax * static_cast<float>(i - 7) / 8.0f);
    }
  }
  row.resize((row.size() + 63) / 64 * 64);
  EXPECT_EQ(EncodeRow(kNVFP4.type, kNVFP4.encode, row, nullptr),
            EncodeRow(kNVFP4.type, kNVFP4.encode_reference, row, nullptr));
}

// Far above the largest scale the rounded distances to several codes are equal: the first counts.
TEST_P(NVFP4Test, HugeValuesTakeTheFirstOfEqualDistances) {
  std::vector<float> row(64, 1e30f);
  row[16] = 5376.0f;  // the largest magnitude that is compared with midpoints
  row[17] = 5377.0f;
  const std::vector<uint8_t> bytes = EncodeRow(kNVFP4.type, kNVFP4.encode, row, nullptr);
  EXPECT_EQ(bytes, EncodeRow(kNVFP4.type, kNVFP4.encode_reference, row, nullptr));
  const auto& block = *reinterpret_cast<const BlockNVFP4*>(bytes.data());
  EXPECT_EQ(block.d[0], 0x7E);
  EXPECT_EQ(block.qs[0], 0x00);
  EXPECT_EQ(block.qs[8] & 15, 7);
  EXPECT_EQ(block.qs[9] & 15, 7);
}

TEST_P(NVFP4Test, LatticeIsExact) {
  std::vector<float> row(64 * 8);
  for (size_t i = 0; i < row.size(); ++i) {
    row[i] = static_cast<float>(Fp4E2m1X2(i % 16 == 3 ? 7 : (i * 5 + i / 16) % 16)) *
             UE4M3Half(static_cast<uint8_t>(1 + i / 16 * 3));
  }
  const std::vector<uint8_t> bytes = EncodeRow(kNVFP4.type, kNVFP4.encode, row, nullptr);
  for (size_t b = 0; b < 8; ++b) {
    std::vector<float> decoded(64);
    DecodeBlock(reinterpret_cast<const BlockNVFP4*>(bytes.data())[b], decoded.data());
    EXPECT_EQ(decoded, std::vector<float>(row.begin() + b * 64, row.begin() + (b + 1) * 64));
  }
}

GGUF_INSTANTIATE_ENCODER_TESTS(NVFP4Test);

}  // namespace
}  // namespace gguf
