// A folder for large files that are needed only while a benchmark runs.

#ifndef GGUF_TOOLCHAIN_TOOLS_BENCHMARK_STEPS_WORK_FOLDER_H_
#define GGUF_TOOLCHAIN_TOOLS_BENCHMARK_STEPS_WORK_FOLDER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gguf {

// Removed with all that is in it when the object is.
class WorkFolder {
 public:
  // `<output>.work.partial`, or one of its own under $TMPDIR or /tmp when `output` is empty. What a
  // killed run has left of it is removed. FailedPrecondition when another run uses it; else the
  // system's error, naming the folder.
  static absl::StatusOr<std::unique_ptr<WorkFolder>> Create(absl::string_view output);
  ~WorkFolder();
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  WorkFolder(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}

  const std::string path_;
  const int lock_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_BENCHMARK_STEPS_WORK_FOLDER_H_
