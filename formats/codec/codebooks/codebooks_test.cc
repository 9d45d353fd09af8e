#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "formats/codec/codebooks/fp4_e2m1_x2.h"
#include "formats/codec/codebooks/iq1s.h"
#include "formats/codec/codebooks/iq2s.h"
#include "formats/codec/codebooks/iq2xs.h"
#include "formats/codec/codebooks/iq2xxs.h"
#include "formats/codec/codebooks/iq3s.h"
#include "formats/codec/codebooks/iq3xxs.h"
#include "formats/codec/codebooks/iq4nl.h"
#include "formats/codec/codebooks/ksigns.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

// The grids have exactly these values, and their rows are distinct and in order of the code that
// README.md defines.
template <class T, size_t kRows, size_t kColumns>
void ExpectGrid(const T (&grid)[kRows][kColumns], const std::vector<int>& levels,
                int bits_per_level) {
  std::set<int> seen;
  int64_t previous = -1;
  for (size_t row = 0; row < kRows; ++row) {
    int64_t code = 0;
    for (size_t k = 0; k < kColumns; ++k) {
      seen.insert(grid[row][k]);
      size_t level = 0;
      while (level < levels.size() && levels[level] != grid[row][k]) ++level;
      code += static_cast<int64_t>(level) << (bits_per_level * k);
    }
    EXPECT_GT(code, previous) << "row " << row;
    previous = code;
  }
  EXPECT_EQ(seen, std::set<int>(levels.begin(), levels.end()));
}

TEST(CodebooksTest, GridsAreSortedAndHaveTheirLevels) {
  ExpectGrid(kIq2xxs, {8, 25, 43}, 2);
  ExpectGrid(kIq2xs, {8, 25, 43}, 2);
  ExpectGrid(kIq2s, {8, 25, 43}, 2);
  ExpectGrid(kIq3xxs, {4, 12, 20, 28, 36, 44, 52, 62}, 3);
  ExpectGrid(kIq3s, {1, 3, 5, 7, 9, 11, 13, 15}, 3);
  ExpectGrid(kIq1s, {-1, 0, 1}, 2);
}

TEST(CodebooksTest, LevelsOfFourBits) {
  for (int i = 1; i < 16; ++i) EXPECT_LT(kIq4nl[i - 1], kIq4nl[i]);
  for (int i = 0; i < 16; ++i) {
    const int exponent = (i >> 1) & 3;
    const int mantissa = i & 1;
    const int doubled = exponent == 0 ? mantissa : (2 + mantissa) << (exponent - 1);
    EXPECT_EQ(kFp4E2m1X2[i], i < 8 ? doubled : -doubled) << i;
  }
}

TEST(CodebooksTest, SignMasksHaveEvenParity) {
  for (int i = 0; i < 128; ++i) {
    EXPECT_EQ(Ksigns(i) & 127, i);
    EXPECT_EQ(__builtin_popcount(Ksigns(i)) % 2, 0) << i;
  }
}

}  // namespace
}  // namespace gguf
