#include "importance/statistics.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace gguf {
namespace {

constexpr float kActive = 1e-5f;

void SplitName(absl::string_view name, TensorStatistics* statistics) {
  statistics->name = std::string(name);
  absl::ConsumeSuffix(&name, ".weight");
  absl::string_view rest = name;
  if (absl::ConsumePrefix(&rest, "blk.")) {
    const size_t dot = rest.find('.');
    int32_t layer = -1;
    if (dot != rest.npos && absl::SimpleAtoi(rest.substr(0, dot), &layer) && layer >= 0) {
      statistics->layer = layer;
      name = rest.substr(dot + 1);
    }
  }
  statistics->base_name = std::string(name);
}

// Mean squares of the matrices that saw any row.
std::vector<float> Means(const ImportanceEntry& entry) {
  std::vector<float> means;
  const size_t columns = entry.sums.size() / entry.counts.size();
  for (size_t i = 0; i < entry.sums.size(); ++i) {
    const int64_t count = entry.counts[i / columns];
    if (count != 0) means.push_back(entry.sums[i] / static_cast<float>(count));
  }
  return means;
}

void SetMoments(const std::vector<float>& means, TensorStatistics* s) {
  s->num_values = means.size();
  if (means.empty()) return;
  const auto [least, greatest] = std::minmax_element(means.begin(), means.end());
  s->least = *least;
  s->greatest = *greatest;
  double squares = 0.0;
  uint64_t active = 0;
  for (const float mean : means) {
    s->total += mean;
    squares += double{mean} * mean;
    if (mean > kActive) ++active;
  }
  const auto count = static_cast<double>(means.size());
  s->mean = s->total / count;
  s->deviation = std::sqrt(std::max(0.0, squares / count - s->mean * s->mean));
  s->active = static_cast<double>(active) / count;
}

void SetShares(const std::vector<float>& means, TensorStatistics* s) {
  uint64_t far = 0;
  for (const float mean : means) {
    const double share = s->total > 0.0 ? mean / s->total : 0.0;
    if (share > 0.0) s->entropy -= share * std::log2(share);
    if (s->deviation > 0.0 && (mean - s->mean) / s->deviation > 1.0) ++far;
  }
  const auto count = static_cast<double>(means.size());
  if (means.size() > 1) s->normalized_entropy = s->entropy / std::log2(count);
  if (!means.empty()) s->z_score_density = static_cast<double>(far) / count;
}

void SetRows(const ImportanceEntry& entry, TensorStatistics* s) {
  s->num_experts = entry.counts.size();
  s->num_unused = std::count(entry.counts.begin(), entry.counts.end(), 0);
  const auto [least, most] = std::minmax_element(entry.counts.begin(), entry.counts.end());
  s->least_rows = *least;
  s->most_rows = *most;
}

double CosineSimilarity(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return 0.0;
  double product = 0.0, squares_a = 0.0, squares_b = 0.0;
  for (size_t i = 0; i < a.size(); ++i) {
    product += double{a[i]} * b[i];
    squares_a += double{a[i]} * a[i];
    squares_b += double{b[i]} * b[i];
  }
  return squares_a > 0.0 && squares_b > 0.0 ? product / std::sqrt(squares_a * squares_b) : 0.0;
}

double SimilarityToLayerBefore(const ImportanceData& data, const TensorStatistics& s,
                               const ImportanceEntry& entry) {
  if (s.layer < 1) return 0.0;
  const absl::string_view name = s.name;
  const absl::string_view rest = name.substr(name.find('.', 4));  // behind "blk.<layer>"
  const auto before = data.entries.find(absl::StrCat("blk.", s.layer - 1, rest));
  return before == data.entries.end() ? 0.0 : CosineSimilarity(entry.sums, before->second.sums);
}

std::vector<LayerStatistics> LayerAverages(const std::vector<TensorStatistics>& tensors) {
  std::map<int32_t, LayerStatistics> layers;
  std::map<int32_t, double> weights;
  for (const TensorStatistics& tensor : tensors) {
    if (tensor.layer < 0) continue;
    const auto weight = static_cast<double>(tensor.num_values);
    LayerStatistics& layer = layers[tensor.layer];
    layer.layer = tensor.layer;
    layer.total += weight * tensor.total;
    layer.z_score_density += weight * tensor.z_score_density;
    layer.cosine_similarity += weight * tensor.cosine_similarity;
    weights[tensor.layer] += weight;
  }
  std::vector<LayerStatistics> averages;
  for (auto& [number, layer] : layers) {
    const double weight = std::max(1.0, weights[number]);
    averages.push_back({number, layer.total / weight, layer.z_score_density / weight,
                        layer.cosine_similarity / weight});
  }
  return averages;
}

}  // namespace

ImportanceStatistics ComputeStatistics(const ImportanceData& data) {
  ImportanceStatistics all;
  for (const auto& [name, entry] : data.entries) {
    if (entry.counts.empty() || entry.sums.empty()) continue;
    TensorStatistics s;
    SplitName(name, &s);
    const std::vector<float> means = Means(entry);
    SetMoments(means, &s);
    SetShares(means, &s);
    SetRows(entry, &s);
    s.cosine_similarity = SimilarityToLayerBefore(data, s, entry);
    all.tensors.push_back(std::move(s));
  }
  std::sort(all.tensors.begin(), all.tensors.end(),
            [](const TensorStatistics& a, const TensorStatistics& b) {
              return std::tie(a.base_name, b.total, a.name) <
                     std::tie(b.base_name, a.total, b.name);
            });
  all.layers = LayerAverages(all.tensors);
  return all;
}

}  // namespace gguf
