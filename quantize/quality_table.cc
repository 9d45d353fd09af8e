// Prints the table of docs/quality.md: the weighted error of every type at every effort, as a ratio
// to that of the reference, and what it costs. With a file as argument, replaces the stretch
// between that file's two marker lines.
//
//   bazel run //quantize:quality_table -- $PWD/docs/quality.md

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gguf/base/status_macros.h"
#include "gguf/tensor_type.h"
#include "quantize/effort_error.h"
#include "quantize/encode/encoder.h"

namespace gguf {
namespace {

constexpr absl::string_view kBegin = "<!-- quality_table begins -->";
constexpr absl::string_view kEnd = "<!-- quality_table ends -->";
struct Inputs {
  EffortMatrices heavy_tailed, golden, model;
};

// Seconds of CPU for `matrix`, the least of three.
double EncodeSeconds(const Encoder& encoder, const EffortMatrix& matrix, bool weighted) {
  const TensorTypeInfo& info = InfoOf(encoder.type);
  std::vector<uint8_t> out(matrix.values.size() / info.block_values * info.block_bytes);
  double least = 1e9;
  for (int i = 0; i < 3; ++i) {
    const std::clock_t start = std::clock();
    encoder.encode(matrix.values.data(), matrix.num_rows, matrix.columns,
                   weighted ? matrix.importance.data() : nullptr, out.data());
    least = std::min(least, static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
  }
  return least;
}

// The rows of a type: one for each of its efforts.
std::string Rows(TensorType type, const Inputs& inputs, bool weighted) {
  const EffortMatrix& timed = inputs.heavy_tailed[0];
  const auto heavy_tailed = MeasureEfforts(type, inputs.heavy_tailed, weighted);
  const auto golden = MeasureEfforts(type, inputs.golden, weighted);
  const auto model = MeasureEfforts(type, inputs.model, weighted);
  std::string rows;
  for (size_t i = 0; i < model.size(); ++i) {
    const double time = EncodeSeconds(*FindEncoder(type, model[i].effort), timed, weighted) /
                        EncodeSeconds(*FindEncoder(type, Effort::kReference), timed, weighted);
    absl::StrAppendFormat(&rows, "| %s | %s | %.4f | %.4f | %.4f | %.4f | %.1f |\n", NameOf(type),
                          NameOf(model[i].effort), heavy_tailed[i].ratio.total,
                          golden[i].ratio.total, model[i].ratio.total, model[i].ratio.worst, time);
  }
  return rows;
}

std::string Table(const Inputs& inputs, bool weighted, bool progress) {
  std::string table =
      "| type | effort | heavy-tailed | golden rows | model | its worst matrix | time |\n"
      "| --- | --- | ---: | ---: | ---: | ---: | ---: |\n";
  for (const Encoder& encoder : AllEncoders()) {
    if (encoder.effort != Effort::kReference) continue;
    const std::string rows = Rows(encoder.type, inputs, weighted);
    if (progress) std::fputs(rows.c_str(), stderr);
    table += rows;
  }
  return table;
}

absl::Status Update(const std::string& path, const std::string& tables) {
  std::ifstream in(path);
  std::string text((std::istreambuf_iterator<char>(in)), {});
  const size_t begin = text.find(std::string(kBegin));
  const size_t end = text.find(std::string(kEnd));
  if (!in || begin == std::string::npos || end == std::string::npos || end < begin) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": expected the lines ", kBegin, " and ", kEnd));
  }
  text.replace(begin, end - begin, absl::StrCat(kBegin, "\n", tables));
  std::ofstream out(path, std::ios::trunc);
  out << text;
  out.close();
  if (!out) return absl::UnknownError(absl::StrCat(path, ": cannot be written"));
  return absl::OkStatus();
}

absl::Status Run(const std::string& update) {
  Inputs inputs;
  inputs.heavy_tailed = HeavyTailedMatrices();
  GGUF_ASSIGN_OR_RETURN(inputs.golden, GoldenMatrices());
  GGUF_ASSIGN_OR_RETURN(inputs.model, ModelMatrices(1));
  const std::string tables =
      absl::StrCat("With importance weights:\n\n", Table(inputs, true, !update.empty()),
                   "\nWithout:\n\n", Table(inputs, false, !update.empty()));
  if (!update.empty()) return Update(update, tables);
  std::cout << tables;
  return absl::OkStatus();
}

}  // namespace
}  // namespace gguf

int main(int argc, char** argv) {
  if (argc > 2) {
    std::cerr << "usage: quality_table [FILE-TO-UPDATE]\n";
    return 2;
  }
  const absl::Status status = gguf::Run(argc == 2 ? argv[1] : "");
  if (!status.ok()) std::cerr << "quality_table: " << status.message() << "\n";
  return status.ok() ? 0 : 1;
}
