#include "quantize/write.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "gguf/base/sizes.h"
#include "gguf/base/status_macros.h"
#include "gguf/io/file.h"
#include "quantize/journal.h"
#include "quantize/resume.h"
#include "quantize/verify_written.h"

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

bool Exists(const std::string& path) {
  struct stat info;
  return lstat(path.c_str(), &info) == 0;
}

// Whether another run could not do better: the source itself is at fault.
bool IsHopeless(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsUnimplemented(status) ||
         absl::IsDataLoss(status);
}

// One file of an output.
struct Shard {
  std::string path;
  std::unique_ptr<OutputFile> file;  // null: was complete before this run
  Journal* journal = nullptr;        // null without `resume`
  const std::string& path_now() const { return file == nullptr ? path : file->partial_path(); }
};

// The files of one run, from their creation until they have their names.
class Writing {
 public:
  Writing(const TensorSource& source, absl::Span<const WriteRequest> requests,
          const WriteOptions& options, uint64_t budget)
      : source_(source), requests_(requests), options_(options), shards_(requests.size()) {
    execute_.threads = options.threads;
    execute_.memory_limit = budget;
    execute_.progress = options.progress;
    execute_.cancelled = options.cancelled;
  }

  // Creates all files, or finds them complete.
  absl::Status Open() {
    if (options_.resume) {
      identity_.program = ProgramIdentity(options_.program);
      GGUF_ASSIGN_OR_RETURN(identity_.source, SourceIdentity(source_));
    }
    for (size_t i = 0; i < requests_.size(); ++i) {
      const Plan& plan = *requests_[i].plan;
      WrittenOutput written;
      written.paths = plan.OutputPaths(requests_[i].path);
      written.was_complete = true;
      for (size_t shard = 0; shard < written.paths.size(); ++shard) {
        GGUF_ASSIGN_OR_RETURN(Shard opened, OpenShard(plan, shard, written.paths[shard]));
        if (opened.file != nullptr) written.was_complete = false;
        shards_[i].push_back(std::move(opened));
      }
      report_.outputs.push_back(std::move(written));
    }
    for (const auto& shards : shards_) {
      for (const Shard& shard : shards) {
        if (shard.journal != nullptr) shard.file->set_keep_partial(true);
      }
    }
    is_open_ = true;
    return absl::OkStatus();
  }

  absl::Status Fill() {
    std::vector<PlanOutput> sinks;
    for (size_t i = 0; i < requests_.size(); ++i) {
      PlanOutput sink{requests_[i].plan, {}, {}};
      for (const Shard& shard : shards_[i]) {
        sink.shards.push_back(shard.file.get());
        sink.logs.push_back(shard.journal);
      }
      sinks.push_back(std::move(sink));
    }
    if (!journals_.empty()) execute_.after_range = [this] { return journals_.SaveNowAndThen(); };
    GGUF_ASSIGN_OR_RETURN(report_.warnings, Execute(source_, sinks, execute_));
    GGUF_RETURN_IF_ERROR(journals_.Save());
    if (!options_.verify) return absl::OkStatus();
    VerifyOptions verify;
    verify.threads = options_.threads;
    verify.progress = options_.verify_progress;
    verify.cancelled = options_.cancelled;
    for (size_t i = 0; i < requests_.size(); ++i) {
      if (requests_[i].is_temporary) continue;
      GGUF_ASSIGN_OR_RETURN(report_.outputs[i].errors,
                            VerifyWritten(source_, *requests_[i].plan, PathsNow(i), verify));
    }
    return absl::OkStatus();
  }

