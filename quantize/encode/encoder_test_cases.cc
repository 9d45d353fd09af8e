#include "quantize/encode/encoder_test_cases.h"

#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>

#include "gguf/tensor_type.h"
#include "hwy/highway.h"
#include "quantize/encode/distortion.h"

namespace gguf {
namespace {

constexpr size_t kBlock = 256;  // a multiple of every type's block
constexpr uint8_t kUntouched = 0xA5;

void UseTargets(int64_t targets) {
  hwy::SetSupportedTargetsForTest(targets);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

std::vector<uint8_t> ReadBytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<float> ReadFloats(const std::string& path) {
  const std::vector<uint8_t> bytes = ReadBytes(path);
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

size_t EncodedBytes(TensorType type, size_t num_values) {
  const TensorTypeInfo& info = InfoOf(type);
  return num_values / info.block_values * info.block_bytes;
}

TestRows Filled(const char* name, float value) { return {name, std::vector<float>(kBlock, value)}; }

TestRows Patterned(const char* name, const std::vector<float>& pattern) {
  TestRows rows = Filled(name, 0.0f);
  for (size_t i = 0; i < kBlock; ++i) rows.values[i] = pattern[i % pattern.size()];
  return rows;
}

TestRows Normal(const char* name, float sigma, uint32_t seed) {
  TestRows rows = Filled(name, 0.0f);
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0f, sigma);
  for (float& value : rows.values) value = normal(random);
  return rows;
}

// The first block that differs, or -1.
int64_t FirstDifference(const Encoder& encoder, const std::vector<uint8_t>& a,
                        const std::vector<uint8_t>& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i]) return i / InfoOf(encoder.type).block_bytes;
  }
  return -1;
}

void ExpectEqualBytes(const Encoder& encoder, const TestRows& rows, size_t num_rows, size_t columns,
                      const TestRows& weights) {
  ASSERT_GE(rows.values.size(), num_rows * columns);
  const float* w = weights.values.empty() ? nullptr : weights.values.data();
  if (w == nullptr && encoder.requires_weights) return;
  const size_t bytes = EncodedBytes(encoder.type, num_rows * columns);
  std::vector<uint8_t> fast(bytes + 64, kUntouched);
  std::vector<uint8_t> reference(bytes + 64, kUntouched);
  encoder.encode(rows.values.data(), num_rows, columns, w, fast.data());
  encoder.encode_reference(rows.values.data(), num_rows, columns, w, reference.data());
  EXPECT_EQ(FirstDifference(encoder, fast, reference), -1)
      << NameOf(encoder.type) << ", rows " << rows.name << " [" << num_rows << ", " << columns
      << "], weights " << weights.name;
}

}  // namespace

void EncoderTest::SetUp() { UseTargets(GetParam()); }
void EncoderTest::TearDown() { UseTargets(0); }

