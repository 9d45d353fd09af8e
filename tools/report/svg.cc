#include "tools/report/svg.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "tools/report/figures.h"
#include "tools/report/markup.h"

namespace gguf {
namespace {

constexpr double kCharacterWidth = 0.6;  // of the font's size
constexpr absl::string_view kAnchors[] = {"start", "middle", "end"};

std::string Closing(absl::string_view name, absl::string_view title) {
  if (title.empty()) return "/>\n";
  return absl::StrCat("><title>", EscapeHtml(title), "</title></", name, ">\n");
}

}  // namespace

double SvgTextWidth(absl::string_view text) {
  return kCharacterWidth * kSvgFontSize * static_cast<double>(CountCharacters(text));
}

std::string SvgNumber(double value) {
  std::string text = absl::StrFormat("%.1f", value);
  absl::string_view view = text;
  absl::ConsumeSuffix(&view, ".0");
  return view == "-0" ? "0" : std::string(view);
}

Svg::Svg(double width, double height, absl::string_view style_class, absl::string_view label) {
  absl::StrAppend(&text_, "<svg class=\"", style_class, "\" viewBox=\"0 0 ", SvgNumber(width), " ",
                  SvgNumber(height), "\" role=\"img\" aria-label=\"", EscapeHtml(label), "\">\n");
}

void Svg::Line(SvgPoint a, SvgPoint b, absl::string_view style_class) {
  absl::StrAppend(&text_, "<line class=\"", style_class, "\" x1=\"", SvgNumber(a.x), "\" y1=\"",
                  SvgNumber(a.y), "\" x2=\"", SvgNumber(b.x), "\" y2=\"", SvgNumber(b.y), "\"/>\n");
}

void Svg::Rect(SvgPoint corner, double width, double height, absl::string_view style_class,
               absl::string_view title) {
  absl::StrAppend(&text_, "<rect class=\"", style_class, "\" x=\"", SvgNumber(corner.x), "\" y=\"",
                  SvgNumber(corner.y), "\" width=\"", SvgNumber(width), "\" height=\"",
                  SvgNumber(height), "\"", Closing("rect", title));
}

void Svg::Circle(SvgPoint centre, double radius, absl::string_view style_class,
                 absl::string_view title) {
  absl::StrAppend(&text_, "<circle class=\"", style_class, "\" cx=\"", SvgNumber(centre.x),
                  "\" cy=\"", SvgNumber(centre.y), "\" r=\"", SvgNumber(radius), "\"",
                  Closing("circle", title));
}

void Svg::Polyline(const std::vector<SvgPoint>& points, absl::string_view style_class) {
  absl::StrAppend(&text_, "<polyline class=\"", style_class, "\" points=\"");
  for (const SvgPoint& point : points) {
    absl::StrAppend(&text_, SvgNumber(point.x), ",", SvgNumber(point.y), " ");
  }
  absl::StrAppend(&text_, "\"/>\n");
}

void Svg::Text(SvgPoint baseline, Anchor anchor, absl::string_view style_class,
               absl::string_view text) {
  absl::StrAppend(&text_, "<text class=\"", style_class, "\" x=\"", SvgNumber(baseline.x),
                  "\" y=\"", SvgNumber(baseline.y), "\" text-anchor=\"",
                  kAnchors[static_cast<int>(anchor)], "\">", EscapeHtml(text), "</text>\n");
}

std::string Svg::ToString() const { return absl::StrCat(text_, "</svg>\n"); }

}  // namespace gguf