  // Gives the files their names: the final ones, or those of rejected outputs.
  absl::Status Commit() {
    is_filled_ = true;
    for (size_t i = 0; options_.check && i < requests_.size(); ++i) {
      WrittenOutput& written = report_.outputs[i];
      GGUF_ASSIGN_OR_RETURN(written.misses, options_.check(i, PathsNow(i), written.errors));
    }
    for (size_t i = 0; i < requests_.size(); ++i) {
      const bool is_wanted = report_.outputs[i].misses.empty();
      for (const Shard& shard : shards_[i]) {
        if (shard.file == nullptr) continue;
        if (requests_[i].is_temporary) {
          shard.file->set_keep_partial(false);
          continue;
        }
        GGUF_RETURN_IF_ERROR(is_wanted ? shard.file->Commit() : shard.file->Reject());
      }
    }
    for (const auto& shards : shards_) {
      for (const Shard& shard : shards) RemoveJournal(shard.path);
    }
    return absl::OkStatus();
  }

  // Cleans up after a failure; returns it with what was kept.
  absl::Status Leave(const absl::Status& failure) {
    if (!options_.resume) return failure;
    const bool is_kept = is_open_ && (is_filled_ || !IsHopeless(failure));
    if (is_kept) journals_.Save().IgnoreError();  // what it cannot save is done again
    for (const auto& shards : shards_) {
      for (const Shard& shard : shards) {
        if (shard.file == nullptr || is_kept || (!is_open_ && shard.file->is_resumed())) continue;
        shard.file->set_keep_partial(false);
        RemoveJournal(shard.path);
      }
    }
    if (!is_kept || absl::IsCancelled(failure)) return failure;
    return absl::Status(failure.code(),
                        absl::StrCat(failure.message(),
                                     absl::IsResourceExhausted(failure) ? "; free space and" : ";",
                                     " run the same command again: it goes on where this one "
                                     "stopped"));
  }

  const WriteReport& report() const { return report_; }

 private:
  absl::StatusOr<Shard> OpenShard(const Plan& plan, size_t index, const std::string& path) {
    Shard shard;
    shard.path = path;
    if (options_.resume && Exists(path)) {
      const absl::Status complete = CheckComplete(source_, plan, index, path, execute_);
      if (complete.ok()) return shard;
      if (!options_.replace || absl::IsCancelled(complete)) return complete;
    }
    GGUF_ASSIGN_OR_RETURN(shard.file, OutputFile::Create(path, plan.shards[index].layout.file_size,
                                                         {options_.replace, options_.resume}));
    if (!options_.resume) {
      RemoveJournal(path);
      return shard;
    }
    identity_.plan = PlanIdentity(plan, index);
    absl::StatusOr<std::unique_ptr<Journal>> journal =
        Journal::Open(shard.file.get(), identity_, options_.threads, options_.cancelled);
    if (!journal.ok()) {
      if (!shard.file->is_resumed()) RemoveJournal(path);
      return journal.status();
    }
    if (options_.note && !(*journal)->note().empty()) options_.note((*journal)->note());
    shard.journal = journal->get();
    journals_.Add(*std::move(journal));
    return shard;
  }

  std::vector<std::string> PathsNow(size_t index) const {
    std::vector<std::string> paths;
    for (const Shard& shard : shards_[index]) paths.push_back(shard.path_now());
    return paths;
  }

  const TensorSource& source_;
  const absl::Span<const WriteRequest> requests_;
  const WriteOptions& options_;
  ExecuteOptions execute_;
  JournalIdentity identity_;
  Journals journals_;
  std::vector<std::vector<Shard>> shards_;  // per request
  WriteReport report_;
  bool is_open_ = false;    // all files and journals are
  bool is_filled_ = false;  // and complete
};

}  // namespace

absl::Status CheckOutputs(const TensorSource& source, absl::Span<const WriteRequest> requests,
                          bool may_exist) {
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
      if (!may_exist && Exists(path)) {
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
  GGUF_RETURN_IF_ERROR(CheckOutputs(source, requests, options.replace || options.resume));
  GGUF_ASSIGN_OR_RETURN(const uint64_t budget, RowChunkBudget(options.memory_limit));
  Writing writing(source, requests, options, budget);
  absl::Status status = writing.Open();
  status.Update(status.ok() ? writing.Fill() : absl::OkStatus());
  if (status.ok()) status = writing.Commit();
  if (!status.ok()) return writing.Leave(status);
  return writing.report();
}

}  // namespace gguf