std::vector<TestRows> EdgeRows() {
  std::vector<TestRows> all = {
      Filled("zeros", 0.0f),
      Filled("minus zeros", -0.0f),
      Filled("constant", 0.0371f),
      Filled("negative constant", -3.25f),
      Filled("smallest subnormal", 1e-45f),
      Filled("binary16 maximum", 65504.0f),
      Filled("1e30", 1e30f),
      Filled("1e-16", 1e-16f),
      Filled("largest float", 3.4028234e38f),
      Patterned("plus and minus", {0.5f, -0.5f}),
      Patterned("minus first", {-0.5f, 0.5f, 0.125f}),
      Patterned("subnormals", {1e-40f, -3e-41f, 0.0f, 7e-39f, 2e-45f}),
      Patterned("largest subnormals", {1.1e-38f, -1.17e-38f, 5e-39f}),
      Patterned("binary16 limits", {65504.0f, -65504.0f, 6e-5f, -6e-8f}),
      Patterned("beyond binary16", {7e5f, -6e6f, 1e5f}),
      Patterned("near the tiny limit", {1e-15f, -9.99e-16f, 1.01e-15f, 5e-16f}),
      Patterned("scales near the binary16 subnormals", {3e-7f, -1e-7f, 2e-8f, 9e-7f, -5e-7f}),
      Patterned("ties of eighths", {-8, 7.5, 6.5, 5.5, 4.5, 3.5, 2.5, 1.5, 0.5, -0.5, -1.5, -2.5}),
      Patterned("ties at 127", {127, 0.5, 1.5, 2.5, 63.5, -0.5, -1.5, -63.5, 0.49999997f, 126.5}),
      Patterned("huge of both signs", {1e30f, -3e29f, 2e28f, -1e30f}),
      Patterned("huge and small", {3e38f, -1e38f, 1e-30f, 0.0f, 1.0f}),
      Patterned("x^4 overflows", {1e10f, -3e9f, 8e9f, 1e8f}),
      Patterned("x^4 underflows", {1e-11f, -3e-12f, 2e-12f}),
  };
  TestRows outlier = Normal("one huge outlier", 0.02f, 1);
  outlier.values[77] = -30000.0f;
  all.push_back(outlier);
  TestRows late = Filled("one value", 0.0f);
  late.values[255] = 1.0f;
  all.push_back(late);
  TestRows zero_parts = Normal("zero sub-blocks", 0.5f, 2);
  for (size_t i = 0; i < kBlock; ++i) {
    if (i / 16 % 3 == 1) zero_parts.values[i] = 0.0f;
  }
  all.push_back(zero_parts);
  TestRows uneven = Normal("sub-blocks of very different size", 1.0f, 3);
  for (size_t i = 0; i < kBlock; ++i) {
    uneven.values[i] *= std::pow(10.0f, static_cast<float>(i / 16) - 8.0f);
  }
  all.push_back(uneven);
  TestRows overflow = Normal("sub-blocks with infinite sums", 1.0f, 4);
  for (size_t i = 0; i < kBlock; ++i) {
    if (i / 16 % 4 == 2) overflow.values[i] *= 1e25f;
  }
  all.push_back(overflow);
  return all;
}

TestRows RandomRows(uint32_t seed, size_t num_values) {
  std::mt19937 random(seed * 7919 + 17);
  std::normal_distribution<float> normal(0.0f, 1.0f);
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  std::exponential_distribution<float> exponential(1.0f);
  TestRows rows{"random, seed " + std::to_string(seed), std::vector<float>(num_values)};
  const float scale = std::pow(10.0f, 4.0f * uniform(random) - 2.0f);
  for (float& value : rows.values) {
    switch (seed % 8) {
      case 0:
        value = normal(random);
        break;
      case 1:
        value = exponential(random) * (uniform(random) < 0.0f ? -1.0f : 1.0f);
        break;
      case 2:
        value = uniform(random);
        break;
      case 3:  // sparse
        value = uniform(random) < 0.8f ? 0.0f : normal(random);
        break;
      case 4:  // all non-negative
        value = std::fabs(normal(random));
        break;
      case 5:  // multiples of one step: many ties
        value = std::round(4.0f * normal(random)) * 0.25f;
        break;
      case 6:  // outliers
        value = normal(random) * (uniform(random) > 0.97f ? 100.0f : 1.0f);
        break;
      default:  // any order of magnitude
        value = normal(random) * std::pow(10.0f, 10.0f * uniform(random));
        break;
    }
    value *= scale;
  }
  return rows;
}

std::vector<TestRows> WeightVectors(uint32_t seed, size_t columns) {
  std::mt19937 random(seed + 99);
  std::uniform_real_distribution<float> uniform(0.0f, 1.0f);
  std::vector<TestRows> all;
  for (const char* name : {"random", "zeros", "zero sub-blocks", "sparse", "tiny", "huge"}) {
    all.push_back({name, std::vector<float>(columns)});
  }
  for (size_t c = 0; c < columns; ++c) {
    const float value = std::exp(6.0f * uniform(random) - 3.0f);
    all[0].values[c] = value;
    all[1].values[c] = 0.0f;
    all[2].values[c] = c / 16 % 3 == 1 || c / 32 % 5 == 2 ? 0.0f : value;
    all[3].values[c] = uniform(random) < 0.9f ? 0.0f : value;
    all[4].values[c] = value * 1e-38f;
    all[5].values[c] = value * 1e36f;
  }
  return all;
}

