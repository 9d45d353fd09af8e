#include "tools/report/figures.h"

#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(FiguresTest, SignificantDigitsOfAnySize) {
  EXPECT_EQ(Significant(1234.5, 3), "1230");
  EXPECT_EQ(Significant(81.25, 3), "81.2");
  EXPECT_EQ(Significant(0.0123456, 3), "0.0123");
  EXPECT_EQ(Significant(0, 3), "0.00");
  EXPECT_EQ(Significant(1e-30, 2), "0.0000000000");
  EXPECT_EQ(Significant(1e300, 3), "1e+300");
  EXPECT_EQ(Significant(kInfinity, 2), "∞");
  EXPECT_EQ(Significant(std::nan(""), 2), "-");
}

TEST(FiguresTest, TheErrorSaysHowManyDigitsCount) {
  EXPECT_EQ(WithError(40.6312, 0.94), "40.63 ± 0.94");
  EXPECT_EQ(WithError(0.01234, 0.00012), "0.01234 ± 0.00012");
  EXPECT_EQ(WithError(5.4e-5, 1.7e-9), "0.000054 ± 0.000000");
  EXPECT_EQ(WithError(1234, 56), "1234 ± 56");
  EXPECT_EQ(WithError(12.345, 0), "12.3");
}

TEST(FiguresTest, SharesTimesAndSizes) {
  EXPECT_EQ(Percent(0.0711), "7.1 %");
  EXPECT_EQ(Percent(0.995), "99.5 %");
  EXPECT_EQ(Seconds(0.0274), "27.4 ms");
  EXPECT_EQ(Seconds(1.534), "1.53 s");
  EXPECT_EQ(SizeText(1 << 20), "1.0 MiB");
  EXPECT_EQ(SizeText(-1), "-");
  EXPECT_EQ(SizeText(kInfinity), "-");
}

TEST(FiguresTest, ElidedTextHasTheWidthAndBothEnds) {
  EXPECT_EQ(Elide("Q4_K_M", 6), "Q4_K_M");
  EXPECT_EQ(Elide("abcdefgh", 5), "ab…gh");
  EXPECT_EQ(Elide("äöüäöüäöü", 4), "äö…ü");
  EXPECT_EQ(CountCharacters("äö…ü"), 4u);
}

TEST(FiguresTest, LinearTicksAreRoundAndNotTooMany) {
  EXPECT_THAT(LinearTicks(2.6, 7.9, 6), ElementsAre(3, 4, 5, 6, 7));
  EXPECT_THAT(LinearTicks(0, 100, 3), ElementsAre(0, 50, 100));
  EXPECT_THAT(LinearTicks(0.1, 0.3, 5),
              ElementsAre(0.1, DoubleNear(0.15, 1e-12), 0.2, DoubleNear(0.25, 1e-12),
                          DoubleNear(0.3, 1e-12)));
  EXPECT_THAT(LinearTicks(1, 1, 5), IsEmpty());
  EXPECT_THAT(LinearTicks(0, kInfinity, 5), IsEmpty());
}

TEST(FiguresTest, LogTicksAreDecadesWhenThereAreMany) {
  EXPECT_THAT(LogTicks(0.01, 0.12, 9), ElementsAre(DoubleNear(0.01, 1e-9), DoubleNear(0.02, 1e-9),
                                                   DoubleNear(0.05, 1e-9), DoubleNear(0.1, 1e-9)));
  EXPECT_EQ(LogTicks(1e-5, 1.0, 8).size(), 6u);
  EXPECT_THAT(LogTicks(0, 1, 8), IsEmpty());
}

}  // namespace
}  // namespace gguf
