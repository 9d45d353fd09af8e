#include "quantize/write.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "gguf/base/sizes.h"
#include "gguf/base/status_macros.h"
#include "gguf/io/file.h"
#include "gguf/reader.h"

namespace gguf {
namespace {

// Beyond row chunks: thread stacks, the encoders' own buffers, messages.
constexpr uint64_t kMemoryReserve = uint64_t{16} << 20;

uint64_t ResidentBytes() {
  long pages = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr) return 0;
  if (std::fscanf(file, "%*s %ld", &pages) != 1) pages = 0;
  std::fclose(file);
  return static_cast<uint64_t>(pages) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

absl::StatusOr<uint64_t> RowChunkBudget(uint64_t memory_limit) {
  if (memory_limit == 0) return uint64_t{0};
  const uint64_t used = ResidentBytes() + kMemoryReserve;
  if (memory_limit <= used) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the memory limit of ", FormatSize(memory_limit), " is below the ",
                     FormatSize(used), " needed before any weight is read; raise --memory-limit"));
  }
  return memory_limit - used;
}

// The written shards of one output as a source, read under their partial names.
class WrittenSource : public TensorSource {
 public:
  static absl::StatusOr<WrittenSource> Open(const Plan& plan,
                                            absl::Span<const std::unique_ptr<OutputFile>> files) {
    WrittenSource source;
    for (size_t shard = 0; shard < files.size(); ++shard) {
      GGUF_ASSIGN_OR_RETURN(GgufFile file, GgufFile::Open(files[shard]->partial_path()));
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

// Compares every tensor of one output with what it was made from.
absl::StatusOr<std::vector<TensorError>> Verify(const TensorSource& source, const Plan& plan,
                                                absl::Span<const std::unique_ptr<OutputFile>> files,
                                                const WriteOptions& options) {
  GGUF_ASSIGN_OR_RETURN(const WrittenSource written, WrittenSource::Open(plan, files));
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
    if (options.verify_progress != nullptr) {
      options.verify_progress->Advance(TensorBytes(tensor.source_type, tensor.shape).value_or(0),
                                       tensor.name);
    }
  }
  return errors;
}

}  // namespace

absl::Status CheckOutputs(const TensorSource& source, absl::Span<const WriteRequest> requests,
                          bool replace) {
  absl::flat_hash_set<std::string> seen;
  for (const WriteRequest& request : requests) {
    for (const std::string& path : request.plan->OutputPaths(request.path)) {
      if (!seen.insert(path).second) {
        return absl::InvalidArgumentError(
            absl::StrCat("two outputs would be called '", path,
                         "'; put {type} into the name so that each type gets its own file"));
      }
      for (const std::string& input : source.input_paths()) {
        if (IsSameFile(path, input)) {
          return absl::InvalidArgumentError(
              absl::StrCat("output '", path, "' is also an input; choose another name"));
        }
      }
      struct stat info;
      if (!replace && lstat(path.c_str(), &info) == 0) {
        return absl::AlreadyExistsError(
            absl::StrCat("output '", path, "' exists; use --force to replace it"));
      }
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<WriteReport> WriteOutputs(const TensorSource& source,
                                         absl::Span<const WriteRequest> requests,
                                         const WriteOptions& options) {
  GGUF_RETURN_IF_ERROR(CheckOutputs(source, requests, options.replace));
  GGUF_ASSIGN_OR_RETURN(const uint64_t budget, RowChunkBudget(options.memory_limit));

  WriteReport report;
  std::vector<std::vector<std::unique_ptr<OutputFile>>> files(requests.size());
  std::vector<PlanOutput> sinks;
  for (size_t i = 0; i < requests.size(); ++i) {
    const Plan& plan = *requests[i].plan;
    PlanOutput sink{&plan, {}};
    const std::vector<std::string> paths = plan.OutputPaths(requests[i].path);
    for (size_t shard = 0; shard < paths.size(); ++shard) {
      GGUF_ASSIGN_OR_RETURN(
          std::unique_ptr<OutputFile> file,
          OutputFile::Create(paths[shard], plan.shards[shard].layout.file_size, {options.replace}));
      sink.shards.push_back(file.get());
      files[i].push_back(std::move(file));
    }
    report.outputs.push_back({paths, {}});
    sinks.push_back(std::move(sink));
  }
  ExecuteOptions execute;
  execute.threads = options.threads;
  execute.memory_limit = budget;
  execute.progress = options.progress;
  execute.cancelled = options.cancelled;
  GGUF_ASSIGN_OR_RETURN(report.warnings, Execute(source, sinks, execute));
  if (options.verify) {
    for (size_t i = 0; i < requests.size(); ++i) {
      GGUF_ASSIGN_OR_RETURN(report.outputs[i].errors,
                            Verify(source, *requests[i].plan, files[i], options));
    }
  }
  for (const auto& shards : files) {
    for (const auto& file : shards) GGUF_RETURN_IF_ERROR(file->Commit());
  }
  return report;
}

}  // namespace gguf
