#include "tools/report/bar_plot.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "tools/report/figures.h"
#include "tools/report/svg.h"

namespace gguf {
namespace {

constexpr double kWidth = 400, kTop = 30, kRow = 26, kBarHeight = 14;
constexpr size_t kLongestName = 18;

}  // namespace

std::string BarPlot(absl::string_view heading, const std::vector<Bar>& bars,
                    absl::string_view bar_class) {
  double names = 0, texts = 0, greatest = 0;
  for (const Bar& bar : bars) {
    names = std::max(names, SvgTextWidth(Elide(bar.name, kLongestName)));
    texts = std::max(texts, SvgTextWidth(bar.text));
    if (std::isfinite(bar.value)) greatest = std::max(greatest, bar.value);
    if (std::isfinite(bar.most)) greatest = std::max(greatest, bar.most);
  }
  const double left = names + 10, room = kWidth - left - texts - 10;
  const double scale = greatest > 0 ? room / greatest : 0;
  std::string label = absl::StrCat(heading, ": ");
  for (const Bar& bar : bars) absl::StrAppend(&label, bar.name, " ", bar.text, "; ");
  Svg svg(kWidth, kTop + kRow * bars.size(), "bars", label);
  svg.Text({0, 14}, Anchor::kStart, "name", heading);
  for (size_t i = 0; i < bars.size(); ++i) {
    const Bar& bar = bars[i];
    const double top = kTop + kRow * i, middle = top + kBarHeight / 2;
    svg.Text({left - 8, middle + 4.5}, Anchor::kEnd, "label", Elide(bar.name, kLongestName));
    const auto reach = [&](double value) {
      return std::isfinite(value) ? scale * std::clamp(value, 0.0, greatest) : 0.0;
    };
    svg.Rect({left, top}, std::max(1.0, reach(bar.value)), kBarHeight, bar_class,
             absl::StrCat(bar.name, ": ", bar.text));
    double end = reach(bar.value);
    if (bar.most > bar.least) {
      svg.Line({left + reach(bar.least), middle}, {left + reach(bar.most), middle}, "range");
      for (const double x : {left + reach(bar.least), left + reach(bar.most)}) {
        svg.Line({x, middle - 3}, {x, middle + 3}, "range");
      }
      end = reach(bar.most);
    }
    svg.Text({left + end + 8, middle + 4.5}, Anchor::kStart, "value", bar.text);
  }
  return svg.ToString();
}

}  // namespace gguf
