// The IQ2 and IQ3 types at the efforts above the reference's.

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "gguf/tensor_type.h"
#include "gtest/gtest.h"
#include "hwy/targets.h"
#include "quantize/encode/encoder.h"
#include "quantize/encode/encoder_test_cases.h"

namespace gguf {
namespace {

// The error may be at most these parts of the reference's: golden rows, heavy-tailed rows; with
// importance and without.
struct Bounds {
  TensorType type;
  Effort effort;
  DistortionRatios weighted;
  DistortionRatios plain;
};

constexpr Bounds kBounds[] = {
    {TensorType::kIQ2_XXS, Effort::kStandard, {0.9503, 0.6625}, {}},
    {TensorType::kIQ2_XXS, Effort::kMax, {0.9502, 0.6619}, {}},
    {TensorType::kIQ2_XS, Effort::kStandard, {0.948, 0.7952}, {}},
    {TensorType::kIQ2_XS, Effort::kMax, {0.9481, 0.7944}, {}},
    {TensorType::kIQ2_S, Effort::kStandard, {0.9619, 0.8126}, {0.4463, 0.7651}},
    {TensorType::kIQ2_S, Effort::kMax, {0.9619, 0.8113}, {0.4463, 0.7634}},
    {TensorType::kIQ3_XXS, Effort::kStandard, {0.6544, 0.7239}, {0.1225, 0.5883}},
    {TensorType::kIQ3_XXS, Effort::kMax, {0.6544, 0.7204}, {0.1225, 0.5847}},
    {TensorType::kIQ3_S, Effort::kStandard, {0.8292, 0.7232}, {0.2188, 0.5974}},
    {TensorType::kIQ3_S, Effort::kMax, {0.8292, 0.7191}, {0.2188, 0.5907}},
};

const Encoder& EncoderOf(const Bounds& bounds) { return *FindEncoder(bounds.type, bounds.effort); }

std::string NameOf(const Bounds& bounds) {
  return std::string(NameOf(bounds.type)) + " " + std::string(NameOf(bounds.effort));
}

// Rows of `columns` values with importance (or none, if empty).
struct Case {
  TestRows rows;
  size_t columns;
  TestRows weights;
};

// Every edge as a row, without weights, with zeros for sub-blocks and with tiny ones; random rows
// in numbers that leave lanes over.
const std::vector<Case>& Cases() {
  static const std::vector<Case>& cases = *[] {
    auto* all = new std::vector<Case>;
    TestRows edges{"all edges", {}};
    for (const TestRows& edge : EdgeRows()) {
      edges.values.insert(edges.values.end(), edge.values.begin(), edge.values.end());
    }
    all->push_back({edges, 256, {}});
    const std::vector<TestRows> weights = WeightVectors(6, 256);
    for (const size_t kind : {2, 4}) all->push_back({edges, 256, weights[kind]});
    for (uint32_t seed = 0; seed < 4; ++seed) {
      const size_t columns = 256 * (1 + seed % 3);
      all->push_back({RandomRows(seed, (1 + 2 * seed % 5) * columns), columns, {}});
      all->push_back({all->back().rows, columns, WeightVectors(seed, columns)[seed % 4]});
    }
    return all;
  }();
  return cases;
}

using Bytes = std::vector<uint8_t>;

Bytes Encode(EncodeRows encode, TensorType type, const Case& c) {
  const TensorTypeInfo& info = InfoOf(type);
  Bytes bytes(c.rows.values.size() / info.block_values * info.block_bytes);
  encode(c.rows.values.data(), c.rows.values.size() / c.columns, c.columns,
         c.weights.values.empty() ? nullptr : c.weights.values.data(), bytes.data());
  return bytes;
}

// What the scalar encoder gives, computed once for all instruction sets.
const Bytes& ScalarBytes(const Encoder& encoder, size_t n) {
  static auto& known = *new std::map<std::pair<EncodeRows, size_t>, Bytes>;
  const auto [place, is_new] = known.try_emplace({encoder.encode_reference, n});
  if (is_new) place->second = Encode(encoder.encode_reference, encoder.type, Cases()[n]);
  return place->second;
}

class GridEncodersTest : public EncoderTest {};

TEST_P(GridEncodersTest, FastEqualsScalar) {
  for (const Bounds& bounds : kBounds) {
    const Encoder& encoder = EncoderOf(bounds);
    ASSERT_EQ(encoder.effort, bounds.effort) << NameOf(bounds);
    for (size_t n = 0; n < Cases().size(); ++n) {
      const Case& c = Cases()[n];
      if (c.weights.values.empty() && encoder.requires_weights) continue;
      EXPECT_TRUE(Encode(encoder.encode, encoder.type, c) == ScalarBytes(encoder, n))
          << NameOf(bounds) << ", rows " << c.rows.name << ", weights " << c.weights.name;
    }
  }
}

// Rows in one call and rows one by one.
TEST_P(GridEncodersTest, RowsAreIndependent) {
  constexpr size_t kRows = 11;
  constexpr size_t kColumns = 256;
  const TestRows rows = RandomRows(1, kRows * kColumns);
  const std::vector<float> weights = WeightVectors(1, kColumns)[0].values;
  for (const Bounds& bounds : kBounds) {
    const Encoder& encoder = EncoderOf(bounds);
    const size_t row_bytes = kColumns / 256 * InfoOf(bounds.type).block_bytes;
    Bytes together(kRows * row_bytes), alone(kRows * row_bytes);
    encoder.encode(rows.values.data(), kRows, kColumns, weights.data(), together.data());
    for (size_t r = 0; r < kRows; ++r) {
      encoder.encode(rows.values.data() + r * kColumns, 1, kColumns, weights.data(),
                     alone.data() + r * row_bytes);
    }
    EXPECT_TRUE(together == alone) << NameOf(bounds);
  }
}

GGUF_INSTANTIATE_ENCODER_TESTS(GridEncodersTest);

// Equal bytes on all instruction sets make one of them enough here.
TEST(GridEncodersDistortionTest, IsBelowTheReference) {
  for (const Bounds& bounds : kBounds) {
    const Encoder& encoder = EncoderOf(bounds);
    const DistortionRatios weighted = ExpectNoMoreDistortion(encoder, true);
    EXPECT_LT(weighted.golden, bounds.weighted.golden) << NameOf(bounds);
    EXPECT_LT(weighted.heavy_tailed, bounds.weighted.heavy_tailed) << NameOf(bounds);
    if (encoder.requires_weights) continue;
    const DistortionRatios plain = ExpectNoMoreDistortion(encoder, false);
    EXPECT_LT(plain.golden, bounds.plain.golden) << NameOf(bounds) << ", plain";
    EXPECT_LT(plain.heavy_tailed, bounds.plain.heavy_tailed) << NameOf(bounds) << ", plain";
  }
}

TEST(GridEncodersZeroTest, BlocksOfZerosAreZeroBytes) {
  const std::vector<float> zeros(512, 0.0f), ones(512, 1.0f);
  for (const Bounds& bounds : kBounds) {
    const Encoder& encoder = EncoderOf(bounds);
    const Bytes bytes = EncodeRow(bounds.type, encoder.encode, zeros, ones.data());
    EXPECT_TRUE(std::all_of(bytes.begin(), bytes.end(), [](uint8_t b) { return b == 0; }))
        << NameOf(bounds);
  }
}

}  // namespace
}  // namespace gguf
