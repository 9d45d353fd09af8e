#include "tools/report/place_labels.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace gguf {
namespace {

constexpr double kHeight = kSvgFontSize + 2;
constexpr double kPointRadius = 7.0;  // with some air
// Gaps between point and text, of which those beyond the first need a leader.
constexpr double kGaps[] = {9, 24, 42, 64};
// Directions from the point, the preferred one first: a lower left corner of a front leaves most
// room to the right above.
constexpr SvgPoint kDirections[] = {{1, 0},  {0.8, -0.8}, {0, -1},      {0.8, 0.8},
                                    {-1, 0}, {0, 1},      {-0.8, -0.8}, {-0.8, 0.8}};
// Costs: hiding a text is worst; then a point, a bar, a line; then distance.
constexpr double kTextCost = 100, kPointCost = 60, kBarCost = 3, kLineCost = 4, kLeaderCost = 8;
constexpr int kSamples = 24;  // of each stretch of the line

bool Overlap(const SvgBox& a, const SvgBox& b) {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

bool Contains(const SvgBox& box, SvgPoint p) {
  return box.left < p.x && p.x < box.right && box.top < p.y && p.y < box.bottom;
}

SvgBox Around(SvgPoint p, double radius_x, double radius_y) {
  return {p.x - radius_x, p.y - radius_y, p.x + radius_x, p.y + radius_y};
}

// The text's box with its nearest edge or corner `gap` away from the point in `direction`.
SvgBox BoxAt(SvgPoint point, double width, double gap, SvgPoint direction) {
  const double x = point.x + gap * direction.x, y = point.y + gap * direction.y;
  const double left = direction.x > 0.1 ? x : direction.x < -0.1 ? x - width : x - width / 2;
  const double top = direction.y > 0.1 ? y : direction.y < -0.1 ? y - kHeight : y - kHeight / 2;
  return {left, top, left + width, top + kHeight};
}

double LineCost(absl::Span<const SvgPoint> line, const SvgBox& box) {
  for (size_t i = 0; i + 1 < line.size(); ++i) {
    for (int s = 0; s <= kSamples; ++s) {
      const double t = static_cast<double>(s) / kSamples;
      const SvgPoint p = {line[i].x + t * (line[i + 1].x - line[i].x),
                          line[i].y + t * (line[i + 1].y - line[i].y)};
      if (Contains(box, p)) return kLineCost;
    }
  }
  return 0;
}

}  // namespace

std::vector<PlacedLabel> PlaceLabels(absl::Span<const SvgPoint> points,
                                     absl::Span<const std::string> labels,
                                     absl::Span<const double> bars, absl::Span<const SvgPoint> line,
                                     const SvgBox& bounds) {
  std::vector<PlacedLabel> placed;
  for (size_t i = 0; i < points.size(); ++i) {
    const double width = SvgTextWidth(labels[i]);
    PlacedLabel best = {};
    double least = std::numeric_limits<double>::infinity();
    double preference = 0;
    for (const double gap : kGaps) {
      for (const SvgPoint& direction : kDirections) {
        SvgBox box = BoxAt(points[i], width, gap, direction);
        const bool has_leader = gap > kGaps[0];
        double cost = preference + (has_leader ? kLeaderCost : 0);
        preference += 0.2;
        if (box.left < bounds.left || box.right > bounds.right || box.top < bounds.top ||
            box.bottom > bounds.bottom) {
          continue;
        }
        for (const PlacedLabel& other : placed) cost += Overlap(box, other.box) ? kTextCost : 0;
        for (size_t k = 0; k < points.size(); ++k) {
          if (Overlap(box, Around(points[k], kPointRadius, kPointRadius))) cost += kPointCost;
          if (Overlap(box, Around(points[k], 2, bars[k]))) cost += kBarCost;
        }
        cost += LineCost(line, box);
        if (cost >= least) continue;
        least = cost;
        best = {box, has_leader};
      }
    }
    if (!std::isfinite(least)) {  // wider than the plot: as far left as it takes
      best.box = BoxAt(points[i], width, kGaps[0], kDirections[2]);
      const double shift =
          std::max(bounds.left - best.box.left, 0.0) + std::min(bounds.right - best.box.right, 0.0);
      best.box.left += shift;
      best.box.right += shift;
    }
    placed.push_back(best);
  }
  return placed;
}

}  // namespace gguf
