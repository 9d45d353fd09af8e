// The encoders of higher effort of the types whose blocks hold scales and fixed levels only.

#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "formats/codec/codec.h"
#include "formats/codec/mxfp4.h"
#include "formats/codec/nvfp4.h"
#include "gguf/base/float16.h"
#include "gguf/tensor_type.h"
#include "gtest/gtest.h"
#include "hwy/targets.h"
#include "quantize/encode/distortion.h"
#include "quantize/encode/encoder.h"
#include "quantize/encode/encoder_test_cases.h"
#include "quantize/encode/fp4.h"

namespace gguf {
namespace {

// Upper bounds of the distortion relative to the reference, just above what is reached.
struct Case {
  TensorType type;
  Effort effort;
  DistortionRatios plain;
  DistortionRatios weighted;  // unused where weights are
};

constexpr Case kCases[] = {
    {TensorType::kIQ4_NL, Effort::kStandard, {0.976, 0.798}, {0.991, 0.890}},
    {TensorType::kIQ4_NL, Effort::kMax, {0.976, 0.798}, {0.991, 0.890}},
    {TensorType::kIQ4_XS, Effort::kStandard, {0.769, 0.790}, {0.968, 0.870}},
    {TensorType::kIQ4_XS, Effort::kMax, {0.762, 0.780}, {0.958, 0.860}},
    {TensorType::kMXFP4, Effort::kStandard, {0.992, 0.943}, {}},
    {TensorType::kNVFP4, Effort::kStandard, {0.913, 0.810}, {}},
    {TensorType::kTQ1_0, Effort::kStandard, {0.767, 0.423}, {}},
    {TensorType::kTQ2_0, Effort::kStandard, {0.767, 0.423}, {}},
    {TensorType::kQ2_0, Effort::kStandard, {0.463, 0.337}, {}},
};

class FixedLevelsTest : public EncoderTest {};

// Runs `check` on every encoder of the table, and fails where a row is missing.
template <class Check>
void ForAll(Check check) {
  for (const Case& c : kCases) {
    const Encoder* encoder = FindEncoder(c.type, c.effort);
    ASSERT_NE(encoder, nullptr);
    ASSERT_EQ(encoder->effort, c.effort) << NameOf(c.type);
    SCOPED_TRACE(std::string(NameOf(c.type)) + " " + std::string(NameOf(c.effort)));
    check(*encoder, c);
  }
}

std::vector<float> Decoded(TensorType type, const std::vector<uint8_t>& bytes, size_t num_values) {
  std::vector<float> values(num_values);
  CodecOf(type).decode(bytes.data(), num_values, values.data());
  return values;
}

// Rows of one call, and weights or nothing.
struct Sample {
  TestRows rows;
  size_t num_rows;
  TestRows weights;
};

// Every number of blocks up to more than a vector has lanes, edges, and edges under weights that
// are zero in places, tiny and huge.
const std::vector<Sample>& Samples() {
  static const std::vector<Sample> samples = [] {
    std::vector<Sample> all;
    uint32_t seed = 0;
    for (const size_t row_blocks : {1, 2, 3, 7, 17}) {
      for (const size_t num_rows : {1, 3}) {
        const TestRows rows = RandomRows(seed, num_rows * row_blocks * 256);
        const std::vector<TestRows> weights = WeightVectors(seed, row_blocks * 256);
        all.push_back({rows, num_rows, {"none", {}}});
        all.push_back({rows, num_rows, weights[seed % weights.size()]});
        ++seed;
      }
    }
    for (const TestRows& edge : EdgeRows()) {
      const std::vector<TestRows> weights = WeightVectors(seed++, edge.values.size());
      all.push_back({edge, 1, {"none", {}}});
      all.push_back({edge, 1, weights[seed % weights.size()]});
    }
    return all;
  }();
  return samples;
}

std::vector<uint8_t> Encode(TensorType type, EncodeRows encode, const Sample& sample) {
  const TensorTypeInfo& info = InfoOf(type);
  const size_t columns = sample.rows.values.size() / sample.num_rows;
  constexpr size_t kBehind = 64;  // to see what is written beyond the blocks
  std::vector<uint8_t> bytes(
      sample.rows.values.size() / info.block_values * info.block_bytes + kBehind, 0xA5);
  encode(sample.rows.values.data(), sample.num_rows, columns,
         sample.weights.values.empty() ? nullptr : sample.weights.values.data(), bytes.data());
  return bytes;
}

// What the scalar functions make of the samples, computed once for all instruction sets.
const std::vector<std::vector<uint8_t>>& ScalarBytes(const Encoder& encoder) {
  static auto* bytes = new std::map<const Encoder*, std::vector<std::vector<uint8_t>>>;
  std::vector<std::vector<uint8_t>>& found = (*bytes)[&encoder];
  if (found.empty()) {
    for (const Sample& sample : Samples()) {
      found.push_back(Encode(encoder.type, encoder.encode_reference, sample));
    }
  }
  return found;
}

TEST_P(FixedLevelsTest, FastEqualsScalar) {
  ForAll([](const Encoder& encoder, const Case&) {
    for (size_t i = 0; i < Samples().size(); ++i) {
      const Sample& sample = Samples()[i];
      EXPECT_TRUE(Encode(encoder.type, encoder.encode, sample) == ScalarBytes(encoder)[i])
          << sample.rows.name << ", " << sample.rows.values.size() << " values in "
          << sample.num_rows << " rows, weights " << sample.weights.name;
    }
  });
}

TEST(FixedLevelsDistortionTest, IsAsLowAsItWas) {
  ForAll([](const Encoder& encoder, const Case& c) {
    for (const bool weighted : {false, true}) {
      if (weighted && !encoder.uses_weights) continue;
      const DistortionRatios ratios = ExpectNoMoreDistortion(encoder, weighted);
      const DistortionRatios& bounds = weighted ? c.weighted : c.plain;
      EXPECT_LE(ratios.golden, bounds.golden) << weighted;
      EXPECT_LE(ratios.heavy_tailed, bounds.heavy_tailed) << weighted;
    }
  });
}

TEST_P(FixedLevelsTest, RowsAreIndependent) {
  ForAll([](const Encoder& encoder, const Case&) {
    constexpr size_t kRows = 5;
    constexpr size_t kColumns = 512;
    const std::vector<float> values = RandomRows(1, kRows * kColumns).values;
    const std::vector<float> weights = WeightVectors(1, kColumns)[0].values;
    std::vector<uint8_t> one_by_one;
    for (size_t r = 0; r < kRows; ++r) {
      const std::vector<float> row(values.begin() + r * kColumns,
                                   values.begin() + (r + 1) * kColumns);
      const std::vector<uint8_t> bytes =
          EncodeRow(encoder.type, encoder.encode, row, weights.data());
      one_by_one.insert(one_by_one.end(), bytes.begin(), bytes.end());
    }
    std::vector<uint8_t> together(one_by_one.size());
    encoder.encode(values.data(), kRows, kColumns, weights.data(), together.data());
    EXPECT_EQ(together, one_by_one);
  });
}

// No edge is worse than the reference's, nor infinite where that is finite.
TEST(FixedLevelsDistortionTest, EdgesAreNoWorseThanTheReference) {
  ForAll([](const Encoder& encoder, const Case&) {
    const Encoder& reference = *FindEncoder(encoder.type, Effort::kReference);
    for (const TestRows& edge : EdgeRows()) {
      const size_t columns = edge.values.size();
      std::vector<std::vector<float>> importance = {{}};
      if (encoder.uses_weights) importance.push_back(WeightVectors(3, columns)[0].values);
      for (const std::vector<float>& w : importance) {
        const float* weights = w.empty() ? nullptr : w.data();
        const auto distortion = [&](EncodeRows encode) {
          return WeightedDistortion(encoder.type, encode, edge.values.data(), 1, columns, weights);
        };
        const double before = distortion(reference.encode);
        const double after = distortion(encoder.encode);
        if (!std::isfinite(before)) continue;
        EXPECT_LE(after, before * 1.000001) << edge.name;
      }
    }
  });
}

TEST_P(FixedLevelsTest, ZerosStayWhatTheReferenceMakesOfThem) {
  ForAll([](const Encoder& encoder, const Case&) {
    const std::vector<float> zeros(256, 0.0f);
    const std::vector<float> weights(256, 1.0f);
    for (const float* w : {static_cast<const float*>(nullptr), weights.data()}) {
      const EncodeRows reference = FindEncoder(encoder.type, Effort::kReference)->encode;
      const std::vector<uint8_t> bytes = EncodeRow(encoder.type, encoder.encode, zeros, w);
      EXPECT_EQ(bytes, EncodeRow(encoder.type, reference, zeros, w));
      EXPECT_EQ(Decoded(encoder.type, bytes, 256), zeros);
    }
  });
}

// The rows on which an encoder that claims the least possible error is checked.
std::vector<TestRows> OptimalityRows(size_t num_values) {
  std::vector<TestRows> all = EdgeRows();
  for (uint32_t seed = 0; seed < 24; ++seed) all.push_back(RandomRows(seed, num_values));
  return all;
}

double SquaredError(const float* x, const float* y, size_t count) {
  double sum = 0.0;
  for (size_t i = 0; i < count; ++i) {
    const double error = static_cast<double>(x[i]) - y[i];
    sum += error * error;
  }
  return sum;
}

// Expects that every `group` values of `row` decode to the least error of all `scales` (halves,
// with FP4 levels), up to the rounding of binary32 sums.
void ExpectLeastFp4Error(TensorType type, const TestRows& row, size_t group,
                         const std::vector<float>& halves) {
  const Encoder& encoder = *FindEncoder(type, Effort::kMax);
  const std::vector<float> decoded =
      Decoded(type, EncodeRow(type, encoder.encode, row.values, nullptr), row.values.size());
  for (size_t start = 0; start < row.values.size(); start += group) {
    const float* x = row.values.data() + start;
    double least = std::numeric_limits<double>::infinity();
    for (const float half : halves) {
      std::vector<float> y(group);
      for (size_t i = 0; i < group; ++i) {
        y[i] = static_cast<float>(Fp4E2m1X2(NearestFp4(x[i], half))) * half;
      }
      least = std::fmin(least, SquaredError(x, y.data(), group));
    }
    const double error = SquaredError(x, decoded.data() + start, group);
    EXPECT_LE(error, least * 1.00001) << NameOf(type) << ", " << row.name << ", from " << start;
  }
}

TEST(FixedLevelsOptimalityTest, MXFP4HasTheLeastErrorOfAllScales) {
  std::vector<float> halves;
  for (int e = 5; e <= 251; ++e) halves.push_back(E8M0Half(static_cast<uint8_t>(e)));
  for (const TestRows& row : OptimalityRows(512)) {
    // Beyond these magnitudes blocks are the reference's.
    bool is_usual = true;
    for (const float x : row.values) {
      is_usual &= x == 0.0f || (std::fabs(x) > 1e-15f && std::fabs(x) < 1e15f);
    }
    if (is_usual) ExpectLeastFp4Error(TensorType::kMXFP4, row, 32, halves);
  }
}

TEST(FixedLevelsOptimalityTest, NVFP4HasTheLeastErrorOfAllScales) {
  std::vector<float> halves;
  for (int d = 0; d <= 0x7E; ++d) halves.push_back(UE4M3Half(static_cast<uint8_t>(d)));
  for (const TestRows& row : OptimalityRows(512)) {
    bool is_usual = true;
    for (const float x : row.values) is_usual &= std::fabs(x) <= kLargestComparableFp4;
    if (is_usual) ExpectLeastFp4Error(TensorType::kNVFP4, row, 16, halves);
  }
}

// Least error of `count` values under one binary16 scale with codes least..greatest times it. The
// best scale is a sum of at least the largest magnitude over at most 4 * 64 or 256, or 0.
double LeastErrorOfAnyScale(const float* x, size_t count, float least_code, float greatest_code) {
  float amax = 0.0f;
  for (size_t i = 0; i < count; ++i) amax = std::fmax(amax, std::fabs(x[i]));
  double least = std::numeric_limits<double>::infinity();
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float d = F16ToF32(static_cast<uint16_t>(bits));
    if (!(std::fabs(d) >= amax / 300.0f && std::fabs(d) < 2.0f * amax) && d != 0.0f) continue;
    const float inverse = d != 0.0f ? 1.0f / d : 0.0f;
    float sum = 0.0f;
    for (size_t i = 0; i < count; ++i) {
      const float code =
          std::fmin(std::fmax(std::nearbyint(x[i] * inverse), least_code), greatest_code);
      const float error = x[i] - code * d;
      sum += error * error;
    }
    least = std::fmin(least, static_cast<double>(sum));
  }
  return least;
}

void ExpectLeastErrorOfAnyScale(TensorType type, float least_code, float greatest_code) {
  const Encoder& encoder = *FindEncoder(type, Effort::kMax);
  const size_t block = InfoOf(type).block_values;
  std::vector<TestRows> rows;
  for (uint32_t seed = 0; seed < 5; ++seed) rows.push_back(RandomRows(seed, block));
  for (const TestRows& edge : EdgeRows()) {
    if (edge.name == "zero sub-blocks" || edge.name == "one huge outlier" ||
        edge.name == "minus first" || edge.name == "ties of eighths") {
      rows.push_back({edge.name, {edge.values.begin(), edge.values.begin() + block}});
    }
  }
  for (const TestRows& row : rows) {
    const std::vector<float> decoded =
        Decoded(type, EncodeRow(type, encoder.encode, row.values, nullptr), block);
    const double error = SquaredError(row.values.data(), decoded.data(), block);
    const double least = LeastErrorOfAnyScale(row.values.data(), block, least_code, greatest_code);
    EXPECT_LE(error, least * 1.00001) << NameOf(type) << ", " << row.name;
  }
}

TEST(FixedLevelsOptimalityTest, TernaryTypesHaveTheLeastErrorOfAllScales) {
  ExpectLeastErrorOfAnyScale(TensorType::kTQ1_0, -1.0f, 1.0f);
  ExpectLeastErrorOfAnyScale(TensorType::kTQ2_0, -1.0f, 1.0f);
}

TEST(FixedLevelsOptimalityTest, Q2_0HasTheLeastErrorOfAllScales) {
  ExpectLeastErrorOfAnyScale(TensorType::kQ2_0, -1.0f, 2.0f);
}

// Blocks that are multiples of one scale already come back as they are, however few are not 0.
TEST_P(FixedLevelsTest, LatticesStayExact) {
  std::mt19937 random(3);
  for (const TensorType type : {TensorType::kTQ1_0, TensorType::kTQ2_0, TensorType::kQ2_0}) {
    const Encoder& encoder = *FindEncoder(type, Effort::kMax);
    for (const float scale : {0.0123291015625f, 1.0f, 60.0f}) {
      std::vector<float> row;
      for (const uint32_t density : {1, 2, 10, 50, 99}) {
        for (size_t i = 0; i < 256; ++i) {
          const int level = static_cast<int>(random() % 3) - 1;
          row.push_back(random() % 100 < density ? static_cast<float>(level) * scale : 0.0f);
        }
        row[row.size() - 7] = scale;
      }
      if (type == TensorType::kQ2_0) {  // the level of 2, of either sign
        for (size_t i = 0; i < row.size(); i += 64) row[i] = i % 128 == 0 ? 2 * scale : -2 * scale;
        for (float& x : row) x = x == scale && random() % 2 == 0 ? 0.0f : x;
      }
      const std::vector<uint8_t> bytes = EncodeRow(type, encoder.encode, row, nullptr);
      EXPECT_EQ(Decoded(type, bytes, row.size()), row) << NameOf(type) << " " << scale;
    }
  }
}

GGUF_INSTANTIATE_ENCODER_TESTS(FixedLevelsTest);

}  // namespace
}  // namespace gguf
