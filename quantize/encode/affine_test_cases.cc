#include "quantize/encode/affine_test_cases.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gguf/tensor_type.h"
#include "gtest/gtest.h"
#include "quantize/encode/encoder_test_cases.h"

namespace gguf {
namespace {

using Random = std::mt19937;

float Normal(Random& random) { return std::normal_distribution<float>()(random); }
float Uniform(Random& random) { return std::uniform_real_distribution<float>()(random); }
bool OneIn(Random& random, uint32_t n) { return random() % n == 0; }

std::vector<float> Generate(size_t count, uint32_t seed,
                            const std::function<float(Random&)>& value) {
  Random random(seed);
  std::vector<float> values(count);
  for (float& v : values) v = value(random);
  return values;
}

// `num_rows * columns` values each from many distributions.
std::vector<TestRows> HostileRows(size_t num_rows, size_t columns, uint32_t seed) {
  const std::pair<const char*, std::function<float(Random&)>> kinds[] = {
      {"normal", [](Random& r) { return 0.02f * Normal(r); }},
      {"large", [](Random& r) { return 20.0f * Normal(r); }},
      {"uniform", [](Random& r) { return Uniform(r) - 0.5f; }},
      {"positive", [](Random& r) { return Uniform(r); }},
      {"negative", [](Random& r) { return -1.0f - Uniform(r); }},
      {"heavy tails", [](Random& r) { return 0.01f * Normal(r) / (0.01f + Uniform(r)); }},
      {"outliers", [](Random& r) { return Normal(r) * (OneIn(r, 50) ? 1000.0f : 0.01f); }},
      {"ties", [](Random& r) { return 0.5f * static_cast<float>(r() % 33) - 8.0f; }},
      {"few values", [](Random& r) { return static_cast<float>(r() % 3) - 1.0f; }},
      {"sparse", [](Random& r) { return OneIn(r, 20) ? Normal(r) : (OneIn(r, 2) ? -0.0f : 0.0f); }},
      {"all scales", [](Random& r) { return std::exp2(40.0f * Normal(r)) * Normal(r); }},
      {"subnormal", [](Random& r) { return 1e-40f * Normal(r); }},
      {"barely normal", [](Random& r) { return 1e-37f * Normal(r); }},
      {"squares vanish", [](Random& r) { return 1e-25f * Normal(r); }},
      {"squares overflow", [](Random& r) { return 1e30f * Normal(r); }},
      {"far from zero", [](Random& r) { return -1000.0f - 1e-3f * Uniform(r); }},
  };
  std::vector<TestRows> all;
  for (const auto& [name, value] : kinds) {
    all.push_back({name, Generate(num_rows * columns, seed++, value)});
  }
  // A different kind for every 16 values, so that neighbouring lanes take different ways.
  TestRows mixed = {"mixed", std::vector<float>(num_rows * columns)};
  Random random(seed);
  for (size_t i = 0; i < mixed.values.size(); i += 16) {
    const TestRows& kind = all[random() % all.size()];
    const size_t end = std::min(i + 16, mixed.values.size());
    std::copy(kind.values.begin() + i, kind.values.begin() + end, mixed.values.begin() + i);
  }
  all.push_back(std::move(mixed));
  return all;
}

// Importance weights, `columns` each.
std::vector<TestRows> HostileWeights(size_t columns, uint32_t seed) {
  const std::pair<const char*, std::function<float(Random&)>> kinds[] = {
      {"even", [](Random&) { return 1.0f; }},
      {"spread", [](Random& r) { return std::exp(2.0f * Normal(r)); }},
      {"some zero", [](Random& r) { return OneIn(r, 3) ? 0.0f : Uniform(r); }},
      {"mostly zero", [](Random& r) { return OneIn(r, 12) ? Uniform(r) : 0.0f; }},
      {"zero", [](Random&) { return 0.0f; }},
      {"tiny", [](Random& r) { return 1e-38f * Uniform(r); }},
      {"huge", [](Random& r) { return 1e30f * Uniform(r); }},
      {"all scales", [](Random& r) { return std::exp2(30.0f * Normal(r)); }},
  };
  std::vector<TestRows> all;
  for (const auto& [name, value] : kinds) all.push_back({name, Generate(columns, seed++, value)});
  TestRows stretches = {"zero stretches", all[1].values};
  for (size_t i = 0; i < columns; ++i) {
    if (i / 16 % 3 == 1) stretches.values[i] = 0.0f;
  }
  all.push_back(std::move(stretches));
  return all;
}

// Fixed rows of `columns` values: constants, extremes, values between two codes.
std::vector<TestRows> SpecialRows(size_t columns) {
  std::vector<TestRows> all;
  const auto add = [&](std::string name, const std::function<float(size_t)>& value) {
    TestRows rows = {std::move(name), std::vector<float>(columns)};
    for (size_t i = 0; i < columns; ++i) rows.values[i] = value(i);
    all.push_back(std::move(rows));
  };
  for (const float c : {0.0f, -0.0f, 1.0f, -1.0f, 0.0371f, -0.0371f, 65504.0f, -65504.0f, 1e-45f,
                        -1e-45f, FLT_MIN, -FLT_MIN, 1e30f, -1e30f, FLT_MAX, -FLT_MAX}) {
    add("constant " + std::to_string(c), [c](size_t) { return c; });
    add("alternating " + std::to_string(c), [c](size_t i) { return i % 2 == 0 ? c : -c; });
    add("single " + std::to_string(c), [c](size_t i) { return i % 32 == 7 ? c : 0.0f; });
    add("single in block " + std::to_string(c), [c](size_t i) { return i % 256 == 77 ? c : 0.0f; });
    add("outlier " + std::to_string(c),
        [c](size_t i) { return i % 256 == 100 ? c : 0.01f * static_cast<float>(i % 13) - 0.05f; });
  }
  add("zeros of both signs", [](size_t i) { return i % 3 == 0 ? 0.0f : -0.0f; });
  add("positive after -0",
      [](size_t i) { return i % 16 == 0 ? -0.0f : static_cast<float>(i % 7); });
  add("positive after +0", [](size_t i) { return i % 16 < 9 ? 0.0f : (i % 2 ? -0.0f : 1.0f); });
  add("ramp", [](size_t i) { return static_cast<float>(i) - 77.0f; });
  add("subnormal ramp", [](size_t i) { return 1e-45f * static_cast<float>(i % 37); });
  add("halves", [](size_t i) { return 0.5f * static_cast<float>(i % 31); });
  add("half zero",
      [columns](size_t i) { return i < columns / 2 ? 0.0f : std::sin(static_cast<float>(i)); });
  return all;
}

std::vector<uint8_t> Encode(const Encoder& encoder, EncodeRows encode, const float* values,
                            size_t num_rows, size_t columns, const float* weights) {
  const TensorTypeInfo& info = InfoOf(encoder.type);
  std::vector<uint8_t> out(num_rows * columns / info.block_values * info.block_bytes);
  encode(values, num_rows, columns, weights, out.data());
  return out;
}

void ExpectSameBytes(const Encoder& encoder, const TestRows& rows, size_t num_rows, size_t columns,
                     const TestRows* weights) {
  const float* w = weights != nullptr ? weights->values.data() : nullptr;
  const float* values = rows.values.data();
  const auto fast = Encode(encoder, encoder.encode, values, num_rows, columns, w);
  const auto reference = Encode(encoder, encoder.encode_reference, values, num_rows, columns, w);
  const auto at = std::mismatch(fast.begin(), fast.end(), reference.begin()).first;
  const size_t offset = at - fast.begin();
  const size_t block_bytes = InfoOf(encoder.type).block_bytes;
  EXPECT_EQ(offset, fast.size()) << num_rows << " x " << columns << " values '" << rows.name
                                 << "', weights '" << (weights != nullptr ? weights->name : "none")
                                 << "': block " << offset / block_bytes
                                 << " differs first at its byte " << offset % block_bytes;
}

}  // namespace

void ExpectFastEqualsReferenceOnHostileRows(const Encoder& encoder) {
  const size_t block_values = InfoOf(encoder.type).block_values;
  // Below and beyond the number of blocks that are encoded together (16, for short types 32).
  const std::pair<size_t, size_t> shapes[] = {{1, 1}, {1, 2}, {3, 1}, {1, 7}, {17, 1}, {3, 13}};
  uint32_t seed = 1;
  for (const auto& [num_rows, row_blocks] : shapes) {
    const size_t columns = row_blocks * block_values;
    const std::vector<TestRows> weights = HostileWeights(columns, seed);
    for (const TestRows& rows : HostileRows(num_rows, columns, seed)) {
      ExpectSameBytes(encoder, rows, num_rows, columns, nullptr);
      // Over the shapes every kind of rows meets every kind of weights.
      for (size_t k = 0; k < 2; ++k) {
        ExpectSameBytes(encoder, rows, num_rows, columns, &weights[seed++ % weights.size()]);
      }
    }
  }
  constexpr size_t kColumns = 256;  // a multiple of every type's block
  for (const TestRows& rows : SpecialRows(kColumns)) {
    ExpectSameBytes(encoder, rows, 1, kColumns, nullptr);
    for (const TestRows& weights : HostileWeights(kColumns, 5)) {
      ExpectSameBytes(encoder, rows, 1, kColumns, &weights);
    }
  }
}

void ExpectRowsAreIndependent(const Encoder& encoder) {
  constexpr size_t kRows = 21;
  const size_t columns = 3 * InfoOf(encoder.type).block_values;
  const TestRows weights = HostileWeights(columns, 3)[1];
  for (const float* w : {static_cast<const float*>(nullptr), weights.values.data()}) {
    for (const TestRows& rows : HostileRows(kRows, columns, 9)) {
      const float* values = rows.values.data();
      const auto together = Encode(encoder, encoder.encode, values, kRows, columns, w);
      std::vector<uint8_t> divided;
      for (size_t row = 0; row < kRows;) {
        const size_t count = std::min<size_t>(1 + row % 4, kRows - row);
        const auto part =
            Encode(encoder, encoder.encode, values + row * columns, count, columns, w);
        divided.insert(divided.end(), part.begin(), part.end());
        row += count;
      }
      EXPECT_TRUE(divided == together) << rows.name;
    }
  }
}

}  // namespace gguf
