// The higher efforts of the types without a minimum.

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "formats/codec/codec.h"
#include "gguf/base/float16.h"
#include "gguf/tensor_type.h"
#include "gtest/gtest.h"
#include "hwy/targets.h"
#include "quantize/encode/distortion.h"
#include "quantize/encode/encoder.h"
#include "quantize/encode/encoder_test_cases.h"
#include "quantize/encode/error_weights.h"

namespace gguf {
namespace {

constexpr size_t kColumns = 256;  // a multiple of every type's block

// Distortion over the reference's that a type reaches at an effort, rounded up a little.
struct Reached {
  TensorType type;
  Effort effort;
  DistortionRatios plain;
  DistortionRatios weighted;
};

constexpr Effort kStd = Effort::kStandard;
constexpr Effort kMax = Effort::kMax;

// golden, heavy-tailed
constexpr Reached kReached[] = {
    {TensorType::kQ4_0, kStd, {0.986, 0.923}, {0.984, 0.908}},
    {TensorType::kQ4_0, kMax, {0.985, 0.921}, {0.984, 0.908}},
    {TensorType::kQ5_0, kStd, {0.960, 0.934}, {0.994, 0.879}},
    {TensorType::kQ5_0, kMax, {0.960, 0.926}, {0.994, 0.879}},
    {TensorType::kQ8_0, kStd, {0.971, 0.874}, {}},
    {TensorType::kQ8_0, kMax, {0.971, 0.816}, {}},
    {TensorType::kQ3_K, kStd, {0.811, 0.923}, {0.971, 0.908}},
    {TensorType::kQ3_K, kMax, {0.788, 0.897}, {0.971, 0.905}},
    {TensorType::kQ6_K, kStd, {0.610, 0.740}, {0.981, 0.741}},
    {TensorType::kQ6_K, kMax, {0.548, 0.724}, {0.981, 0.726}},
};

std::string Name(const Encoder& encoder) {
  return std::string(NameOf(encoder.type)) + " " + std::string(NameOf(encoder.effort));
}

std::vector<uint8_t> Encode(TensorType type, EncodeRows encode, const std::vector<float>& rows,
                            size_t columns, const float* weights) {
  const TensorTypeInfo& info = InfoOf(type);
  std::vector<uint8_t> bytes(rows.size() / info.block_values * info.block_bytes);
  encode(rows.data(), rows.size() / columns, columns, weights, bytes.data());
  return bytes;
}

std::vector<float> DecodeRow(TensorType type, const std::vector<uint8_t>& bytes) {
  std::vector<float> values(kColumns);
  CodecOf(type).decode(bytes.data(), values.size(), values.data());
  return values;
}

std::vector<float> AllEdges() {
  std::vector<float> rows;
  for (const TestRows& edge : EdgeRows()) {
    rows.insert(rows.end(), edge.values.begin(), edge.values.end());
  }
  return rows;
}

void ExpectFastEqualsScalar(const Encoder& encoder, const std::vector<float>& rows, size_t columns,
                            const TestRows& weights) {
  const float* w = weights.values.empty() ? nullptr : weights.values.data();
  EXPECT_EQ(Encode(encoder.type, encoder.encode, rows, columns, w),
            Encode(encoder.type, encoder.encode_reference, rows, columns, w))
      << Name(encoder) << ", " << rows.size() / columns << " rows of " << columns << ", weights "
      << weights.name;
}

const Encoder& EncoderOf(const Reached& reached) {
  const Encoder& encoder = *FindEncoder(reached.type, reached.effort);
  EXPECT_EQ(encoder.effort, reached.effort) << NameOf(reached.type);
  return encoder;
}

class SignedRefineTest : public EncoderTest {};

TEST_P(SignedRefineTest, FastEqualsScalarOnEdges) {
  const std::vector<float> rows = AllEdges();
  for (const Reached& reached : kReached) {
    const Encoder& encoder = EncoderOf(reached);
    ExpectFastEqualsScalar(encoder, rows, kColumns, {"none", {}});
    if (!encoder.uses_weights) continue;
    const std::vector<TestRows> weights = WeightVectors(3, kColumns);
    for (const size_t k : {2, 4, 5}) ExpectFastEqualsScalar(encoder, rows, kColumns, weights[k]);
  }
}

TEST_P(SignedRefineTest, FastEqualsScalarInManyShapes) {
  for (const Reached& reached : kReached) {
    const Encoder& encoder = EncoderOf(reached);
    const size_t block = InfoOf(encoder.type).block_values;
    uint32_t seed = 0;
    for (const size_t row_blocks : {1, 3, 8, 17}) {
      for (const size_t num_rows : {1, 3}) {
        const size_t columns = row_blocks * block;
        const std::vector<float> rows = RandomRows(seed, num_rows * columns).values;
        ExpectFastEqualsScalar(encoder, rows, columns, {"none", {}});
        if (encoder.uses_weights) {
          ExpectFastEqualsScalar(encoder, rows, columns, WeightVectors(seed, columns)[seed % 6]);
        }
        ++seed;
      }
    }
  }
}

TEST_P(SignedRefineTest, RowsAreIndependent) {
  constexpr size_t kRows = 7;
  constexpr size_t kWide = 3 * kColumns;
  const std::vector<float> rows = RandomRows(6, kRows * kWide).values;
  const std::vector<float> weights = WeightVectors(1, kWide)[0].values;
  for (const Reached& reached : kReached) {
    const Encoder& encoder = EncoderOf(reached);
    for (const float* w : {static_cast<const float*>(nullptr), weights.data()}) {
      const std::vector<uint8_t> together = Encode(encoder.type, encoder.encode, rows, kWide, w);
      std::vector<uint8_t> apart;
      for (size_t r = 0; r < kRows; ++r) {
        const std::vector<float> row(rows.begin() + r * kWide, rows.begin() + (r + 1) * kWide);
        const std::vector<uint8_t> bytes = Encode(encoder.type, encoder.encode, row, kWide, w);
        apart.insert(apart.end(), bytes.begin(), bytes.end());
      }
      EXPECT_EQ(together, apart) << Name(encoder);
    }
  }
}

GGUF_INSTANTIATE_ENCODER_TESTS(SignedRefineTest);

TEST(SignedRefineQualityTest, ReachesTheDistortion) {
  for (const Reached& reached : kReached) {
    const Encoder& encoder = EncoderOf(reached);
    const DistortionRatios plain = ExpectNoMoreDistortion(encoder, false);
    EXPECT_LE(plain.golden, reached.plain.golden) << Name(encoder);
    EXPECT_LE(plain.heavy_tailed, reached.plain.heavy_tailed) << Name(encoder);
    if (!encoder.uses_weights) continue;
    const DistortionRatios weighted = ExpectNoMoreDistortion(encoder, true);
    EXPECT_LE(weighted.golden, reached.weighted.golden) << Name(encoder);
    EXPECT_LE(weighted.heavy_tailed, reached.weighted.heavy_tailed) << Name(encoder);
  }
}

// Not only in total: no row of one block is worse, beyond the rounding of sums in binary32.
TEST(SignedRefineQualityTest, NoBlockIsWorse) {
  for (const Reached& reached : kReached) {
    const Encoder& encoder = EncoderOf(reached);
    const EncodeRows reference = FindEncoder(encoder.type, Effort::kReference)->encode;
    const size_t block = InfoOf(encoder.type).block_values;
    const std::vector<float> importance = WeightVectors(2, block)[0].values;
    for (uint32_t seed = 0; seed < 7; ++seed) {
      const std::vector<float> rows = RandomRows(seed, 16 * kColumns).values;
      for (size_t n = 0; n < rows.size(); n += block) {
        for (const float* w : {static_cast<const float*>(nullptr), importance.data()}) {
          if (w != nullptr && !encoder.uses_weights) continue;
          const auto distortion = [&](EncodeRows encode) {
            return WeightedDistortion(encoder.type, encode, rows.data() + n, 1, block, w);
          };
          EXPECT_LE(distortion(encoder.encode), distortion(reference) * (1.0 + 1e-5))
              << Name(encoder) << ", seed " << seed << ", value " << n;
        }
      }
    }
  }
}

// The least weighted error of a block over all binary16 scales of either sign.
double LeastError(int max_code, const float* x, const float* weights) {
  float largest = 0.0f;
  for (size_t i = 0; i < 32; ++i) largest = std::max(largest, std::fabs(x[i]));
  const float limit = static_cast<float>(max_code);
  const uint32_t first = F32ToF16(largest / (32.0f * limit));
  const uint32_t last = F32ToF16(2.0f * largest / limit);
  double least = std::numeric_limits<double>::infinity();
  for (uint32_t half = first; half <= last; ++half) {
    for (const float d :
         {F16ToF32(static_cast<uint16_t>(half)), -F16ToF32(static_cast<uint16_t>(half))}) {
      double sum = 0.0;
      for (size_t i = 0; i < 32 && sum < least; ++i) {
        const float code = std::min(std::max(std::nearbyint(x[i] / d), -limit), limit - 1.0f);
        const double error = static_cast<double>(x[i]) - static_cast<double>(d * code);
        sum += weights[i] * error * error;
      }
      least = std::min(least, sum);
    }
  }
  return least;
}

// With one scale per block little is left to gain, and nothing at kMax.
TEST(SignedRefineQualityTest, OneScaleIsNearlyTheBestOfAll) {
  constexpr size_t kValues = 16 * 32;
  const std::vector<float> importance = WeightVectors(9, kValues)[0].values;
  for (const auto& [type, max_code] : {std::pair(TensorType::kQ4_0, 8), {TensorType::kQ5_0, 16}}) {
    for (const Effort effort : {kStd, kMax}) {
      const Encoder& encoder = *FindEncoder(type, effort);
      for (const uint32_t seed : {0, 1, 2, 4, 6}) {
        std::vector<float> row = RandomRows(seed, kValues).values;
        const float largest = std::fabs(*std::max_element(
            row.begin(), row.end(), [](float a, float b) { return std::fabs(a) < std::fabs(b); }));
        for (float& value : row) value /= largest;
        for (const float* w : {static_cast<const float*>(nullptr), importance.data()}) {
          std::vector<float> weights(kValues);
          ErrorWeights(type, row.data(), kValues, w, weights.data());
          double least = 0.0;
          for (size_t i = 0; i < kValues; i += 32) {
            least += LeastError(max_code, row.data() + i, weights.data() + i);
          }
          const double ratio =
              WeightedDistortion(type, encoder.encode, row.data(), 1, kValues, w) / least;
          const std::string what = Name(encoder) + ", seed " + std::to_string(seed) +
                                   (w != nullptr ? ", weighted" : ", plain");
          // The trials of kStandard without importance are few.
          EXPECT_LE(ratio, effort == kMax ? 1.001 : w != nullptr ? 1.006 : 1.09) << what;
          EXPECT_GE(ratio, 0.9999) << what;
        }
      }
    }
  }
}

// What the reference can store, and zeros, stay as they are; nothing becomes infinite or NaN.
TEST(SignedRefineQualityTest, KeepsZerosAndFiniteBlocks) {
  const std::vector<float> edges = AllEdges();
  const std::vector<float> zeros(kColumns, 0.0f);
  for (const Reached& reached : kReached) {
    const Encoder& encoder = EncoderOf(reached);
    const EncodeRows reference = FindEncoder(encoder.type, Effort::kReference)->encode;
    std::vector<TestRows> weight_vectors = {{"none", {}}};
    for (const TestRows& weights : WeightVectors(4, kColumns)) weight_vectors.push_back(weights);
    for (const TestRows& weights : weight_vectors) {
      const float* w = weights.values.empty() ? nullptr : weights.values.data();
      EXPECT_EQ(EncodeRow(encoder.type, encoder.encode, zeros, w),
                EncodeRow(encoder.type, reference, zeros, w))
          << Name(encoder);
      for (size_t n = 0; n < edges.size(); n += kColumns) {
        const std::vector<float> row(edges.begin() + n, edges.begin() + n + kColumns);
        const std::vector<float> before =
            DecodeRow(encoder.type, EncodeRow(encoder.type, reference, row, w));
        const std::vector<float> after =
            DecodeRow(encoder.type, EncodeRow(encoder.type, encoder.encode, row, w));
        for (size_t i = 0; i < kColumns; ++i) {
          EXPECT_TRUE(std::isfinite(after[i]) || !std::isfinite(before[i]))
              << Name(encoder) << ", edge " << n / kColumns << ", weights " << weights.name;
        }
      }
    }
  }
}

}  // namespace
}  // namespace gguf
