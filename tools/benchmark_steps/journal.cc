#include "tools/benchmark_steps/journal.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"
#include "gguf/io/file.h"
#include "google/protobuf/util/json_util.h"
#include "tools/benchmark_steps/text_file.h"
#include "tools/report/render.h"

namespace gguf {
namespace {

constexpr uint64_t kMaxJournalBytes = uint64_t{256} << 20;

}  // namespace

absl::StatusOr<Journal> Journal::Open(absl::string_view path, bool keep, bool replace) {
  Journal journal(path);
  journal.steps_.set_schema_version(kSchemaVersion);
  if (path.empty() || access(journal.path_.c_str(), F_OK) != 0) return journal;
  if (!keep && replace) return journal;
  if (!keep) {
    return absl::AlreadyExistsError(
        absl::StrCat("'", path, "' holds measurements of an earlier run; add --resume to use ",
                     "them, or --force to measure everything again"));
  }
  GGUF_ASSIGN_OR_RETURN(const std::string text, ReadFileToString(path, kMaxJournalBytes));
  const auto status = google::protobuf::util::JsonStringToMessage(text, &journal.steps_);
  if (status.ok() && journal.steps_.schema_version() == kSchemaVersion) return journal;
  return absl::InvalidArgumentError(
      absl::StrCat("'", path, "' is no journal of this version of benchmark: remove it, or leave ",
                   "out --resume"));
}

const gguf_toolchain::BenchmarkStep* Journal::Find(absl::string_view key) const {
  for (const gguf_toolchain::BenchmarkStep& step : steps_.steps()) {
    if (step.key() == key) return &step;
  }
  return nullptr;
}

absl::Status Journal::Add(gguf_toolchain::BenchmarkStep step) {
  gguf_toolchain::BenchmarkStep* place = nullptr;
  for (gguf_toolchain::BenchmarkStep& known : *steps_.mutable_steps()) {
    if (known.key() == step.key()) place = &known;
  }
  if (place == nullptr) place = steps_.add_steps();
  *place = std::move(step);
  if (path_.empty()) return absl::OkStatus();
  GGUF_ASSIGN_OR_RETURN(const std::string text, ToJson(steps_));
  return WriteTextFile(path_, text, /*replace=*/true);
}

}  // namespace gguf
