// What a benchmark has measured so far, in a file beside its report, so that an interrupted one
// goes on where it was and another model costs only its own measurements.

#ifndef GGUF_TOOLCHAIN_TOOLS_BENCHMARK_STEPS_JOURNAL_H_
#define GGUF_TOOLCHAIN_TOOLS_BENCHMARK_STEPS_JOURNAL_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tools/report/result.pb.h"

namespace gguf {

class Journal {
 public:
  // Kept in memory alone when `path` is empty. With `keep`, what the file holds (it may be absent)
  // is there to be found; InvalidArgument when it is no journal. Otherwise an existing file is
  // AlreadyExists unless `replace`, which forgets it.
  static absl::StatusOr<Journal> Open(absl::string_view path, bool keep, bool replace);

  // Null when nothing was measured under `key`. Valid until the next Add.
  const gguf_toolchain::BenchmarkStep* Find(absl::string_view key) const;

  // In place of what has the same key. The file is replaced as a whole.
  absl::Status Add(gguf_toolchain::BenchmarkStep step);

  const std::string& path() const { return path_; }
  int size() const { return steps_.steps_size(); }

 private:
  explicit Journal(absl::string_view path) : path_(path) {}

  std::string path_;
  gguf_toolchain::BenchmarkJournal steps_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_BENCHMARK_STEPS_JOURNAL_H_
