// Prints the table of docs/quality.md: the weighted error of every type at every effort, as a ratio
// to that of the reference, and what it costs. With a file as argument, replaces the stretch
// between that file's two marker lines.
//
//   bazel run //quantize:quality_table -- $PWD/docs/quality.md

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "formats/codec/codec.h"
#include "formats/open.h"
#include "gguf/base/parallel.h"
#include "gguf/base/status_macros.h"
#include "gguf/tensor_type.h"
#include "importance/data.h"
#include "quantize/encode/distortion.h"
#include "quantize/encode/encoder.h"

namespace gguf {
namespace {

constexpr absl::string_view kBegin = "<!-- quality_table begins -->";
constexpr absl::string_view kEnd = "<!-- quality_table ends -->";
constexpr size_t kBlock = 256;  // a multiple of every type's block

struct Matrix {
  size_t num_rows, columns;
  std::vector<float> values;
  std::vector<float> importance;
};

struct Inputs {
  std::vector<Matrix> heavy_tailed, golden, model;
};

absl::StatusOr<std::vector<float>> ReadFloats(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  if (!file) return absl::NotFoundError(absl::StrCat(path, ": cannot be read"));
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

// Student's t with 4 degrees of freedom; importances from the exponential of a normal distribution.
Matrix HeavyTailed() {
  Matrix matrix{256, 2048, {}, {}};
  std::mt19937 random(4);
  std::student_t_distribution<float> student(4.0f);
  std::normal_distribution<float> normal(0.0f, 1.0f);
  matrix.values.resize(matrix.num_rows * matrix.columns);
  for (float& value : matrix.values) value = 0.02f * student(random);
  matrix.importance.resize(matrix.columns);
  for (float& value : matrix.importance) value = std::exp(normal(random));
  return matrix;
}

// Matrices that have importance data and rows of whole blocks.
absl::StatusOr<std::vector<Matrix>> ReadModel(const std::string& path,
                                              const std::string& importance_path) {
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<TensorSource> source, OpenSource(path, {}));
  GGUF_ASSIGN_OR_RETURN(const ImportanceData data, ReadImportance(importance_path));
  std::vector<Matrix> matrices;
  for (size_t i = 0; i < source->tensors().size(); ++i) {
    const SourceTensor& tensor = source->tensors()[i];
    const auto entry = data.entries.find(tensor.name);
    const size_t columns = tensor.shape.columns();
    if (entry == data.entries.end() || columns % kBlock != 0) continue;
    const TensorTypeInfo& info = InfoOf(tensor.type);
    Matrix matrix{tensor.shape.num_values() / columns, columns, {}, {}};
    std::vector<uint8_t> bytes(matrix.num_rows * columns / info.block_values * info.block_bytes);
    GGUF_RETURN_IF_ERROR(source->ReadRows(i, 0, matrix.num_rows, absl::MakeSpan(bytes)));
    matrix.values.resize(matrix.num_rows * columns);
    CodecOf(tensor.type).decode(bytes.data(), matrix.values.size(), matrix.values.data());
    matrix.importance = ImportanceWeights(entry->second);
    if (matrix.importance.size() == columns) matrices.push_back(std::move(matrix));
  }
  if (matrices.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": no matrix has importance data in ", importance_path));
  }
  return matrices;
}

struct Ratio {
  double total = 1.0;
  double worst = 1.0;  // of one matrix
};

Ratio ErrorRatio(const Encoder& encoder, const std::vector<Matrix>& matrices, bool weighted) {
  const Encoder& reference = *FindEncoder(encoder.type, Effort::kReference);
  std::vector<double> before(matrices.size()), after(matrices.size());
  const auto measure = [&](uint64_t i, int) {
    const Matrix& m = matrices[i];
    const float* importance = weighted ? m.importance.data() : nullptr;
    const auto distortion = [&](EncodeRows encode) {
      return WeightedDistortion(encoder.type, encode, m.values.data(), m.num_rows, m.columns,
                                importance);
    };
    before[i] = distortion(reference.encode);
    after[i] = distortion(encoder.encode);
    return absl::OkStatus();
  };
  ParallelFor(matrices.size(), AvailableThreads(), measure).IgnoreError();
  Ratio ratio;
  double sum_before = 0.0, sum_after = 0.0;
  for (size_t i = 0; i < matrices.size(); ++i) {
    sum_before += before[i];
    sum_after += after[i];
    if (before[i] > 0.0) {
      ratio.worst = i == 0 ? after[i] / before[i] : std::max(ratio.worst, after[i] / before[i]);
    }
  }
  if (sum_before > 0.0) ratio.total = sum_after / sum_before;
  return ratio;
}

// Seconds of CPU for `matrix`, the least of three.
double EncodeSeconds(const Encoder& encoder, const Matrix& matrix, bool weighted) {
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

std::string Row(const Encoder& encoder, const Inputs& inputs, bool weighted) {
  const Encoder& reference = *FindEncoder(encoder.type, Effort::kReference);
  const Ratio heavy = ErrorRatio(encoder, inputs.heavy_tailed, weighted);
  const Ratio golden = ErrorRatio(encoder, inputs.golden, weighted);
  const Ratio model = ErrorRatio(encoder, inputs.model, weighted);
  const double time = EncodeSeconds(encoder, inputs.heavy_tailed[0], weighted) /
                      EncodeSeconds(reference, inputs.heavy_tailed[0], weighted);
  return absl::StrFormat("| %s | %s | %.4f | %.4f | %.4f | %.4f | %.1f |\n", NameOf(encoder.type),
                         NameOf(encoder.effort), heavy.total, golden.total, model.total,
                         model.worst, time);
}

std::string Table(const Inputs& inputs, bool weighted, bool progress) {
  std::string table =
      "| type | effort | heavy-tailed | golden rows | model | its worst matrix | time |\n"
      "| --- | --- | ---: | ---: | ---: | ---: | ---: |\n";
  for (const Encoder& encoder : AllEncoders()) {
    if (encoder.effort == Effort::kReference) continue;
    if (weighted ? !encoder.uses_weights : encoder.requires_weights) continue;
    const std::string row = Row(encoder, inputs, weighted);
    if (progress) std::fputs(row.c_str(), stderr);
    table += row;
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
  inputs.heavy_tailed.push_back(HeavyTailed());
  Matrix golden{16, 512, {}, {}};
  GGUF_ASSIGN_OR_RETURN(golden.values, ReadFloats("testdata/quantize/input.f32"));
  GGUF_ASSIGN_OR_RETURN(golden.importance, ReadFloats("testdata/quantize/imatrix.f32"));
  inputs.golden.push_back(std::move(golden));
  GGUF_ASSIGN_OR_RETURN(inputs.model,
                        ReadModel("testdata/kjv-llama", "testdata/importance/kjv-llama.gguf"));
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
