#include "runtime/ops/gemm.h"

#include <cmath>
#include <vector>

#include "runtime/ops/testing.h"

namespace gguf {
namespace {

using GemmTest = TargetTest;

TEST_P(GemmTest, PanelEqualsReference) {
  for (const size_t rows : {1, 3, 4, 5, 6, 7, 13, 14, 15, 28, 42}) {
    for (const size_t depth : {0, 1, 2, 31, 256}) {
      const std::vector<float> a = RandomValues(rows * depth + 1, 1);
      const std::vector<float> b = RandomValues(depth * kGemmLanes + 1, 2);
      for (const size_t lanes : {1, 3, 8, 15, 16, 17, 31, 32}) {
        std::vector<float> expected = RandomValues(rows * 40, 3);
        std::vector<float> actual = expected;
        GemmPanelReference({a.data(), depth, 1}, rows, b.data(), depth, expected.data(), 40, lanes);
        GemmPanel({a.data(), depth, 1}, rows, b.data(), depth, actual.data(), 40, lanes);
        for (size_t r = 0; r < rows; ++r) {
          for (size_t m = 0; m < lanes; ++m) {
            // Only contraction differs: an ulp or so of the partial sums for each term.
            EXPECT_NEAR(actual[r * 40 + m], expected[r * 40 + m], 1e-6 * (8 + depth));
          }
          for (size_t m = kGemmLanes; m < 40; ++m) {
            ASSERT_EQ(actual[r * 40 + m], expected[r * 40 + m]);
          }
        }
      }
    }
  }
}

TEST_P(GemmTest, TransposedLeftMatrix) {
  const size_t rows = 9, depth = 5;
  const std::vector<float> a = RandomValues(rows * depth, 4);
  const std::vector<float> b = RandomValues(depth * kGemmLanes, 5);
  std::vector<float> expected(rows * kGemmLanes), actual(rows * kGemmLanes);
  GemmPanelReference({a.data(), 1, rows}, rows, b.data(), depth, expected.data(), kGemmLanes, 32);
  GemmPanel({a.data(), 1, rows}, rows, b.data(), depth, actual.data(), kGemmLanes, 32);
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(actual[i], expected[i], 1e-5);
}

TEST_P(GemmTest, DotProductOfAllLengths) {
  for (size_t n = 0; n < 200; ++n) {
    const std::vector<float> a = RandomValues(n + 1, n);
    const std::vector<float> b = RandomValues(n + 1, n + 1000);
    EXPECT_NEAR(DotProduct(a.data() + 1, b.data() + 1, n),
                DotProductReference(a.data() + 1, b.data() + 1, n), 2e-5)
        << n;
  }
}

TEST_P(GemmTest, PackedPanelsAreTransposedAndPadded) {
  const std::vector<float> in = RandomValues(5 * 7, 6);
  std::vector<float> out(7 * kGemmLanes, -1.0f);
  PackPanel(in.data(), 7, 5, 7, out.data());
  for (size_t k = 0; k < 7; ++k) {
    for (size_t m = 0; m < kGemmLanes; ++m) {
      EXPECT_EQ(out[k * kGemmLanes + m], m < 5 ? in[m * 7 + k] : 0.0f);
    }
  }
}

GGUF_INSTANTIATE_FOR_TARGETS(GemmTest);

}  // namespace
}  // namespace gguf
