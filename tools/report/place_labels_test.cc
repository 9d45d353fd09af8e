#include "tools/report/place_labels.h"

#include "gtest/gtest.h"

namespace gguf {
namespace {

constexpr SvgBox kBounds = {0, 0, 358, 340};

bool Overlap(const SvgBox& a, const SvgBox& b) {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

TEST(PlaceLabelsTest, CrowdedLabelsHideNoOtherAndNoPoint) {
  std::vector<SvgPoint> points;
  std::vector<std::string> labels;
  for (int i = 0; i < 9; ++i) {  // closer to each other than a label is high
    points.push_back({100.0 + 14 * i, 120.0 + (i % 3) * 6});
    labels.push_back(i % 2 == 0 ? "Q4_K_M" : "IQ3_XXS");
  }
  const std::vector<double> bars(points.size(), 2);
  const std::vector<PlacedLabel> placed = PlaceLabels(points, labels, bars, points, kBounds);
  ASSERT_EQ(placed.size(), points.size());
  for (size_t i = 0; i < placed.size(); ++i) {
    const SvgBox& box = placed[i].box;
    EXPECT_GE(box.left, kBounds.left) << i;
    EXPECT_LE(box.right, kBounds.right) << i;
    EXPECT_GE(box.top, kBounds.top) << i;
    EXPECT_LE(box.bottom, kBounds.bottom) << i;
    for (size_t k = 0; k < placed.size(); ++k) {
      if (k != i) {
        EXPECT_FALSE(Overlap(box, placed[k].box)) << i << " and " << k;
      }
      const SvgBox point = {points[k].x - 5, points[k].y - 5, points[k].x + 5, points[k].y + 5};
      EXPECT_FALSE(Overlap(box, point)) << i << " and point " << k;
    }
  }
}

TEST(PlaceLabelsTest, ALonePointHasItsNameBesideIt) {
  const std::vector<PlacedLabel> placed =
      PlaceLabels({{100, 100}}, {"Q8_0"}, {0.0}, {{100, 100}}, kBounds);
  EXPECT_FALSE(placed[0].has_leader);
  EXPECT_GT(placed[0].box.left, 100);
  EXPECT_LT(placed[0].box.left, 115);
}

TEST(PlaceLabelsTest, ANameWiderThanThePlotIsStillPlaced) {
  const std::vector<PlacedLabel> placed =
      PlaceLabels({{50, 30}}, {std::string(200, 'x')}, {0.0}, {}, kBounds);
  EXPECT_LT(placed[0].box.top, 30);
}

}  // namespace
}  // namespace gguf
