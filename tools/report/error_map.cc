#include "tools/report/error_map.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "quantize/layer_name.h"
#include "tools/report/figures.h"
#include "tools/report/svg.h"

namespace gguf {
namespace {

using gguf_toolchain::BenchmarkModel;
using gguf_toolchain::TensorResult;

constexpr double kWidth = 400, kTop = 26, kRow = 19, kBottom = 20;
constexpr size_t kLongestRole = 18;
constexpr double kGap = 1.0;  // between cells, where they are wide enough
constexpr double kLeastCellForGap = 4.0;
constexpr double kPixelsPerLayerTick = 34;
constexpr double kLeastRange = 1.5;  // greatest / least of the scale

// A greater number in a name is none of a layer: no model has as many.
constexpr uint32_t kMostLayers = 4096;

struct Cell {
  uint32_t layer;
  const TensorResult* tensor;
};

struct Row {
  std::string role;
  bool is_whole = false;  // of no layer
  std::vector<Cell> cells;
};

// Roles in the order of the file, those of no layer last.
std::vector<Row> RowsOf(const BenchmarkModel& model, uint32_t* num_layers) {
  std::vector<Row> rows, whole;
  std::map<std::string, size_t> index;
  for (const TensorResult& tensor : model.tensors()) {
    const absl::optional<LayerName> layer = ParseLayerName(tensor.name());
    const std::string role(
        absl::StripSuffix(layer.has_value() ? layer->rest : tensor.name(), ".weight"));
    if (!layer.has_value() || layer->layer >= kMostLayers) {
      whole.push_back({role, true, {{0, &tensor}}});
      continue;
    }
    *num_layers = std::max(*num_layers, layer->layer + 1);
    const auto [found, is_new] = index.emplace(role, rows.size());
    if (is_new) rows.push_back({role, false, {}});
    rows[found->second].cells.push_back({layer->layer, &tensor});
  }
  rows.insert(rows.end(), whole.begin(), whole.end());
  return rows;
}

std::string TitleOf(const TensorResult& tensor) {
  return absl::StrCat(
      tensor.name(), ", ", tensor.type(), ": ",
      tensor.error().relative_rmse() == 0
          ? "exact"
          : absl::StrCat("relative error ", Percent(tensor.error().relative_rmse())));
}

}  // namespace

ErrorScale::ErrorScale(const gguf_toolchain::BenchmarkResult& result) {
  for (const BenchmarkModel& model : result.models()) {
    for (const TensorResult& tensor : model.tensors()) {
      const double error = tensor.error().relative_rmse();
      if (!(error > 0) || !std::isfinite(error)) continue;
      least_ = least_ > 0 ? std::min(least_, error) : error;
      greatest_ = std::max(greatest_, error);
    }
  }
  greatest_ = std::max(greatest_, kLeastRange * least_);
}

double ErrorScale::EndOf(int step) const {
  return least_ * std::pow(greatest_ / least_, (step + 1.0) / kSteps);
}

std::string ErrorScale::ClassOf(double error) const {
  if (error == 0) return "exact";
  if (!std::isfinite(error)) return absl::StrCat("e", kSteps - 1);
  const double part = std::log(error / least_) / std::log(greatest_ / least_);
  return absl::StrCat("e", static_cast<int>(std::clamp(part * kSteps, 0.0, kSteps - 1.0)));
}

std::string ErrorLegend(const ErrorScale& scale) {
  constexpr double kSwatch = 32, kLeft = 8, kRight = 90;
  Svg svg(kLeft + kRight + kSwatch * ErrorScale::kSteps + 30, 40, "legend",
          "Colours of the relative error, from the least to the greatest");
  for (int step = 0; step < ErrorScale::kSteps; ++step) {
    const double left = kLeft + step * kSwatch;
    svg.Rect({left, 2}, kSwatch, 14, absl::StrCat("e", step));
    if (step % 2 == 1) continue;
    const double value = step == 0 ? scale.least() : scale.EndOf(step);
    const double x = step == 0 ? left : left + kSwatch;
    svg.Text({x, 32}, step == 0 ? Anchor::kStart : Anchor::kMiddle, "tick", Percent(value));
  }
  const double left = kLeft + ErrorScale::kSteps * kSwatch + 36;
  svg.Rect({left, 2}, kSwatch, 14, "exact");
  svg.Text({left + kSwatch / 2, 32}, Anchor::kMiddle, "tick", "exact");
  return svg.ToString();
}

std::string ErrorMap(const BenchmarkModel& model, const ErrorScale& scale) {
  uint32_t num_layers = 0;
  const std::vector<Row> rows = RowsOf(model, &num_layers);
  if (rows.empty()) return "";
  double names = 0;
  for (const Row& row : rows) names = std::max(names, SvgTextWidth(Elide(row.role, kLongestRole)));
  const double left = names + 6, width = kWidth - left - 8;
  const double cell = width / std::max(num_layers, 1u);
  const double gap = cell >= kLeastCellForGap ? kGap : 0;
  const std::string heading =
      absl::StrCat(model.name(), ", ", Percent(model.error().relative_rmse()), " in all");
  Svg svg(kWidth, kTop + kRow * rows.size() + kBottom, "map",
          absl::StrCat("Relative error of each matrix of ", heading));
  svg.Text({0, 14}, Anchor::kStart, "name", heading);
  for (size_t i = 0; i < rows.size(); ++i) {
    const double top = kTop + kRow * i;
    svg.Text({left - 6, top + 13}, Anchor::kEnd, "label", Elide(rows[i].role, kLongestRole));
    for (const Cell& part : rows[i].cells) {
      svg.Rect({left + part.layer * cell, top},
               (rows[i].is_whole ? std::max(num_layers, 1u) * cell : cell) - gap, kRow - 1,
               scale.ClassOf(part.tensor->error().relative_rmse()), TitleOf(*part.tensor));
    }
  }
  const double bottom = kTop + kRow * rows.size();
  if (num_layers > 0) {
    const int most = std::max(2, static_cast<int>(width / kPixelsPerLayerTick));
    for (const double layer : LinearTicks(0, num_layers - 1 + 1e-6, most)) {
      if (layer != std::floor(layer)) continue;
      svg.Text({left + (layer + 0.5) * cell, bottom + 14}, Anchor::kMiddle, "tick",
               absl::StrCat(static_cast<int>(layer)));
    }
    svg.Text({left - 6, bottom + 14}, Anchor::kEnd, "tick", "layer");
  }
  return svg.ToString();
}

}  // namespace gguf
