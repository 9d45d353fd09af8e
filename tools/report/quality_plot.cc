#include "tools/report/quality_plot.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tools/report/benchmark_table.h"
#include "tools/report/figures.h"
#include "tools/report/place_labels.h"
#include "tools/report/svg.h"

namespace gguf {
namespace {

using gguf_toolchain::BenchmarkModel;
using gguf_toolchain::BenchmarkResult;

constexpr double kTop = 34, kRight = 14, kBottom = 46;
constexpr double kTickRoom = 58;        // left of the plot, for its numbers
constexpr double kPixelsPerTickX = 90;  // at least
constexpr double kPixelsPerTickY = 34;
constexpr double kLeastDivergence = 1e-7;  // where the logarithmic scale ends
constexpr size_t kLongestLabel = 22;

// What can be drawn.
bool IsPositive(double value) { return value > 0 && value < 1e30; }

// The binary unit in which a size has at most four digits before the point.
struct SizeUnit {
  double bytes;
  const char* name;
};
SizeUnit UnitOf(double bytes) {
  constexpr SizeUnit kUnits[] = {{1024.0, "KiB"}, {1048576.0, "MiB"}, {1073741824.0, "GiB"}};
  SizeUnit unit = kUnits[0];
  for (const SizeUnit& other : kUnits) {
    if (bytes >= other.bytes) unit = other;
  }
  return unit;
}

// Values along one side of the plot, and where they are.
class Axis {
 public:
  Axis(double least, double greatest, bool is_log, double from, double to)
      : is_log_(is_log), from_(from), to_(to) {
    if (is_log) {
      const double air = std::max(0.08 * std::log(greatest / least), 0.2);
      least_ = least * std::exp(-air);
      greatest_ = greatest * std::exp(air);
    } else {
      const double air = std::max(0.08 * (greatest - least), 0.02 * greatest);
      least_ = std::max(0.0, least - air);
      greatest_ = greatest + air;
    }
  }

  double At(double value) const {
    const double part = is_log_ ? std::log(value / least_) / std::log(greatest_ / least_)
                                : (value - least_) / (greatest_ - least_);
    return from_ + std::clamp(part, 0.0, 1.0) * (to_ - from_);
  }

  std::vector<double> Ticks(double pixels_per_tick) const {
    const int most = std::max(2, static_cast<int>(std::fabs(to_ - from_) / pixels_per_tick));
    return is_log_ ? LogTicks(least_, greatest_, most) : LinearTicks(least_, greatest_, most);
  }

 private:
  const bool is_log_;
  const double from_, to_;
  double least_, greatest_;
};

class Plot {
 public:
  Plot(const BenchmarkResult& result, double width, double height, absl::string_view style_class)
      : by_divergence_(ComparesDivergence(result)),
        beaten_(BeatenBy(result)),
        width_(width),
        height_(height),
        svg_(width, height, style_class, Label(result)) {
    for (int i = 0; i < result.models_size(); ++i) {
      const BenchmarkModel& model = result.models(i);
      if (by_divergence_ && model.is_base()) continue;
      if (!IsPositive(model.file_bytes()) || !IsPositive(Quality(model))) continue;
      models_.push_back(&model);
      is_front_.push_back(beaten_[i] < 0);
      unit_ = UnitOf(std::max(unit_.bytes, model.file_bytes()));
    }
  }

  std::string Draw() {
    if (models_.empty()) return "";
    const Axis x = MakeX(), y = MakeY();
    DrawAxes(x, y);
    std::vector<SvgPoint> points, front;
    std::vector<double> bars;
    std::vector<std::string> labels;
    for (size_t i = 0; i < models_.size(); ++i) {
      const double quality = Quality(*models_[i]);
      const double error = Error(*models_[i]);
      points.push_back({x.At(models_[i]->file_bytes() / unit_.bytes), y.At(quality)});
      const double low = y.At(std::max(quality - error, kLeastDivergence));
      bars.push_back((low - y.At(quality + error)) / 2);
      labels.push_back(Elide(models_[i]->name(), kLongestLabel));
      if (is_front_[i]) front.push_back(points.back());
      svg_.Line({points[i].x, low}, {points[i].x, y.At(quality + error)}, "bar");
    }
    std::sort(front.begin(), front.end(), [](SvgPoint a, SvgPoint b) { return a.x < b.x; });
    svg_.Polyline(front, "front");
    const std::vector<PlacedLabel> placed = PlaceLabels(
        points, labels, bars, front, {kTickRoom + 2, kTop - 4, width_ - 2, height_ - kBottom - 3});
    for (size_t i = 0; i < points.size(); ++i) DrawPoint(i, points[i], labels[i], placed[i]);
    return svg_.ToString();
  }

