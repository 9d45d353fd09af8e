// The higher efforts of the types with scale and minimum.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "gguf/tensor_type.h"
#include "gtest/gtest.h"
#include "hwy/highway.h"
#include "quantize/encode/affine_test_cases.h"
#include "quantize/encode/distortion.h"
#include "quantize/encode/encoder.h"
#include "quantize/encode/encoder_test_cases.h"

namespace gguf {
namespace {

constexpr TensorType kTypes[] = {TensorType::kQ4_1, TensorType::kQ5_1, TensorType::kQ2_K,
                                 TensorType::kQ4_K, TensorType::kQ5_K};
constexpr Effort kEfforts[] = {Effort::kStandard, Effort::kMax};
constexpr size_t kBlock = 256;

std::vector<uint8_t> Encode(const Encoder& encoder, EncodeRows encode, const TestRows& rows,
                            size_t columns, const float* weights) {
  std::vector<uint8_t> bytes(rows.values.size() / InfoOf(encoder.type).block_values *
                             InfoOf(encoder.type).block_bytes);
  encode(rows.values.data(), rows.values.size() / columns, columns, weights, bytes.data());
  return bytes;
}

// The encoders use instruction set `target` as long as this lives.
class ForcedTarget {
 public:
  explicit ForcedTarget(int64_t target) { Use(target); }
  ~ForcedTarget() { Use(0); }

