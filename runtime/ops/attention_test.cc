#include "runtime/ops/attention.h"

#include <cstring>
#include <numeric>
#include <vector>

#include "runtime/ops/testing.h"

namespace gguf {
namespace {

struct Case {
  const char* name;
  size_t count, cells, heads, kv_heads, key_length, value_length;
  uint32_t window = 0;
  bool is_causal = true;
  bool has_sinks = false;
  float cap = 0.0f;
  size_t first = 0;  // position of the first query
  std::vector<PositionSpan> spans = {};
};

const Case kCases[] = {
    {"one token", 1, 1, 1, 1, 8, 8},
    {"one token, grouped heads, long past", 1, 300, 8, 2, 64, 64, 0, true, false, 0.0f, 299},
    {"prompt", 70, 70, 4, 4, 32, 32},
    {"prompt, grouped heads", 70, 70, 8, 2, 32, 16},
    {"three heads a group", 50, 50, 6, 2, 24, 40},
    {"prompt behind a past", 40, 200, 4, 2, 32, 32, 0, true, false, 0.0f, 160},
    {"window", 150, 150, 4, 2, 32, 32, 16},
    {"window behind a past", 40, 200, 4, 2, 32, 32, 33, true, false, 0.0f, 160},
    {"window of one", 10, 10, 2, 1, 32, 32, 1},
    {"sinks", 20, 20, 4, 2, 32, 32, 0, true, true},
    {"sinks and window", 200, 200, 4, 2, 32, 32, 8, true, true},
    {"cap", 20, 20, 4, 2, 32, 32, 0, true, false, 5.0f},
    {"both directions", 45, 45, 3, 3, 32, 32, 0, false},
    {"span", 60, 60, 4, 2, 32, 32, 0, true, false, 0.0f, 0, {{20, 40}}},
    {"spans wider than the window",
     90,
     90,
     4,
     2,
     32,
     32,
     8,
     true,
     false,
     0.0f,
     0,
     {{0, 20}, {20, 33}, {70, 90}}},
    {"span of one", 20, 20, 2, 1, 32, 32, 4, true, false, 0.0f, 0, {{7, 8}}},
    {"span behind a past", 150, 400, 8, 2, 32, 32, 16, true, true, 0.0f, 250, {{260, 395}}},
};

using AttentionTest = TargetTest;

TEST_P(AttentionTest, EqualsReference) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    // Keys of deviation 2 give scores far apart, so that a wrong mask or maximum shows.
    const std::vector<float> queries = RandomValues(c.count * c.heads * c.key_length, 1, 2.0f);
    const std::vector<float> keys = RandomValues(c.cells * c.kv_heads * c.key_length, 2, 2.0f);
    const std::vector<float> values = RandomValues(c.cells * c.kv_heads * c.value_length, 3);
    const std::vector<float> sinks = RandomValues(c.heads, 4, 3.0f);
    std::vector<uint32_t> cells(c.cells);
    std::iota(cells.rbegin(), cells.rend(), 0);  // cells lie in another order than positions
    std::vector<int32_t> positions(c.cells), query_positions(c.count);
    std::iota(positions.begin(), positions.end(), 0);
    std::iota(query_positions.begin(), query_positions.end(), static_cast<int32_t>(c.first));

    AttentionInput in;
    in.queries = queries.data();
    in.count = c.count;
    in.query_positions = query_positions;
    in.keys = {TensorType::kF32, reinterpret_cast<const uint8_t*>(keys.data()),
               c.kv_heads * c.key_length * 4, c.key_length * 4};
    in.values = {TensorType::kF32, reinterpret_cast<const uint8_t*>(values.data()),
                 c.kv_heads * c.value_length * 4, c.value_length * 4};
    in.cells = cells;
    in.cell_positions = positions;
    in.num_heads = c.heads;
    in.num_kv_heads = c.kv_heads;
    in.key_length = c.key_length;
    in.value_length = c.value_length;
    in.scale = 0.3f;
    in.cap = c.cap;
    in.window = c.window;
    in.is_causal = c.is_causal;
    in.spans = c.spans;
    in.sinks = c.has_sinks ? sinks.data() : nullptr;
    std::vector<float> expected(c.count * c.heads * c.value_length), actual(expected.size());
    in.out = expected.data();
    AttendReference(in);
    std::vector<float> repeated;
    for (const int threads : {1, 3}) {
      in.out = actual.data();
      Attend(in, threads);
      if (repeated.empty()) repeated = actual;
      EXPECT_EQ(actual, repeated) << "threads";
    }
    for (size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(actual[i], expected[i], 2e-5) << i;
  }
}

GGUF_INSTANTIATE_FOR_TARGETS(AttentionTest);

}  // namespace
}  // namespace gguf