void ExpectGoldenBytes(TensorType type, EncodeRows encode) {
  constexpr size_t kRows = 16;
  constexpr size_t kColumns = 512;
  const std::string folder = "testdata/quantize/";
  const std::vector<float> rows = ReadFloats(folder + "input.f32");
  const std::vector<float> weights = ReadFloats(folder + "imatrix.f32");
  ASSERT_EQ(rows.size(), kRows * kColumns);
  ASSERT_EQ(weights.size(), kColumns);
  const std::string name(NameOf(type));
  const Encoder* encoder = FindEncoder(type, Effort::kReference);
  const bool requires_weights = encoder != nullptr && encoder->requires_weights;
  for (const bool weighted : {false, true}) {
    if (weighted && !InfoOf(type).is_quantized) continue;  // no such file
    if (!weighted && requires_weights) continue;
    const std::vector<uint8_t> golden =
        ReadBytes(folder + name + (weighted ? ".imatrix.bin" : ".bin"));
    std::vector<uint8_t> bytes(EncodedBytes(type, rows.size()));
    encode(rows.data(), kRows, kColumns, weighted ? weights.data() : nullptr, bytes.data());
    EXPECT_TRUE(bytes == golden) << name << (weighted ? " with" : " without") << " weights";
  }
}

void ExpectFastEqualsReference(const Encoder& encoder) {
  const size_t block = InfoOf(encoder.type).block_values;
  const TestRows no_weights{"none", {}};
  uint32_t seed = 0;
  for (const size_t row_blocks : {1, 2, 3, 7, 16, 17, 40}) {
    for (const size_t num_rows : {1, 2, 5, 17}) {
      const size_t columns = row_blocks * block;
      const TestRows rows = RandomRows(seed, num_rows * columns);
      ExpectEqualBytes(encoder, rows, num_rows, columns, no_weights);
      if (encoder.uses_weights) {
        const std::vector<TestRows> weights = WeightVectors(seed, columns);
        ExpectEqualBytes(encoder, rows, num_rows, columns, weights[seed % weights.size()]);
      }
      ++seed;
    }
  }
  // Every edge alone, and all of them as rows of one call.
  TestRows together{"all edges", {}};
  for (const TestRows& edge : EdgeRows()) {
    together.values.insert(together.values.end(), edge.values.begin(), edge.values.end());
    ExpectEqualBytes(encoder, edge, 1, kBlock, no_weights);
    if (!encoder.uses_weights) continue;
    for (const TestRows& weights : WeightVectors(5, kBlock)) {
      ExpectEqualBytes(encoder, edge, 1, kBlock, weights);
    }
  }
  const size_t num_rows = together.values.size() / kBlock;
  ExpectEqualBytes(encoder, together, num_rows, kBlock, no_weights);
  if (!encoder.uses_weights) return;
  for (const TestRows& weights : WeightVectors(6, kBlock)) {
    ExpectEqualBytes(encoder, together, num_rows, kBlock, weights);
  }
}

namespace {

TestRows HeavyTailedRows(size_t num_values) {
  std::mt19937 random(77);
  std::student_t_distribution<float> student(4.0f);
  TestRows rows{"heavy-tailed", std::vector<float>(num_values)};
  for (float& value : rows.values) value = 0.02f * student(random);
  return rows;
}

}  // namespace

DistortionRatios ExpectNoMoreDistortion(const Encoder& encoder, bool weighted) {
  constexpr size_t kColumns = 512;
  const Encoder& reference = *FindEncoder(encoder.type, Effort::kReference);
  const std::vector<float> importance = ReadFloats("testdata/quantize/imatrix.f32");
  std::vector<TestRows> inputs = {{"golden", ReadFloats("testdata/quantize/input.f32")},
                                  HeavyTailedRows(64 * kColumns)};
  for (uint32_t seed = 0; seed < 7; ++seed) inputs.push_back(RandomRows(seed, 16 * kColumns));
  std::vector<double> ratios;
  for (const TestRows& input : inputs) {
    const auto distortion = [&](EncodeRows encode) {
      return WeightedDistortion(encoder.type, encode, input.values.data(),
                                input.values.size() / kColumns, kColumns,
                                weighted ? importance.data() : nullptr);
    };
    const double before = distortion(reference.encode);
    const double after = distortion(encoder.encode);
    EXPECT_LE(after, before * 1.002)
        << NameOf(encoder.type) << ", rows " << input.name << (weighted ? ", weighted" : ", plain");
    ratios.push_back(before > 0.0 ? after / before : 1.0);
  }
  return {ratios[0], ratios[1]};
}

std::vector<uint8_t> EncodeRow(TensorType type, EncodeRows encode, const std::vector<float>& values,
                               const float* weights) {
  std::vector<uint8_t> bytes(EncodedBytes(type, values.size()));
  encode(values.data(), 1, values.size(), weights, bytes.data());
  return bytes;
}

}  // namespace gguf
