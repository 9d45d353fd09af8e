// A drawing for a page, as inline SVG. Colours are classes of the page's style (benchmark_html.cc),
// so that they follow its light and dark modes; one unit is one CSS pixel at full width.

#ifndef GGUF_TOOLCHAIN_TOOLS_REPORT_SVG_H_
#define GGUF_TOOLCHAIN_TOOLS_REPORT_SVG_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace gguf {

inline constexpr double kSvgFontSize = 13.0;

// Width of text at kSvgFontSize, estimated for the widest of the usual system fonts.
double SvgTextWidth(absl::string_view text);

enum class Anchor { kStart, kMiddle, kEnd };

struct SvgPoint {
  double x, y;
};

class Svg {
 public:
  // `label` says what the drawing shows to those who do not see it.
  Svg(double width, double height, absl::string_view style_class, absl::string_view label);

  // `title` is shown when the pointer rests on the shape; empty for none.
  void Line(SvgPoint a, SvgPoint b, absl::string_view style_class);
  void Rect(SvgPoint corner, double width, double height, absl::string_view style_class,
            absl::string_view title = "");
  void Circle(SvgPoint centre, double radius, absl::string_view style_class,
              absl::string_view title = "");
  void Polyline(const std::vector<SvgPoint>& points, absl::string_view style_class);
  void Text(SvgPoint baseline, Anchor anchor, absl::string_view style_class,
            absl::string_view text);

  // The element, complete.
  std::string ToString() const;

 private:
  std::string text_;
};

// Text with every number in the plots the same way: at most one decimal.
std::string SvgNumber(double value);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_REPORT_SVG_H_