 private:
  std::string Label(const BenchmarkResult& result) const {
    return absl::StrCat(by_divergence_ ? "KL divergence" : "Perplexity", " against size of ",
                        result.models_size(), " models. ", FrontInWords(result));
  }

  double Quality(const BenchmarkModel& model) const {
    const double quality = QualityOf(model, by_divergence_);
    return by_divergence_ ? std::max(quality, kLeastDivergence) : quality;
  }

  double Error(const BenchmarkModel& model) const {
    const double error = QualityErrorOf(model, by_divergence_);
    return IsPositive(error) ? error : 0.0;
  }

  Axis MakeX() const {
    double least = models_[0]->file_bytes(), greatest = least;
    for (const BenchmarkModel* model : models_) {
      least = std::min(least, model->file_bytes());
      greatest = std::max(greatest, model->file_bytes());
    }
    return Axis(least / unit_.bytes, greatest / unit_.bytes, false, kTickRoom, width_ - kRight);
  }

  Axis MakeY() const {
    double least = Quality(*models_[0]), greatest = least;
    for (const BenchmarkModel* model : models_) {
      const double error = Error(*model);
      least = std::min(least, Quality(*model) - (by_divergence_ ? 0 : error));
      greatest = std::max(greatest, Quality(*model) + error);
    }
    return Axis(least, greatest, by_divergence_, height_ - kBottom, kTop);
  }

  void DrawAxes(const Axis& x, const Axis& y) {
    const double bottom = height_ - kBottom;
    for (const double tick : y.Ticks(kPixelsPerTickY)) {
      svg_.Line({kTickRoom, y.At(tick)}, {width_ - kRight, y.At(tick)}, "grid");
      svg_.Text({kTickRoom - 8, y.At(tick) + 4}, Anchor::kEnd, "tick", TickText(tick));
    }
    for (const double tick : x.Ticks(kPixelsPerTickX)) {
      svg_.Line({x.At(tick), bottom}, {x.At(tick), bottom + 5}, "axis");
      svg_.Text({x.At(tick), bottom + 20}, Anchor::kMiddle, "tick", TickText(tick));
    }
    svg_.Line({kTickRoom, bottom}, {width_ - kRight, bottom}, "axis");
    svg_.Text({width_ - kRight, height_ - 6}, Anchor::kEnd, "name",
              absl::StrCat("size of the file, ", unit_.name));
    svg_.Text({2, 14}, Anchor::kStart, "name",
              by_divergence_ ? "KL divergence from the base, nats per token" : "perplexity");
  }

  // 0.05, 20, 2.5: as many digits as the number has.
  static std::string TickText(double tick) {
    std::string text = Significant(tick, 3);
    if (text.find('.') == std::string::npos) return text;
    while (text.back() == '0') text.pop_back();
    if (text.back() == '.') text.pop_back();
    return text;
  }

  void DrawPoint(size_t i, SvgPoint point, const std::string& label, const PlacedLabel& placed) {
    const SvgBox& box = placed.box;
    if (placed.has_leader) {
      svg_.Line(
          point,
          {std::clamp(point.x, box.left, box.right), std::clamp(point.y, box.top, box.bottom)},
          "leader");
    }
    svg_.Circle(point, 5, is_front_[i] ? "point" : "point behind",
                absl::StrCat(models_[i]->name(), ": ", SizeText(models_[i]->file_bytes()), ", ",
                             WithError(QualityOf(*models_[i], by_divergence_),
                                       QualityErrorOf(*models_[i], by_divergence_))));
    // Towards the point when the box is wider than the text turns out to be.
    const bool is_left = box.right < point.x;
    const bool is_centred = box.left < point.x && point.x < box.right;
    const double text_x = is_left ? box.right : is_centred ? (box.left + box.right) / 2 : box.left;
    const Anchor anchor = is_left ? Anchor::kEnd : is_centred ? Anchor::kMiddle : Anchor::kStart;
    svg_.Text({text_x, box.bottom - 4}, anchor, "label", label);
  }

  const bool by_divergence_;
  const std::vector<int> beaten_;
  const double width_, height_;
  Svg svg_;
  std::vector<const BenchmarkModel*> models_;
  std::vector<bool> is_front_;
  SizeUnit unit_ = UnitOf(0);
};

}  // namespace

std::string QualityPlot(const BenchmarkResult& result, double width, double height,
                        absl::string_view style_class) {
  return Plot(result, width, height, style_class).Draw();
}

}  // namespace gguf
