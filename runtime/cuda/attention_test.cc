// The attention and cache kernels, on the emulation, against the runtime's references.

#include "runtime/ops/attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "runtime/cache_types.h"
#include "runtime/cuda/device_sizes.h"
#include "runtime/cuda/emulation/backend.h"
#include "runtime/cuda/emulation/emulation.h"
#include "runtime/kv_cache.h"
#include "runtime/ops/testing.h"

namespace gguf {
namespace {

class StoreTest : public testing::TestWithParam<TensorType> {};

INSTANTIATE_TEST_SUITE_P(Types, StoreTest, testing::ValuesIn(CacheTypes()),
                         [](const auto& info) { return std::string(NameOf(info.param)); });

// Rows with zeros, equal values, one outlier, subnormals, large and small magnitudes.
TEST_P(StoreTest, WritesTheBytesOfTheHostsEncoder) {
  const TensorType type = GetParam();
  const CacheEncodeRows encode = CacheEncoderOf(type);
  constexpr uint32_t kRows = 41, kWidth = 96;
  std::vector<float> rows = RandomValues(kRows * kWidth, 1);
  const auto fill = [&](uint32_t row, float value) {
    std::fill_n(&rows[row * kWidth], kWidth, value);
  };
  fill(0, 0.0f);
  fill(1, -2.5f);
  fill(2, 1e-42f);
  rows[3 * kWidth + 5] = 1e4f;
  for (uint32_t i = 0; i < kWidth; ++i) rows[4 * kWidth + i] *= 1e-20f;
  for (uint32_t i = 0; i < kWidth; ++i) rows[5 * kWidth + i] *= 1e3f;
  fill(6, -0.0f);
  const size_t row_bytes = CacheRowBytes(type, kWidth);
  std::vector<uint8_t> expected(kRows * row_bytes), actual(kRows * row_bytes);
  std::vector<uint32_t> cells(kRows);
  for (uint32_t i = 0; i < kRows; ++i) {
    cells[i] = (i * 7 + 3) % kRows;
    encode(&rows[i * kWidth], 1, kWidth, nullptr, &expected[cells[i] * row_bytes]);
  }
  const GgufCudaStore store = {static_cast<uint32_t>(type),
                               rows.data(),
                               kRows,
                               kWidth,
                               cells.data(),
                               actual.data(),
                               row_bytes};
  ASSERT_EQ(gguf_cuda_get_api()->store(&store), 0);
  for (uint32_t i = 0; i < kRows; ++i) {
    const size_t at = cells[i] * row_bytes;
    EXPECT_EQ(std::memcmp(&actual[at], &expected[at], row_bytes), 0) << "row " << i;
  }
}

// Plain types have rows of any width.
TEST(StoreOneRowTest, RowsThatAreNoWholeBlocks) {
  constexpr uint32_t kWidth = 41;
  const std::vector<float> row = RandomValues(kWidth, 2);
  std::vector<uint16_t> expected(kWidth), actual(kWidth);
  CacheEncoderOf(TensorType::kF16)(row.data(), 1, kWidth, nullptr,
                                   reinterpret_cast<uint8_t*>(expected.data()));
  const uint32_t cell = 0;
  const GgufCudaStore store = {
      static_cast<uint32_t>(TensorType::kF16),   row.data(), 1, kWidth, &cell,
      reinterpret_cast<uint8_t*>(actual.data()), kWidth * 2};
  ASSERT_EQ(gguf_cuda_get_api()->store(&store), 0);
  EXPECT_EQ(actual, expected);
}

struct AttentionCase {
  const char* name;
  uint32_t count, num_cells;
  uint32_t num_heads, num_kv_heads, key_length, value_length;
  uint32_t window = 0;
  float cap = 0.0f;
  bool has_sinks = false, is_causal = true;
  PositionSpan span = {};
  TensorType key_type = TensorType::kF32, value_type = TensorType::kF32;
  uint32_t num_splits = 1;
};

constexpr AttentionCase kCases[] = {
    {"one_token", 1, 70, 4, 2, 32, 32},
    {"one_token_split",
     1,
     200,
     4,
     2,
     32,
     32,
     0,
     0.0f,
     false,
     true,
     {},
     TensorType::kF32,
     TensorType::kF32,
     3},
    {"more_splits_than_chunks",
     1,
     33,
     2,
     2,
     32,
     32,
     0,
     0.0f,
     true,
     true,
     {},
     TensorType::kF32,
     TensorType::kF32,
     5},
    {"prompt", 37, 37, 6, 2, 24, 16},
    {"one_head_each", 19, 50, 3, 3, 40, 40},
    {"window", 25, 90, 4, 1, 32, 64, 20},
    {"window_split",
     3,
     150,
     4,
     1,
     32,
     64,
     20,
     0.0f,
     true,
     true,
     {},
     TensorType::kF32,
     TensorType::kF32,
     4},
    {"cap", 9, 40, 4, 2, 32, 32, 0, 5.0f},
    {"sinks", 9, 40, 8, 2, 32, 32, 16, 0.0f, true},
    {"both_directions", 21, 21, 4, 4, 32, 32, 0, 0.0f, false, false},
    {"span", 30, 45, 4, 2, 32, 32, 8, 0.0f, false, true, {20, 34}},
    {"long_heads", 5, 20, 2, 1, 256, 512},
    {"f16", 5, 40, 4, 2, 32, 32, 0, 0.0f, false, true, {}, TensorType::kF16, TensorType::kF16},
    {"two_types",
     5,
     40,
     4,
     2,
     64,
     32,
     0,
     0.0f,
     false,
     true,
     {},
     TensorType::kQ8_0,
     TensorType::kQ4_0},
    {"iq4_nl",
     5,
     40,
     4,
     2,
     64,
     32,
     0,
     0.0f,
     true,
     true,
     {},
     TensorType::kIQ4_NL,
     TensorType::kQ5_1},
    {"q5_0", 5, 40, 4, 2, 64, 32, 0, 30.0f, false, true, {}, TensorType::kQ5_0, TensorType::kQ4_1},
    {"bf16", 5, 40, 4, 2, 36, 20, 0, 0.0f, false, true, {}, TensorType::kBF16, TensorType::kBF16},
};

class AttentionKernelTest : public testing::TestWithParam<AttentionCase> {};

INSTANTIATE_TEST_SUITE_P(Cases, AttentionKernelTest, testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });

std::vector<uint8_t> Encoded(TensorType type, const std::vector<float>& rows, size_t num_rows) {
  const size_t width = rows.size() / num_rows;
  std::vector<uint8_t> bytes(num_rows * CacheRowBytes(type, width));
  CacheEncoderOf(type)(rows.data(), num_rows, width, nullptr, bytes.data());
  return bytes;
}

// The newest cells are the queries' own; cells lie in another order than positions.
void ExpectAttention(const AttentionCase& c) {
  const uint32_t capacity = c.num_cells + 5;
  const auto queries = RandomValues(size_t{c.count} * c.num_heads * c.key_length, 1);
  const auto keys = RandomValues(size_t{capacity} * c.num_kv_heads * c.key_length, 2);
  const auto values = RandomValues(size_t{capacity} * c.num_kv_heads * c.value_length, 3);
  const auto sinks = RandomValues(c.num_heads, 4);
  const std::vector<uint8_t> key_bytes = Encoded(c.key_type, keys, capacity);
  const std::vector<uint8_t> value_bytes = Encoded(c.value_type, values, capacity);
  std::vector<uint32_t> cells(c.num_cells);
  std::vector<int32_t> cell_positions(c.num_cells), positions(c.count), begin, end;
  for (uint32_t i = 0; i < c.num_cells; ++i) cells[i] = (i * 17 + 4) % capacity;
  std::sort(cells.begin(), cells.end());
  cells.erase(std::unique(cells.begin(), cells.end()), cells.end());
  ASSERT_EQ(cells.size(), c.num_cells);
  std::reverse(cells.begin(), cells.end());
  std::iota(cell_positions.begin(), cell_positions.end(), 0);
  std::iota(positions.begin(), positions.end(), static_cast<int32_t>(c.num_cells - c.count));

  AttentionInput in;
  in.queries = queries.data();
  in.count = c.count;
  in.query_positions = positions;
  in.keys = {c.key_type, key_bytes.data(), CacheRowBytes(c.key_type, c.num_kv_heads * c.key_length),
             CacheRowBytes(c.key_type, c.key_length)};
  in.values = {c.value_type, value_bytes.data(),
               CacheRowBytes(c.value_type, c.num_kv_heads * c.value_length),
               CacheRowBytes(c.value_type, c.value_length)};
  in.cells = cells;
  in.cell_positions = cell_positions;
  in.num_heads = c.num_heads;
  in.num_kv_heads = c.num_kv_heads;
  in.key_length = c.key_length;
  in.value_length = c.value_length;
  in.scale = 1.0f / std::sqrt(static_cast<float>(c.key_length));
  in.cap = c.cap;
  in.window = c.window;
  in.is_causal = c.is_causal;
  if (c.span.end > 0) in.spans = {&c.span, 1};
  in.sinks = c.has_sinks ? sinks.data() : nullptr;
  std::vector<float> expected(size_t{c.count} * c.num_heads * c.value_length);
  in.out = expected.data();
  AttendReference(in);

  for (const int32_t position : positions) {
    const PositionSpan seen = SeenFrom(position, c.window, in.spans);
    begin.push_back(c.is_causal ? seen.begin : 0);
    end.push_back(c.is_causal ? seen.end : std::numeric_limits<int32_t>::max());
  }
  GgufCudaAttention a = {};
  a.queries = queries.data();
  a.count = c.count;
  a.num_heads = c.num_heads;
  a.num_kv_heads = c.num_kv_heads;
  a.key_length = c.key_length;
  a.value_length = c.value_length;
  a.keys = {static_cast<uint32_t>(c.key_type), key_bytes.data(), in.keys.row_bytes,
            in.keys.head_bytes};
  a.values = {static_cast<uint32_t>(c.value_type), value_bytes.data(), in.values.row_bytes,
              in.values.head_bytes};
  a.cells = cells.data();
  a.cell_positions = cell_positions.data();
  a.num_cells = c.num_cells;
  a.seen_begin = begin.data();
  a.seen_end = end.data();
  a.scale = in.scale;
  a.cap = c.cap;
  a.sinks = in.sinks;
  a.num_splits = c.num_splits;
  std::vector<float> scratch(size_t{c.num_splits} * c.count * c.num_heads * (c.value_length + 2));
  std::vector<float> actual(expected.size(), NAN);
  a.scratch = scratch.data();
  a.out = actual.data();
  ASSERT_EQ(gguf_cuda_get_api()->attend(&a), 0);
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_NEAR(actual[i], expected[i], 1e-5) << "value " << i;
  }
}

TEST_P(AttentionKernelTest, AgreesWithTheReference) { ExpectAttention(GetParam()); }

// A missing barrier shows in one of the orders.
TEST_P(AttentionKernelTest, DoesNotDependOnWhichThreadIsFirst) {
  for (const auto order : {emulation::Order::kReverse, emulation::Order::kInterleaved}) {
    emulation::SetOrder(order);
    ExpectAttention(GetParam());
  }
  emulation::SetOrder(emulation::Order::kForward);
}

TEST(AttentionKernel, RefusesHeadsThatDoNotFit) {
  GgufCudaAttention a = {};
  a.count = a.num_heads = a.num_kv_heads = a.num_splits = 1;
  a.key_length = 513;
  a.value_length = 64;
  EXPECT_NE(gguf_cuda_get_api()->attend(&a), 0);
}

}  // namespace
}  // namespace gguf
