// The higher efforts of IQ1_S and IQ1_M.

#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "formats/codec/codec.h"
#include "gguf/tensor_type.h"
#include "gtest/gtest.h"
#include "hwy/targets.h"
#include "quantize/encode/distortion.h"
#include "quantize/encode/encoder.h"
#include "quantize/encode/encoder_test_cases.h"

namespace gguf {
namespace {

constexpr size_t kBlock = 256;
constexpr TensorType kTypes[] = {TensorType::kIQ1_S, TensorType::kIQ1_M};
constexpr Effort kEfforts[] = {Effort::kStandard, Effort::kMax};

std::vector<Encoder> Encoders() {
  std::vector<Encoder> encoders;
  for (const TensorType type : kTypes) {
    for (const Effort effort : kEfforts) encoders.push_back(*FindEncoder(type, effort));
  }
  return encoders;
}

std::string NameOf(const Encoder& encoder) {
  return std::string(NameOf(encoder.type)) + " " + std::string(NameOf(encoder.effort));
}

struct Input {
  TestRows rows;
  size_t columns;
  TestRows weights;  // empty: none

  const float* importance() const {
    return weights.values.empty() ? nullptr : weights.values.data();
  }
  size_t num_rows() const { return rows.values.size() / columns; }
};

// Random rows of two blocks and all edges, with and without weights.
std::vector<Input> Inputs() {
  std::vector<Input> inputs;
  for (uint32_t seed = 0; seed < 8; ++seed) {
    const TestRows rows = RandomRows(seed, 3 * 2 * kBlock);
    inputs.push_back({rows, 2 * kBlock, {"none", {}}});
    const std::vector<TestRows> weights = WeightVectors(seed, 2 * kBlock);
    inputs.push_back({rows, 2 * kBlock, weights[0]});
    inputs.push_back({rows, 2 * kBlock, weights[seed % weights.size()]});
  }
  TestRows edges{"all edges", {}};
  for (const TestRows& edge : EdgeRows()) {
    edges.values.insert(edges.values.end(), edge.values.begin(), edge.values.end());
  }
  inputs.push_back({edges, kBlock, {"none", {}}});
  for (const TestRows& weights : WeightVectors(5, kBlock)) {
    inputs.push_back({edges, kBlock, weights});
  }
  return inputs;
}

std::vector<uint8_t> Encode(const Encoder& encoder, EncodeRows encode, const Input& input) {
  const TensorTypeInfo& info = InfoOf(encoder.type);
  std::vector<uint8_t> bytes(input.rows.values.size() / info.block_values * info.block_bytes);
  encode(input.rows.values.data(), input.num_rows(), input.columns, input.importance(),
         bytes.data());
  return bytes;
}

// What the scalar encoders give for the inputs; computed once for all instruction sets.
const std::vector<std::vector<uint8_t>>& ScalarBytes(const Encoder& encoder) {
  static auto* const cache =
      new std::map<std::pair<TensorType, Effort>, std::vector<std::vector<uint8_t>>>;
  std::vector<std::vector<uint8_t>>& all = (*cache)[{encoder.type, encoder.effort}];
  if (!all.empty()) return all;
  for (const Input& input : Inputs()) {
    const bool usable = input.importance() != nullptr || !encoder.requires_weights;
    all.push_back(usable ? Encode(encoder, encoder.encode_reference, input)
                         : std::vector<uint8_t>());
  }
  return all;
}

class Iq1EffortTest : public EncoderTest {};

TEST_P(Iq1EffortTest, FastEqualsScalar) {
  const std::vector<Input> inputs = Inputs();
  for (const Encoder& encoder : Encoders()) {
    const std::vector<std::vector<uint8_t>>& scalar = ScalarBytes(encoder);
    for (size_t n = 0; n < inputs.size(); ++n) {
      if (scalar[n].empty()) continue;
      EXPECT_TRUE(Encode(encoder, encoder.encode, inputs[n]) == scalar[n])
          << NameOf(encoder) << ", rows " << inputs[n].rows.name << ", weights "
          << inputs[n].weights.name;
    }
  }
}

GGUF_INSTANTIATE_ENCODER_TESTS(Iq1EffortTest);

TEST(Iq1DistortionTest, IsLowerThanTheReferences) {
  struct Bound {
    TensorType type;
    Effort effort;
    bool weighted;
    double golden;
    double heavy_tailed;
  };
  // Measured, rounded up.
  constexpr Bound kBounds[] = {
      {TensorType::kIQ1_S, Effort::kStandard, true, 0.901, 0.919},
      {TensorType::kIQ1_S, Effort::kMax, true, 0.876, 0.916},
      {TensorType::kIQ1_M, Effort::kStandard, true, 0.841, 0.903},
      {TensorType::kIQ1_M, Effort::kMax, true, 0.841, 0.9},
      {TensorType::kIQ1_M, Effort::kStandard, false, 0.649, 0.8415},
      {TensorType::kIQ1_M, Effort::kMax, false, 0.649, 0.839},
  };
  for (const Bound& bound : kBounds) {
    const Encoder& encoder = *FindEncoder(bound.type, bound.effort);
    const DistortionRatios ratios = ExpectNoMoreDistortion(encoder, bound.weighted);
    EXPECT_LE(ratios.golden, bound.golden) << NameOf(encoder) << " " << bound.weighted;
    EXPECT_LE(ratios.heavy_tailed, bound.heavy_tailed) << NameOf(encoder) << " " << bound.weighted;
  }
}

// Block by block, for hostile values too, and never a scale that cannot be stored.
TEST(Iq1HostileTest, NoBlockIsWorseThanTheReferences) {
  for (const Encoder& encoder : Encoders()) {
    const Encoder& reference = *FindEncoder(encoder.type, Effort::kReference);
    const size_t bytes = InfoOf(encoder.type).block_bytes;
    for (const Input& input : Inputs()) {
      if (input.importance() == nullptr && encoder.requires_weights) continue;
      const std::vector<uint8_t> refined = Encode(encoder, encoder.encode, input);
      const std::vector<uint8_t> before = Encode(reference, reference.encode, input);
      for (size_t n = 0; n * kBlock < input.rows.values.size(); ++n) {
        const float* x = input.rows.values.data() + n * kBlock;
        const size_t column = n * kBlock % input.columns;
        const float* w = input.importance() != nullptr ? input.importance() + column : nullptr;
        const auto error = [&](EncodeRows encode) {
          return WeightedDistortion(encoder.type, encode, x, 1, kBlock, w);
        };
        const Codec& codec = CodecOf(encoder.type);
        if (codec.find_bad_block(before.data() + n * bytes, 1) == 0) continue;
        EXPECT_EQ(codec.find_bad_block(refined.data() + n * bytes, 1), 1u) << NameOf(encoder);
        const double reference_error = error(reference.encode);
        if (!std::isfinite(reference_error)) continue;
        EXPECT_LE(error(encoder.encode), reference_error * (1.0 + 1e-12))
            << NameOf(encoder) << ", rows " << input.rows.name << ", block " << n << ", weights "
            << input.weights.name;
      }
    }
  }
}

TEST(Iq1ZeroTest, BlocksOfZerosStayZero) {
  const std::vector<float> zeros(kBlock, 0.0f);
  const std::vector<float> tiny(kBlock, 9e-13f);
  const std::vector<float> ones(kBlock, 1.0f);
  for (const Encoder& encoder : Encoders()) {
    const std::vector<uint8_t> expected(InfoOf(encoder.type).block_bytes, 0);
    EXPECT_EQ(EncodeRow(encoder.type, encoder.encode, zeros, ones.data()), expected);
    EXPECT_EQ(EncodeRow(encoder.type, encoder.encode, tiny, ones.data()), expected);
    EXPECT_EQ(EncodeRow(encoder.type, encoder.encode, ones, zeros.data()), expected);
  }
}

// A sub-block of zeros in a block of others decodes to next to nothing, which the reference's
// does not.
TEST(Iq1ZeroTest, SubBlocksOfZerosAreNearlyZero) {
  TestRows rows = RandomRows(0, kBlock);
  for (size_t i = 32; i < 64; ++i) rows.values[i] = 0.0f;
  const std::vector<float> ones(kBlock, 1.0f);
  for (const Encoder& encoder : Encoders()) {
    const std::vector<uint8_t> bytes =
        EncodeRow(encoder.type, encoder.encode, rows.values, ones.data());
    std::vector<float> decoded(kBlock);
    CodecOf(encoder.type).decode(bytes.data(), kBlock, decoded.data());
    float largest = 0.0f, largest_zero = 0.0f;
    for (size_t i = 0; i < kBlock; ++i) {
      float& most = i >= 32 && i < 64 ? largest_zero : largest;
      most = std::fmax(most, std::fabs(decoded[i]));
    }
    EXPECT_LE(largest_zero, 0.03f * largest) << NameOf(encoder);
  }
}

TEST(Iq1RowsTest, AreIndependent) {
  constexpr size_t kRows = 5;
  const TestRows rows = RandomRows(0, kRows * 2 * kBlock);
  const TestRows weights = WeightVectors(1, 2 * kBlock)[0];
  for (const Encoder& encoder : Encoders()) {
    const std::vector<uint8_t> together =
        Encode(encoder, encoder.encode, {rows, 2 * kBlock, weights});
    std::vector<uint8_t> alone;
    for (size_t r = 0; r < kRows; ++r) {
      const auto first = rows.values.begin() + r * 2 * kBlock;
      const std::vector<uint8_t> bytes = EncodeRow(
          encoder.type, encoder.encode, {first, first + 2 * kBlock}, weights.values.data());
      alone.insert(alone.end(), bytes.begin(), bytes.end());
    }
    EXPECT_EQ(together, alone) << NameOf(encoder);
  }
}

}  // namespace
}  // namespace gguf
