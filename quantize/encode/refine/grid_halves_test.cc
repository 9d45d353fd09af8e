#include "quantize/encode/refine/grid_halves.h"

#include <cstddef>
#include <cstdint>
#include <set>

#include "gtest/gtest.h"
#include "quantize/encode/grid_types.h"

namespace gguf {
namespace {

template <class Type>
class GridHalvesTest : public testing::Test {};

using Types = testing::Types<TypeIQ2_XXS, TypeIQ2_XS, TypeIQ2_S, TypeIQ3_XXS, TypeIQ3_S>;
TYPED_TEST_SUITE(GridHalvesTest, Types);

// Every pair of halves that the lists name is a point of the codebook, and every point is named
// once.
TYPED_TEST(GridHalvesTest, NamesEveryPointOnce) {
  constexpr size_t kRun = TypeParam::kType.run;
  constexpr size_t kPoints = sizeof(TypeParam::kCodebook) / kRun;
  const GridHalves& halves = HalvesOf<TypeParam>();
  EXPECT_LE(halves.first.size(), kMaxHalves);
  EXPECT_LE(halves.second.size(), kMaxHalves);
  ASSERT_EQ(halves.starts.size(), halves.first.size() + 1);
  std::set<size_t> seen;
  for (size_t i = 0; i < halves.first.size(); ++i) {
    for (size_t m = halves.starts[i]; m < halves.starts[i + 1]; ++m) {
      const uint32_t code = CodeOfHalves(static_cast<uint32_t>(i), halves.members[m]);
      const size_t index = halves.indices[code];
      ASSERT_LT(index, kPoints);
      EXPECT_TRUE(seen.insert(index).second) << index;
      for (size_t k = 0; k < kRun; ++k) {
        EXPECT_EQ(halves.ValueInPoint(code, k, kRun), TypeParam::kCodebook[index][k]);
      }
    }
  }
  EXPECT_EQ(seen.size(), kPoints);
}

}  // namespace
}  // namespace gguf
