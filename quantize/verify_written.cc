#include "quantize/verify_written.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"
#include "gguf/reader.h"

namespace gguf {
namespace {

// The written shards of one output as a source, read under whatever names they have now.
class WrittenSource : public TensorSource {
 public:
  static absl::StatusOr<WrittenSource> Open(const Plan& plan, absl::Span<const std::string> paths) {
    WrittenSource source;
    for (size_t shard = 0; shard < paths.size(); ++shard) {
      GGUF_ASSIGN_OR_RETURN(GgufFile file, GgufFile::Open(paths[shard]));
      for (size_t i = 0; i < file.tensors().size(); ++i) {
        const TensorInfo& info = file.tensors()[i];
        source.tensors_.push_back({info.name, info.shape, info.type});
        source.places_.push_back({shard, i});
      }
      source.files_.push_back(std::move(file));
    }
    if (source.tensors_.size() != plan.tensors.size()) {
      return absl::DataLossError(absl::StrCat(source.name(), ": read back ", source.tensors_.size(),
                                              " tensors, expected ", plan.tensors.size()));
    }
    return source;
  }

  const std::string& name() const override { return files_[0].name(); }
  const Metadata& metadata() const override { return files_[0].metadata(); }
  const std::vector<SourceTensor>& tensors() const override { return tensors_; }
  absl::Status ReadRows(size_t index, uint64_t first_row, uint64_t num_rows,
                        absl::Span<uint8_t> out) const override {
    const auto& [shard, tensor] = places_[index];
    const uint64_t row_bytes = num_rows == 0 ? 0 : out.size() / num_rows;
    return files_[shard].ReadTensorBytes(files_[shard].tensors()[tensor], first_row * row_bytes,
                                         out);
  }
  std::vector<std::string> input_paths() const override { return {}; }

 private:
  std::vector<GgufFile> files_;
  std::vector<SourceTensor> tensors_;
  std::vector<std::pair<size_t, size_t>> places_;
};

}  // namespace

absl::StatusOr<std::vector<TensorError>> VerifyWritten(const TensorSource& source, const Plan& plan,
                                                       absl::Span<const std::string> paths,
                                                       const VerifyOptions& options) {
  GGUF_ASSIGN_OR_RETURN(const WrittenSource written, WrittenSource::Open(plan, paths));
  std::vector<TensorError> errors;
  for (size_t i = 0; i < plan.tensors.size(); ++i) {
    if (options.cancelled != nullptr && options.cancelled->load()) {
      return absl::CancelledError("interrupted");
    }
    const PlannedTensor& tensor = plan.tensors[i];
    const SourceTensor& found = written.tensors()[i];
    if (found.name != tensor.name || found.type != tensor.type) {
      return absl::DataLossError(absl::StrCat(written.name(), ": read back tensor '", found.name,
                                              "' of type ", NameOf(found.type), ", expected '",
                                              tensor.name, "' of type ", NameOf(tensor.type)));
    }
    GGUF_ASSIGN_OR_RETURN(const TensorError error,
                          CompareTensors(source, tensor.source_index, written, i, options.threads));
    const bool is_damaged = tensor.encoder == nullptr
                                ? error.max_abs_error != 0
                                : !std::isfinite(error.max_abs_error) && !plan.allow_f16_overflow;
    if (is_damaged) {
      return absl::DataLossError(absl::StrCat(written.name(), ": tensor '", tensor.name,
                                              "' read back with an error of ", error.max_abs_error,
                                              "; the disk or the memory is faulty"));
    }
    errors.push_back(error);
    if (options.progress != nullptr) {
      options.progress->Advance(TensorBytes(tensor.source_type, tensor.shape).value_or(0),
                                tensor.name);
    }
  }
  return errors;
}

}  // namespace gguf
