#include "quantize/effort_error.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "formats/codec/codec.h"
#include "formats/open.h"
#include "gguf/base/parallel.h"
#include "gguf/base/status_macros.h"
#include "importance/data.h"
#include "quantize/encode/distortion.h"

namespace gguf {
namespace {

constexpr size_t kBlock = 256;  // a multiple of every type's block

absl::StatusOr<std::vector<float>> ReadFloats(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  if (!file) return absl::NotFoundError(absl::StrCat(path, ": cannot be read"));
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

double Distortion(const Encoder& encoder, const EffortMatrix& matrix, bool weighted) {
  return WeightedDistortion(encoder.type, encoder.encode, matrix.values.data(), matrix.num_rows,
                            matrix.columns, weighted ? matrix.importance.data() : nullptr);
}

ErrorRatio RatioOf(const EffortMatrices& matrices, const std::vector<double>& before,
                   const std::vector<double>& after) {
  ErrorRatio ratio;
  ratio.worst = 0.0;
  double sum_before = 0.0, sum_after = 0.0;
  for (size_t i = 0; i < matrices.size(); ++i) {
    sum_before += before[i];
    sum_after += after[i];
    if (before[i] > 0.0 && after[i] / before[i] > ratio.worst) {
      ratio.worst = after[i] / before[i];
      ratio.worst_matrix = matrices[i].name;
    }
  }
  if (sum_before > 0.0) ratio.total = sum_after / sum_before;
  return ratio;
}

}  // namespace

EffortMatrices HeavyTailedMatrices() {
  EffortMatrix matrix{"heavy-tailed rows", 256, 2048, {}, {}};
  std::mt19937 random(4);
  std::student_t_distribution<float> student(4.0f);
  std::normal_distribution<float> normal(0.0f, 1.0f);
  matrix.values.resize(matrix.num_rows * matrix.columns);
  for (float& value : matrix.values) value = 0.02f * student(random);
  matrix.importance.resize(matrix.columns);
  for (float& value : matrix.importance) value = std::exp(normal(random));
  return {std::move(matrix)};
}

absl::StatusOr<EffortMatrices> GoldenMatrices() {
  EffortMatrix matrix{"golden rows", 0, 0, {}, {}};
  GGUF_ASSIGN_OR_RETURN(matrix.values, ReadFloats("testdata/quantize/input.f32"));
  GGUF_ASSIGN_OR_RETURN(matrix.importance, ReadFloats("testdata/quantize/imatrix.f32"));
  matrix.columns = matrix.importance.size();
  matrix.num_rows = matrix.values.size() / matrix.columns;
  EffortMatrices matrices;
  matrices.push_back(std::move(matrix));
  return matrices;
}

absl::StatusOr<EffortMatrices> ModelMatrices(size_t row_step) {
  constexpr char kModel[] = "testdata/kjv-llama";
  constexpr char kImportance[] = "testdata/importance/kjv-llama.gguf";
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<TensorSource> source, OpenSource(kModel, {}));
  GGUF_ASSIGN_OR_RETURN(const ImportanceData data, ReadImportance(kImportance));
  EffortMatrices matrices;
  for (size_t i = 0; i < source->tensors().size(); ++i) {
    const SourceTensor& tensor = source->tensors()[i];
    const auto entry = data.entries.find(tensor.name);
    const size_t columns = tensor.shape.columns();
    if (entry == data.entries.end() || columns % kBlock != 0) continue;
    const TensorTypeInfo& info = InfoOf(tensor.type);
    const size_t row_bytes = columns / info.block_values * info.block_bytes;
    EffortMatrix matrix{tensor.name, 0, columns, {}, {}};
    std::vector<uint8_t> bytes(row_bytes);
    for (size_t row = 0; row < tensor.shape.num_values() / columns; row += row_step) {
      GGUF_RETURN_IF_ERROR(source->ReadRows(i, row, 1, absl::MakeSpan(bytes)));
      matrix.values.resize(++matrix.num_rows * columns);
      CodecOf(tensor.type)
          .decode(bytes.data(), columns, matrix.values.data() + matrix.values.size() - columns);
    }
    matrix.importance = ImportanceWeights(entry->second);
    if (matrix.importance.size() == columns) matrices.push_back(std::move(matrix));
  }
  if (matrices.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(kModel, ": no matrix has importance data in ", kImportance));
  }
  return matrices;
}

bool CanMeasure(const Encoder& encoder, bool weighted) {
  return weighted ? encoder.uses_weights : !encoder.requires_weights;
}

std::vector<EffortError> MeasureEfforts(TensorType type, const EffortMatrices& matrices,
                                        bool weighted) {
  std::vector<const Encoder*> encoders;  // the reference's first
  for (const Encoder& encoder : AllEncoders()) {
    if (encoder.type == type && CanMeasure(encoder, weighted)) encoders.push_back(&encoder);
  }
  if (encoders.empty()) return {};
  std::vector<std::vector<double>> errors(encoders.size(), std::vector<double>(matrices.size()));
  const auto measure = [&](uint64_t unit, int) {
    const size_t encoder = unit % encoders.size();
    const size_t matrix = unit / encoders.size();
    errors[encoder][matrix] = Distortion(*encoders[encoder], matrices[matrix], weighted);
    return absl::OkStatus();
  };
  ParallelFor(encoders.size() * matrices.size(), AvailableThreads(), measure).IgnoreError();
  std::vector<EffortError> measured;
  for (size_t i = 1; i < encoders.size(); ++i) {
    measured.push_back({encoders[i]->effort, RatioOf(matrices, errors[0], errors[i])});
  }
  return measured;
}

}  // namespace gguf
