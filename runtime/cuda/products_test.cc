// The product kernels of every tensor type, on the emulation, against the runtime's reference.

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "formats/codec/codec.h"
#include "gguf/tensor_type.h"
#include "gtest/gtest.h"
#include "runtime/cuda/emulation/backend.h"
#include "runtime/cuda/emulation/emulation.h"
#include "runtime/ops/blocks_for_test.h"
#include "runtime/ops/matmul.h"
#include "runtime/ops/testing.h"

namespace gguf {
namespace {

// Null when neither library has the type.
const GgufCudaTypeKernels* FindKernels(TensorType type) {
  const GgufCudaApi& api = *gguf_cuda_get_api();
  for (uint32_t i = 0; i < api.num_types; ++i) {
    if (api.types[i].type == static_cast<uint32_t>(type)) return &api.types[i];
  }
  const GgufCudaIqApi& iq = *gguf_cuda_get_iq_api();
  for (uint32_t i = 0; i < iq.num_types; ++i) {
    if (iq.types[i].type == static_cast<uint32_t>(type)) return &iq.types[i];
  }
  return nullptr;
}

// Random blocks; small integers, of which random bytes have few.
std::vector<uint8_t> SmallBlocks(TensorType type, size_t num_values, uint32_t seed) {
  const TensorTypeInfo& info = InfoOf(type);
  if (info.is_weight || info.is_quantized || type == TensorType::kF64) {
    return RandomBlocks(type, num_values, seed);
  }
  std::vector<uint8_t> bytes(num_values * info.block_bytes);
  for (size_t i = 0; i < num_values; ++i) {
    const int64_t value = static_cast<int64_t>(i * seed % 201) - 100;
    std::memcpy(&bytes[i * info.block_bytes], &value, info.block_bytes);  // little-endian
  }
  return bytes;
}

class KernelsOfTypeTest : public testing::TestWithParam<TensorType> {
 protected:
  const TensorType type_ = GetParam();
  const GgufCudaTypeKernels* kernels_ = FindKernels(type_);
};

std::vector<TensorType> AllTypes() {
  std::vector<TensorType> types;
  for (const TensorTypeInfo& info : AllTensorTypes()) types.push_back(info.type);
  return types;
}

INSTANTIATE_TEST_SUITE_P(Types, KernelsOfTypeTest, testing::ValuesIn(AllTypes()),
                         [](const auto& info) { return std::string(NameOf(info.param)); });

// Largest error of a product relative to the sum of its terms' magnitudes, bias included.
double LargestError(const std::vector<float>& weights, const std::vector<float>& x,
                    const std::vector<float>& expected, const std::vector<float>& actual,
                    size_t rows, size_t columns) {
  double largest = 0.0;
  for (size_t i = 0; i < x.size() / columns; ++i) {
    for (size_t r = 0; r < rows; ++r) {
      double magnitude = 1e-30 + std::abs(expected[i * rows + r]);
      for (size_t k = 0; k < columns; ++k) {
        magnitude += std::abs(double{weights[r * columns + k]} * x[i * columns + k]);
      }
      const double error = std::abs(double{expected[i * rows + r]} - actual[i * rows + r]);
      if (!(error / magnitude <= largest)) largest = error / magnitude;  // NaN too
    }
  }
  return largest;
}

std::vector<float> Decoded(TensorType type, const std::vector<uint8_t>& blocks, size_t values) {
  std::vector<float> decoded(values);
  CodecOf(type).decode_reference(blocks.data(), values, decoded.data());
  return decoded;
}

TEST_P(KernelsOfTypeTest, DecodesToTheBitsOfTheHost) {
  ASSERT_NE(kernels_, nullptr);
  // Beyond a block of threads; plain types end in the middle of a run.
  const uint32_t block = InfoOf(type_).block_values;
  const size_t values = block == 1 ? 2501 : block * (2500 / block + 1);
  const std::vector<uint8_t> blocks = SmallBlocks(type_, values, 1);
  const std::vector<float> expected = Decoded(type_, blocks, values);
  std::vector<float> actual(values);
  ASSERT_EQ(kernels_->decode(blocks.data(), values, actual.data()), 0);
  for (size_t i = 0; i < values; ++i) {
    ASSERT_EQ(BitsOf(actual[i]), BitsOf(expected[i])) << "value " << i;
  }
}

struct Shape2 {
  size_t count, rows, columns;
};

void ExpectProduct(const GgufCudaTypeKernels& kernels, TensorType type, const Shape2& shape,
                   bool is_full, double bound) {
  const auto [count, rows, columns] = shape;
  const std::vector<uint8_t> blocks = SmallBlocks(type, rows * columns, 2);
  const std::vector<float> weights = Decoded(type, blocks, rows * columns);
  const std::vector<float> x = RandomValues(count * columns, 3);
  const std::vector<float> bias = RandomValues(rows, 4);
  std::vector<float> expected(count * rows), actual(count * rows, NAN);
  MultiplyReference(x.data(), count,
                    {{type, blocks.data(), rows, columns}, bias.data(), expected.data(), rows});
  GgufCudaProduct product = {};
  product.weights = blocks.data();
  product.matrix_bytes = blocks.size();
  product.bias = bias.data();
  product.rows = static_cast<uint32_t>(rows);
  product.columns = static_cast<uint32_t>(columns);
  product.x = x.data();
  product.count = static_cast<uint32_t>(count);
  product.out = actual.data();
  product.num_groups = 1;
  product.largest_group = product.count;
  product.is_full = is_full;
  ASSERT_EQ(kernels.multiply(&product), 0);
  EXPECT_LT(LargestError(weights, x, expected, actual, rows, columns), bound)
      << count << " tokens, " << rows << " rows, " << columns << " columns";
}

TEST_P(KernelsOfTypeTest, FewTokensMeetRowsOneByOne) {
  ASSERT_NE(kernels_, nullptr);
  const uint32_t block = InfoOf(type_).block_values;
  for (const size_t columns :
       {size_t{block}, size_t{block} * 3, size_t{block == 1 ? 301u : 768u}}) {
    for (const size_t count : {1, 2, 9}) {
      // Sums in float: 2^-24 per addition, of which 32 lanes share the terms.
      ExpectProduct(*kernels_, type_, {count, 6, columns}, true, 2e-6);
    }
  }
}

TEST_P(KernelsOfTypeTest, ManyTokensMeetTiles) {
  ASSERT_NE(kernels_, nullptr);
  const uint32_t block = InfoOf(type_).block_values;
  const size_t columns = block == 1 ? 83 : 256;
  // Pairs: 2^-16 of each factor at most, and as much for low * low.
  ExpectProduct(*kernels_, type_, {17, 65, columns}, true, 5e-5);
  ExpectProduct(*kernels_, type_, {130, 5, columns}, true, 5e-5);
  // Single bfloat16: 2^-8 of each factor at most.
  ExpectProduct(*kernels_, type_, {17, 65, columns}, false, 8e-3);
}

// Three experts of five, with 2, 0 and 19 tokens.
TEST(GroupedProductTest, TokensMeetTheMatrixOfTheirGroup) {
  const TensorType type = TensorType::kQ4_K;
  constexpr size_t kExperts = 5, kRows = 7, kColumns = 256;
  const std::vector<uint32_t> first = {0, 2, 2, 21}, matrix = {4, 1, 2};
  const size_t count = first.back();
  const std::vector<uint8_t> blocks = RandomBlocks(type, kExperts * kRows * kColumns, 5);
  const std::vector<float> x = RandomValues(count * kColumns, 6);
  const std::vector<float> bias = RandomValues(kExperts * kRows, 7);
  std::vector<float> expected(count * kRows);
  const size_t matrix_bytes = blocks.size() / kExperts;
  for (size_t g = 0; g < matrix.size(); ++g) {
    MultiplyReference(x.data() + first[g] * kColumns, first[g + 1] - first[g],
                      {{type, blocks.data() + matrix[g] * matrix_bytes, kRows, kColumns},
                       bias.data() + matrix[g] * kRows,
                       expected.data() + first[g] * kRows,
                       kRows});
  }
  GgufCudaProduct product = {};
  product.weights = blocks.data();
  product.matrix_bytes = matrix_bytes;
  product.bias = bias.data();
  product.rows = kRows;
  product.columns = kColumns;
  product.x = x.data();
  product.count = static_cast<uint32_t>(count);
  product.num_groups = 3;
  product.group_matrix = matrix.data();
  product.group_first = first.data();
  product.is_full = 1;
  const double scale = kColumns * 1e3;  // of weights below 1e3 and activations of deviation 1
  for (const uint32_t largest : {uint32_t{16}, uint32_t{19}}) {  // rows one by one, tiles
    std::vector<float> actual(count * kRows, NAN);
    product.out = actual.data();
    product.largest_group = 19;
    const auto kernels = FindKernels(type);
    if (largest == 16) {  // each group alone
      for (uint32_t g = 0; g < 3; ++g) {
        GgufCudaProduct part = product;
        part.num_groups = 1;
        part.group_matrix = &matrix[g];
        part.group_first = &first[g];
        part.largest_group = first[g + 1] - first[g];
        ASSERT_EQ(kernels->multiply(&part), 0);
      }
    } else {
      ASSERT_EQ(kernels->multiply(&product), 0);
    }
    for (size_t i = 0; i < actual.size(); ++i) {
      ASSERT_NEAR(actual[i], expected[i], 2e-5 * scale) << i;
    }
  }
}

// A missing barrier shows in one of the orders.
TEST(OrderTest, ResultsDoNotDependOnWhichThreadIsFirst) {
  const TensorType type = TensorType::kQ6_K;
  for (const auto order : {emulation::Order::kReverse, emulation::Order::kInterleaved}) {
    emulation::SetOrder(order);
    ExpectProduct(*FindKernels(type), type, {3, 6, 512}, true, 2e-6);
    ExpectProduct(*FindKernels(type), type, {17, 65, 256}, true, 2e-5);
  }
  emulation::SetOrder(emulation::Order::kForward);
}

}  // namespace
}  // namespace gguf
