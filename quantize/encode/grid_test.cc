#include "quantize/encode/grid.h"

#include <array>
#include <vector>

#include "gtest/gtest.h"

namespace gguf {
namespace {

// The 4-bit levels of run `key`.
uint32_t LevelsOfKey(const Grid& grid, size_t key) {
  uint32_t packed = 0;
  for (size_t k = 0; k < grid.run; ++k, key /= grid.levels) {
    packed |= static_cast<uint32_t>(key % grid.levels) << (kMemberBits * k);
  }
  return packed;
}

int Distance(uint32_t a, uint32_t b, size_t run) {
  int sum = 0;
  for (size_t k = 0; k < run; ++k) {
    const int d = static_cast<int>(a >> (4 * k) & 15) - static_cast<int>(b >> (4 * k) & 15);
    sum += d * d;
  }
  return sum;
}

struct Case {
  const Grid& grid;
  size_t num_points;
  size_t num_distances;
};

const std::array<Case, 5>& Cases() {
  static const std::array<Case, 5> cases = {{{Iq2xxsGrid(), 256, 2},
                                             {Iq2xsGrid(), 512, 2},
                                             {Iq2sGrid(), 1024, 1},
                                             {Iq3xxsGrid(), 256, 2},
                                             {Iq3sGrid(), 512, 3}}};
  return cases;
}

TEST(GridTest, EveryPointIsFoundByItsKey) {
  for (const Case& c : Cases()) {
    ASSERT_EQ(c.grid.points.size(), c.num_points);
    size_t on_grid = 0;
    for (size_t key = 0; key < c.grid.entries.size(); ++key) {
      const uint32_t entry = c.grid.entries[key];
      if ((entry & kOffGrid) != 0) continue;
      ++on_grid;
      const uint32_t point = c.grid.points[IndexOfPoint(entry)];
      EXPECT_EQ(entry, point);
      for (size_t k = 0; k < c.grid.run; ++k) {
        const uint32_t mask = (1u << c.grid.bits) - 1;
        EXPECT_EQ(point >> (c.grid.bits * k) & mask, LevelsOfKey(c.grid, key) >> (4 * k) & 15);
      }
    }
    EXPECT_EQ(on_grid, c.num_points);
    // The lowest levels are a point, which stands in where nothing is to be found.
    EXPECT_EQ(c.grid.entries[0], c.grid.points[0]);
  }
}

// Ascending in distance, then index, no more distances than asked for, and none left out.
TEST(GridTest, NeighbourListsAreOrderedAndComplete) {
  for (const Case& c : Cases()) {
    for (size_t key = 0; key < c.grid.entries.size(); key += 5) {
      const uint32_t entry = c.grid.entries[key];
      if ((entry & kOffGrid) == 0) continue;
      const size_t first = ListFirstGroup(entry) * c.grid.group;
      const size_t padded = ListGroups(entry) * c.grid.group;
      ASSERT_GT(padded, 0u);
      ASSERT_LE(first + padded, c.grid.members.size());
      const uint32_t levels = LevelsOfKey(c.grid, key);
      size_t length = 1;
      size_t distances = 1;
      int last = Distance(levels, c.grid.member_levels[first], c.grid.run);
      for (; length < padded && c.grid.members[first + length] != c.grid.members[first]; ++length) {
        const int distance = Distance(levels, c.grid.member_levels[first + length], c.grid.run);
        EXPECT_GE(distance, last);
        if (distance == last) {
          EXPECT_GT(IndexOfPoint(c.grid.members[first + length]),
                    IndexOfPoint(c.grid.members[first + length - 1]));
        }
        distances += distance != last;
        last = distance;
      }
      EXPECT_LT(padded - length, c.grid.group);
      EXPECT_LE(distances, c.num_distances);
      size_t within = 0;
      for (size_t other = 0; other < c.grid.entries.size(); ++other) {
        if ((c.grid.entries[other] & kOffGrid) != 0) continue;
        within += Distance(levels, LevelsOfKey(c.grid, other), c.grid.run) <= last;
      }
      EXPECT_EQ(length, within);
    }
  }
}

TEST(GridTest, MembersAgreeWithTheirLevels) {
  for (const Case& c : Cases()) {
    ASSERT_EQ(c.grid.members.size(), c.grid.member_levels.size());
    for (size_t i = 0; i < c.grid.members.size(); ++i) {
      uint32_t levels = 0;
      for (size_t k = 0; k < c.grid.run; ++k) {
        const uint32_t mask = (1u << c.grid.bits) - 1;
        levels |= (c.grid.members[i] >> (c.grid.bits * k) & mask) << (4 * k);
      }
      EXPECT_EQ(levels, c.grid.member_levels[i]);
    }
  }
}

// Points (0, ..., 0) and (1, ..., 1) of two levels: everything else is off the grid.
TEST(GridTest, SmallGrid) {
  const uint8_t codebook[3][4] = {{7, 7, 7, 7}, {9, 9, 9, 9}, {11, 11, 11, 11}};
  const Grid grid = BuildGrid(codebook[0], 3, 4, 1);
  const uint32_t entry = grid.entries[1 + 8];  // levels 1, 1, 0, 0: as far from (0...) as (1...)
  ASSERT_NE(entry & kOffGrid, 0u);
  EXPECT_EQ(ListGroups(entry), 1u);
  const uint32_t* members = grid.members.data() + ListFirstGroup(entry) * grid.group;
  EXPECT_EQ(IndexOfPoint(members[0]), 0);
  EXPECT_EQ(IndexOfPoint(members[1]), 1);
  EXPECT_EQ(IndexOfPoint(members[2]), 0);  // padding
}

}  // namespace
}  // namespace gguf
