#include "runtime/ops/matmul.h"

#include <cmath>
#include <vector>

#include "formats/codec/codec.h"
#include "runtime/ops/blocks_for_test.h"
#include "runtime/ops/dot.h"
#include "runtime/ops/testing.h"

namespace gguf {
namespace {

// Errors of products with float activations, measured against what the terms could add up to.
void ExpectProducts(const WeightMatrix& weights, size_t count) {
  const double tolerance = 1e-6;
  const std::vector<float> x = RandomValues(count * weights.columns, 7);
  const std::vector<float> bias = RandomValues(weights.rows, 8);
  std::vector<float> expected(count * weights.rows), actual(count * weights.rows);
  MatrixProduct product = {weights, bias.data(), expected.data(), weights.rows};
  MultiplyReference(x.data(), count, product);
  std::vector<float> row(weights.columns);
  const size_t row_bytes = *RowBytes(weights.type, weights.columns);
  std::vector<float> repeated;
  for (const int threads : {1, 3}) {
    Activations activations;
    activations.Assign(x.data(), count, weights.columns);
    product.out = actual.data();
    Multiply(&activations, {&product, 1}, threads);
    if (repeated.empty()) repeated = actual;
    EXPECT_EQ(actual, repeated) << "threads";
  }
  for (size_t r = 0; r < weights.rows; ++r) {
    CodecOf(weights.type).decode(weights.data + r * row_bytes, weights.columns, row.data());
    for (size_t i = 0; i < count; ++i) {
      double magnitude = std::abs(bias[r]);
      for (size_t k = 0; k < weights.columns; ++k) {
        magnitude += std::abs(double{row[k]} * x[i * weights.columns + k]);
      }
      ASSERT_NEAR(actual[i * weights.rows + r], expected[i * weights.rows + r],
                  tolerance * magnitude + 1e-30)
          << NameOf(weights.type) << " row " << r << " of activation " << i;
    }
  }
}

using MatMulTest = TargetTest;

// Few activations go row by row (1 and 4), more in panels (5 and up); 43 rows are a tile and one.
TEST_P(MatMulTest, EveryTypeAndCount) {
  for (const TensorTypeInfo& info : AllTensorTypes()) {
    if (!info.is_weight) continue;
    for (const size_t columns : {256, 768}) {
      const size_t rows = columns == 256 ? 43 : 5;
      const std::vector<uint8_t> blocks = RandomBlocks(info.type, rows * columns, 9);
      for (const size_t count : {1, 4, 5, 33}) {
        ExpectProducts({info.type, blocks.data(), rows, columns}, count);
      }
    }
  }
}

// Rows that are no multiple of a vector, or of 256.
TEST_P(MatMulTest, OddColumns) {
  for (const TensorType type : {TensorType::kF32, TensorType::kF16, TensorType::kBF16}) {
    for (const size_t columns : {1, 2, 15, 17, 63, 65, 257}) {
      const std::vector<uint8_t> blocks = RandomBlocks(type, 3 * columns, 10);
      for (const size_t count : {1, 6}) {
        ExpectProducts({type, blocks.data(), 3, columns}, count);
      }
    }
  }
  for (const TensorType type : {TensorType::kQ8_0, TensorType::kQ4_0, TensorType::kMXFP4}) {
    for (const size_t columns : {32, 96, 288}) {
      const std::vector<uint8_t> blocks = RandomBlocks(type, 3 * columns, 11);
      for (const size_t count : {1, 6}) {
        ExpectProducts({type, blocks.data(), 3, columns}, count);
      }
    }
  }
}

TEST_P(MatMulTest, SeveralProductsOfTheSameActivations) {
  const std::vector<uint8_t> a = RandomBlocks(TensorType::kQ4_K, 50 * 256, 12);
  const std::vector<uint8_t> b = RandomBlocks(TensorType::kQ6_K, 7 * 256, 13);
  for (const size_t count : {1, 40}) {
    const std::vector<float> x = RandomValues(count * 256, 14);
    std::vector<float> out_a(count * 50), out_b(count * 7), alone(count * 7);
    const MatrixProduct products[] = {
        {{TensorType::kQ4_K, a.data(), 50, 256}, nullptr, out_a.data(), 50},
        {{TensorType::kQ6_K, b.data(), 7, 256}, nullptr, out_b.data(), 7}};
    Activations activations;
    activations.Assign(x.data(), count, 256);
    Multiply(&activations, products, 2);
    MatrixProduct single = products[1];
    single.out = alone.data();
    Multiply(&activations, {&single, 1}, 1);
    EXPECT_EQ(out_b, alone);
  }
}

// Root mean square of the error over that of the products, of `count` activations.
double RelativeError(TensorType type, size_t count, ActivationType activation_type) {
  const size_t rows = 70, columns = 768;
  const std::vector<uint8_t> blocks = RandomBlocks(type, rows * columns, 16);
  const std::vector<float> x = RandomValues(count * columns, 17);
  const std::vector<float> bias = RandomValues(rows, 18);
  std::vector<float> expected(count * rows), actual(count * rows), again(count * rows);
  MatrixProduct product = {
      {type, blocks.data(), rows, columns}, bias.data(), expected.data(), rows};
  MultiplyReference(x.data(), count, product);
  Activations activations;
  activations.Assign(x.data(), count, columns);
  product.out = actual.data();
  Multiply(&activations, {&product, 1}, 2, activation_type);
  product.out = again.data();
  Multiply(&activations, {&product, 1}, 1, activation_type);
  EXPECT_EQ(actual, again) << "threads";
  double errors = 0.0, squares = 0.0;
  for (size_t i = 0; i < expected.size(); ++i) {
    errors += (double{actual[i]} - expected[i]) * (double{actual[i]} - expected[i]);
    squares += double{expected[i]} * expected[i];
  }
  return std::sqrt(errors / squares);
}

// Root mean square errors as close as those of floats, on whatever path.
TEST_P(MatMulTest, FloatsAreFloats) {
  for (const TensorTypeInfo& info : AllTensorTypes()) {
    if (!info.is_weight) continue;
    for (const size_t count : {1, 35}) {
      EXPECT_LE(RelativeError(info.type, count, ActivationType::kF32), 1e-6)
          << info.name << " " << count;
    }
  }
}

// bfloat16 at worst, on whatever machine: two roundings of up to 2^-9 per term.
TEST_P(MatMulTest, BFloat16) {
  for (const TensorTypeInfo& info : AllTensorTypes()) {
    if (!info.is_weight) continue;
    EXPECT_LE(RelativeError(info.type, 35, ActivationType::kBF16), 4e-3) << info.name;
    EXPECT_LE(RelativeError(info.type, 1, ActivationType::kBF16), 1e-4) << info.name;
  }
}

// Rounded to 8 bits at worst: half of 1/127 of the largest of 32, which is some 2.5 deviations.
TEST_P(MatMulTest, EightBits) {
  for (const TensorTypeInfo& info : AllTensorTypes()) {
    if (!info.is_weight) continue;
    for (const size_t count : {1, 3, 33}) {
      EXPECT_LE(RelativeError(info.type, count, ActivationType::kQ8), 1e-2)
          << info.name << " " << count;
    }
  }
}

// Zeros, and activations of very different sizes within 32.
TEST_P(MatMulTest, ExtremeActivations) {
  for (const TensorType type : {TensorType::kQ8_0, TensorType::kQ4_K, TensorType::kQ6_K,
                                TensorType::kIQ4_XS, TensorType::kIQ2_XXS, TensorType::kIQ2_XS,
                                TensorType::kIQ2_S, TensorType::kIQ3_XXS, TensorType::kIQ3_S}) {
    const std::vector<uint8_t> blocks = RandomBlocks(type, 256, 15);
    std::vector<float> x(256, 0.0f);
    float out = -1.0f;
    const MatrixProduct product = {{type, blocks.data(), 1, 256}, nullptr, &out, 1};
    Activations activations;
    activations.Assign(x.data(), 1, 256);
    Multiply(&activations, {&product, 1}, 1);
    EXPECT_EQ(out, 0.0f) << NameOf(type);
    x.assign(256, 1e-41f);  // below normal numbers
    Multiply(&activations, {&product, 1}, 1);
    EXPECT_LE(std::abs(out), 1e-30f) << NameOf(type);
    std::vector<float> weights(256);
    CodecOf(type).decode(blocks.data(), 256, weights.data());
    for (const size_t place : {0, 1, 31, 32, 100, 255}) {  // one activation picks one weight
      x.assign(256, 0.0f);
      x[place] = -1e4f;
      Multiply(&activations, {&product, 1}, 1);
      EXPECT_NEAR(out, -1e4f * weights[place], 1e-3 * std::abs(1e4 * weights[place]) + 1e-3)
          << NameOf(type) << " " << place;
    }
  }
}

GGUF_INSTANTIATE_FOR_TARGETS(MatMulTest);

}  // namespace
}  // namespace gguf
