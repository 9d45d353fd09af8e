// Where to write the names of points, so that they hide neither each other nor points.

#ifndef GGUF_TOOLCHAIN_TOOLS_REPORT_PLACE_LABELS_H_
#define GGUF_TOOLCHAIN_TOOLS_REPORT_PLACE_LABELS_H_

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "tools/report/svg.h"

namespace gguf {

struct SvgBox {
  double left, top, right, bottom;
};

struct PlacedLabel {
  SvgBox box;       // of the text
  bool has_leader;  // too far from its point to be told without a line
};

// One label per point, inside `bounds`, one after the other where least is hidden; near places
// before far ones. `line` (a polyline) and the points' error bars (half their height in `bars`) are
// avoided when that costs nothing else. The result depends on the arguments alone.
std::vector<PlacedLabel> PlaceLabels(absl::Span<const SvgPoint> points,
                                     absl::Span<const std::string> labels,
                                     absl::Span<const double> bars, absl::Span<const SvgPoint> line,
                                     const SvgBox& bounds);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_REPORT_PLACE_LABELS_H_