 private:
  static void Use(int64_t targets) {
    hwy::SetSupportedTargetsForTest(targets);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
};

// On every instruction set; the scalar encoder, which is slow, runs once.
void ExpectFastEqualsScalar(const Encoder& encoder, const TestRows& rows, size_t columns,
                            const TestRows* weights) {
  const float* w = weights != nullptr ? weights->values.data() : nullptr;
  const std::vector<uint8_t> expected = Encode(encoder, encoder.encode_reference, rows, columns, w);
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    const ForcedTarget forced(target);
    EXPECT_EQ(Encode(encoder, encoder.encode, rows, columns, w), expected)
        << NameOf(encoder.type) << " " << std::string(NameOf(encoder.effort)) << " on "
        << hwy::TargetName(target) << ", rows " << rows.name << ", weights "
        << (weights != nullptr ? weights->name : "none");
  }
}

// Below and beyond the number of blocks that are encoded together.
TEST(AffineRefined, FastEqualsScalar) {
  for (const TensorType type : kTypes) {
    for (const Effort effort : kEfforts) {
      const Encoder& encoder = *FindEncoder(type, effort);
      for (uint32_t seed = 0; seed < 5; ++seed) {
        const size_t columns = kBlock * (1 + seed % 2);
        const size_t num_rows = seed == 0 ? 17 : 1 + seed % 3;
        const TestRows rows = RandomRows(seed, num_rows * columns);
        const std::vector<TestRows> weights = WeightVectors(seed, columns);
        if (seed % 2 == 0) ExpectFastEqualsScalar(encoder, rows, columns, nullptr);
        ExpectFastEqualsScalar(encoder, rows, columns, &weights[seed % weights.size()]);
      }
    }
  }
}

TEST(AffineRefined, FastEqualsScalarOnEdges) {
  TestRows edges = {"edges", {}};
  for (const TestRows& edge : EdgeRows()) {
    edges.values.insert(edges.values.end(), edge.values.begin(), edge.values.end());
  }
  for (const TensorType type : {TensorType::kQ5_1, TensorType::kQ2_K}) {
    const Encoder& encoder = *FindEncoder(type, Effort::kStandard);
    ExpectFastEqualsScalar(encoder, edges, kBlock, nullptr);
    for (const TestRows& weights : WeightVectors(6, kBlock)) {
      ExpectFastEqualsScalar(encoder, edges, kBlock, &weights);
    }
  }
}

// The types of a family and their efforts differ in constants: one of them is enough.
TEST(AffineRefined, FastEqualsScalarOnHostileRows) {
  ExpectFastEqualsReferenceOnHostileRows(*FindEncoder(TensorType::kQ4_1, Effort::kStandard));
  ExpectFastEqualsReferenceOnHostileRows(*FindEncoder(TensorType::kQ4_K, Effort::kStandard));
}

TEST(AffineRefined, RowsAreIndependent) {
  ExpectRowsAreIndependent(*FindEncoder(TensorType::kQ4_1, Effort::kStandard));
  ExpectRowsAreIndependent(*FindEncoder(TensorType::kQ4_K, Effort::kStandard));
}

// Golden rows and heavy-tailed rows with importance, then without: the error as measured, and what
// the last digits may vary by.
struct Bounds {
  TensorType type;
  Effort effort;
  DistortionRatios weighted, plain;
};

constexpr Bounds kBounds[] = {
    {TensorType::kQ4_1, Effort::kStandard, {0.933, 0.863}, {0.816, 0.796}},
    {TensorType::kQ4_1, Effort::kMax, {0.930, 0.847}, {0.814, 0.793}},
    {TensorType::kQ5_1, Effort::kStandard, {0.984, 0.856}, {0.863, 0.779}},
    {TensorType::kQ5_1, Effort::kMax, {0.980, 0.829}, {0.862, 0.776}},
    {TensorType::kQ2_K, Effort::kStandard, {0.672, 0.855}, {0.745, 0.863}},
    {TensorType::kQ2_K, Effort::kMax, {0.665, 0.841}, {0.708, 0.859}},
    {TensorType::kQ4_K, Effort::kStandard, {0.868, 0.894}, {0.983, 0.956}},
    {TensorType::kQ4_K, Effort::kMax, {0.867, 0.877}, {0.981, 0.953}},
    {TensorType::kQ5_K, Effort::kStandard, {0.919, 0.751}, {0.969, 0.886}},
    {TensorType::kQ5_K, Effort::kMax, {0.917, 0.726}, {0.967, 0.867}},
};

TEST(AffineRefined, LowersTheDistortion) {
  for (const Bounds& bounds : kBounds) {
    const Encoder& encoder = *FindEncoder(bounds.type, bounds.effort);
    ASSERT_EQ(encoder.effort, bounds.effort);
    for (const bool weighted : {true, false}) {
      const DistortionRatios ratios = ExpectNoMoreDistortion(encoder, weighted);
      const DistortionRatios& bound = weighted ? bounds.weighted : bounds.plain;
      EXPECT_LE(ratios.golden, bound.golden) << NameOf(bounds.type) << weighted;
      EXPECT_LE(ratios.heavy_tailed, bound.heavy_tailed) << NameOf(bounds.type) << weighted;
    }
  }
}

// Up to rounding: a row's error is measured as the decoder computes, the search sums otherwise.
TEST(AffineRefined, MaxIsNeverWorseThanStandard) {
  constexpr size_t kColumns = 2 * kBlock;
  for (const TensorType type : kTypes) {
    for (uint32_t seed = 0; seed < 7; ++seed) {
      const TestRows row = RandomRows(seed, kColumns);
      const TestRows weights = WeightVectors(seed, kColumns)[0];
      const float* importance = seed % 2 == 0 ? nullptr : weights.values.data();
      const auto distortion = [&](Effort effort) {
        return WeightedDistortion(type, FindEncoder(type, effort)->encode, row.values.data(), 1,
                                  kColumns, importance);
      };
      const double standard = distortion(Effort::kStandard);
      EXPECT_LE(standard, distortion(Effort::kReference) * 1.00001) << NameOf(type) << row.name;
      EXPECT_LE(distortion(Effort::kMax), standard * 1.00001) << NameOf(type) << row.name;
    }
  }
}

TEST(AffineRefined, LeavesZeroBlocksAlone) {
  const std::vector<float> row(kBlock, 0.0f);
  const std::vector<float> importance(kBlock, 1.0f);
  for (const TensorType type : kTypes) {
    const Encoder& reference = *FindEncoder(type, Effort::kReference);
    for (const Effort effort : kEfforts) {
      const Encoder& encoder = *FindEncoder(type, effort);
      for (const float* weights : {static_cast<const float*>(nullptr), importance.data()}) {
        EXPECT_EQ(EncodeRow(type, encoder.encode, row, weights),
                  EncodeRow(type, reference.encode, row, weights))
            << NameOf(type);
      }
    }
  }
}

}  // namespace
}  // namespace gguf
