#include "tools/imatrix_statistics.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "gguf/base/utf8.h"
#include "importance/statistics.h"
#include "tools/cli/cli.h"
#include "tools/report/render.h"

namespace gguf {
namespace {

std::string LayerName(int32_t layer) { return layer < 0 ? "-" : absl::StrCat(layer); }

std::string TensorTable(const ImportanceStatistics& statistics) {
  std::string text =
      absl::StrFormat("%5s  %-22s %9s %12s %12s %12s %12s %12s %8s %9s %8s %8s %8s\n", "layer",
                      "tensor", "values", "total", "least", "greatest", "mean", "deviation",
                      "active", "entropy", "of most", "ZD", "CosSim");
  for (const TensorStatistics& t : statistics.tensors) {
    absl::StrAppendFormat(
        &text,
        "%5s  %-22s %9d %12.6g %12.6g %12.6g %12.6g %12.6g %7.2f%% %9.4f %7.2f%% %7.2f%% %8.4f\n",
        LayerName(t.layer), Printable(t.base_name), t.num_values, t.total, t.least, t.greatest,
        t.mean, t.deviation, 100 * t.active, t.entropy, 100 * t.normalized_entropy,
        100 * t.z_score_density, t.cosine_similarity);
  }
  return text;
}

std::string LayerTable(const ImportanceStatistics& statistics) {
  if (statistics.layers.empty()) return "";
  std::string text = absl::StrFormat("\n%5s %12s %8s %8s\n", "layer", "total", "ZD", "CosSim");
  for (const LayerStatistics& layer : statistics.layers) {
    absl::StrAppendFormat(&text, "%5d %12.6g %7.2f%% %8.4f\n", layer.layer, layer.total,
                          100 * layer.z_score_density, layer.cosine_similarity);
  }
  return text;
}

std::string ExpertTable(const ImportanceStatistics& statistics) {
  std::string text;
  for (const TensorStatistics& t : statistics.tensors) {
    if (t.num_experts < 2) continue;
    if (text.empty()) {
      text = absl::StrFormat("\n%5s  %-22s %8s %8s %12s %12s\n", "layer", "experts of", "number",
                             "unused", "fewest rows", "most rows");
    }
    absl::StrAppendFormat(&text, "%5s  %-22s %8d %8d %12d %12d\n", LayerName(t.layer),
                          Printable(t.base_name), t.num_experts, t.num_unused, t.least_rows,
                          t.most_rows);
  }
  return text;
}

void FillTensor(const TensorStatistics& t, gguf_toolchain::ImatrixTensor* message) {
  message->set_name(ToUtf8(t.name));
  message->set_base_name(ToUtf8(t.base_name));
  message->set_layer(t.layer);
  message->set_num_values(t.num_values);
  message->set_total(t.total);
  message->set_least(t.least);
  message->set_greatest(t.greatest);
  message->set_mean(t.mean);
  message->set_deviation(t.deviation);
  message->set_active(t.active);
  message->set_entropy(t.entropy);
  message->set_normalized_entropy(t.normalized_entropy);
  message->set_z_score_density(t.z_score_density);
  message->set_cosine_similarity(t.cosine_similarity);
  message->set_num_experts(t.num_experts);
  message->set_num_unused_experts(t.num_unused);
  message->set_least_rows(t.least_rows);
  message->set_most_rows(t.most_rows);
}

}  // namespace

std::string ImportanceStatisticsText(const ImportanceData& data) {
  const ImportanceStatistics statistics = ComputeStatistics(data);
  const std::string size =
      data.chunk_size == 0 ? "" : absl::StrCat(" of ", data.chunk_size, " tokens");
  return absl::StrCat(Printable(data.path), ": ", statistics.tensors.size(), " tensors, ",
                      data.chunk_count, " chunks", size, " of ",
                      Printable(absl::StrJoin(data.datasets, ", ")), "\n", TensorTable(statistics),
                      LayerTable(statistics), ExpertTable(statistics));
}

absl::StatusOr<std::string> ImportanceStatisticsJson(const ImportanceData& data) {
  const ImportanceStatistics statistics = ComputeStatistics(data);
  gguf_toolchain::ImatrixStatistics message;
  message.set_schema_version(kSchemaVersion);
  message.set_path(ToUtf8(data.path));
  for (const std::string& dataset : data.datasets) message.add_datasets(ToUtf8(dataset));
  message.set_chunk_count(data.chunk_count);
  message.set_chunk_size(data.chunk_size);
  for (const TensorStatistics& tensor : statistics.tensors) {
    FillTensor(tensor, message.add_tensors());
  }
  for (const LayerStatistics& layer : statistics.layers) {
    gguf_toolchain::ImatrixLayer* added = message.add_layers();
    added->set_layer(layer.layer);
    added->set_total(layer.total);
    added->set_z_score_density(layer.z_score_density);
    added->set_cosine_similarity(layer.cosine_similarity);
  }
  return ToJson(message);
}

}  // namespace gguf
