#include "quantize/encode/iq1_grid.h"

#include <algorithm>
#include <set>
#include <vector>

#include "formats/codec/codebooks/iq1s.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

int Level(uint32_t code, size_t k) { return static_cast<int>(code >> (2 * k) & 3); }

int Distance(uint32_t code, size_t row) {
  int sum = 0;
  for (size_t k = 0; k < 8; ++k) {
    const int difference = Level(code, k) - (kIq1s[row][k] + 1);
    sum += difference * difference;
  }
  return sum;
}

// All codes with levels 0 to 2.
std::vector<uint32_t> ValidCodes() {
  std::vector<uint32_t> codes;
  for (uint32_t code = 0; code < 65536; ++code) {
    if ((code & (code >> 1) & 0x5555) == 0) codes.push_back(code);
  }
  return codes;
}

TEST(Iq1GridTest, RowsAreExactlyTheCodebook) {
  std::set<int> rows;
  for (const uint32_t code : ValidCodes()) {
    const int row = Iq1Grid::Get().Row(code);
    if (row < 0) continue;
    EXPECT_EQ(Distance(code, row), 0);
    rows.insert(row);
  }
  EXPECT_EQ(rows.size(), 2048u);
}

TEST(Iq1GridTest, NeighboursAreTheThreeSmallestDistancesInOrder) {
  const Iq1Grid& grid = Iq1Grid::Get();
  int checked = 0;
  for (const uint32_t code : ValidCodes()) {
    if (grid.Row(code) >= 0 || code % 7 != 0) continue;
    std::vector<std::pair<int, int>> expected;
    std::set<int> distances;
    for (int row = 0; row < 2048; ++row) distances.insert(Distance(code, row));
    const int farthest = *std::next(distances.begin(), 2);
    for (int row = 0; row < 2048; ++row) {
      const int distance = Distance(code, row);
      if (distance <= farthest) expected.emplace_back(distance, row);
    }
    std::sort(expected.begin(), expected.end());
    const Iq1Grid::List list = grid.Neighbours(code);
    ASSERT_EQ(list.padded_length, (expected.size() + 15) / 16 * 16);
    for (size_t n = 0; n < list.padded_length; ++n) {
      ASSERT_EQ(grid.Row(list.codes[n]),
                n < expected.size() ? expected[n].second : expected[0].second);
    }
    ++checked;
  }
  EXPECT_GT(checked, 500);
}

TEST(Iq1GridTest, TheFirstOfTheNearest) {
  const Iq1Grid& grid = Iq1Grid::Get();
  for (const uint32_t code : ValidCodes()) {
    if (grid.Row(code) >= 0) continue;
    const Iq1Grid::List list = grid.Neighbours(code);
    const std::vector<float> equal(32, 1.0f);
    ASSERT_EQ(grid.NearestNeighbour(code, equal.data()), list.codes[0]);
    float costs[32];  // zero for the last neighbour alone
    const uint32_t last = list.codes[list.padded_length - 1];
    for (size_t i = 0; i < 32; ++i)
      costs[i] = Level(last, i / 4) == static_cast<int>(i % 4) ? 0 : 1;
    ASSERT_EQ(grid.NearestNeighbour(code, costs), last);
  }
}

}  // namespace
}  // namespace gguf
