#include "quantize/encode/refine/iq1_points.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "formats/codec/codebooks/iq1s.h"
#include "gtest/gtest.h"
#include "hwy/targets.h"
#include "quantize/encode/encoder_test_cases.h"
#include "quantize/encode/iq1_grid.h"

namespace gguf {
namespace {

constexpr size_t kRows = 2048;

struct Case {
  Iq1Runs runs;
  float scales[kIq1Runs];
};

// Every eighth run: zero weights, zero values, ties, values and weights at the limits.
Case RandomCase(uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  Case c;
  for (size_t i = 0; i < kIq1Runs * kIq1RunValues; ++i) {
    const size_t kind = i % kIq1Runs % 8;
    c.runs.x[i] = normal(random);
    c.runs.w[i] = std::exp(normal(random));
    if (kind == 1) c.runs.w[i] = 0.0f;
    if (kind == 2) c.runs.x[i] = 0.0f;
    if (kind == 3) {
      c.runs.x[i] = std::round(2.0f * c.runs.x[i]) * 0.5f;
      c.runs.w[i] = 1.0f;
    }
    if (kind == 4) {
      c.runs.x[i] = std::copysign(kIq1LargestValue, c.runs.x[i]);
      c.runs.w[i] = kIq1LargestWeight;
    }
    if (kind == 5) c.runs.w[i] *= 1e-38f;
  }
  for (size_t r = 0; r < kIq1Runs; ++r) {
    c.scales[r] = 0.2f + std::fabs(normal(random));
    if (r % 8 == 3) c.scales[r] = 1.0f;
    if (r % 8 == 4) c.scales[r] = 0x1p22f;
    if (r % 8 == 6) c.scales[r] = 0.0f;
  }
  return c;
}

double Cost(const Case& c, size_t run, size_t shift, size_t row) {
  double cost = 0.0;
  for (size_t k = 0; k < kIq1RunValues; ++k) {
    const double q = kIq1Levels[shift][kIq1s[row][k] + 1];
    const double difference = c.scales[run] * q - c.runs.x[k * kIq1Runs + run];
    cost += c.runs.w[k * kIq1Runs + run] * difference * difference;
  }
  return cost;
}

class Iq1PointsTest : public EncoderTest {};

TEST_P(Iq1PointsTest, FastEqualsScalar) {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    const Case c = RandomCase(seed);
    Iq1Points fast, scalar;
    NearestIq1Points(c.runs, c.scales, fast);
    NearestIq1PointsScalar(c.runs, c.scales, scalar);
    EXPECT_EQ(std::memcmp(&fast, &scalar, sizeof(fast)), 0) << seed;
  }
}

GGUF_INSTANTIATE_ENCODER_TESTS(Iq1PointsTest);

TEST(Iq1PointsScalarTest, NoPointOfTheGridIsNearer) {
  const Case c = RandomCase(1);
  Iq1Points nearest;
  NearestIq1PointsScalar(c.runs, c.scales, nearest);
  for (size_t run = 0; run < kIq1Runs; ++run) {
    for (size_t shift = 0; shift < 2; ++shift) {
      double least = std::numeric_limits<double>::max();
      for (size_t row = 0; row < kRows; ++row) least = std::min(least, Cost(c, run, shift, row));
      const double found = Cost(c, run, shift, Iq1RowOfHalves(nearest.halves[shift][run]));
      // The bits that hold the number of a half, and the rounding of eight sums.
      EXPECT_LE(found, least * (1.0 + 0x1p-15) + 1e-37) << run << " " << shift;
    }
  }
}

TEST(Iq1PointsScalarTest, SumsAreThoseOfThePoint) {
  const Case c = RandomCase(2);
  Iq1Points nearest;
  NearestIq1PointsScalar(c.runs, c.scales, nearest);
  for (size_t run = 0; run < kIq1Runs; ++run) {
    for (size_t shift = 0; shift < 2; ++shift) {
      const int8_t* row = kIq1s[Iq1RowOfHalves(nearest.halves[shift][run])];
      double qx = 0.0, q2 = 0.0, magnitude = 0.0;
      for (size_t k = 0; k < kIq1RunValues; ++k) {
        const double q = row[k] + (shift == 0 ? 0.125 : -0.125);
        const double wx =
            static_cast<double>(c.runs.w[k * kIq1Runs + run]) * c.runs.x[k * kIq1Runs + run];
        qx += q * wx;
        magnitude += std::fabs(q * wx);
        q2 += q * q * c.runs.w[k * kIq1Runs + run];
      }
      // Eight binary32 sums and products; subnormal ones have no relative bound.
      EXPECT_NEAR(nearest.qx[shift][run], qx, 1e-6 * magnitude + 1e-43) << run << " " << shift;
      EXPECT_NEAR(nearest.q2[shift][run], q2, 1e-6 * q2 + 1e-43) << run << " " << shift;
    }
  }
}

TEST(Iq1HalvesTest, RowsHaveTheirOwn) {
  for (size_t row = 0; row < kRows; ++row) {
    EXPECT_EQ(Iq1RowOfHalves(Iq1HalvesOfRow(row)), row);
  }
}

}  // namespace
}  // namespace gguf
