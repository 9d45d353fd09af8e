#include "tools/benchmark_steps/work_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace gguf {
namespace {

absl::Status CannotMake(absl::string_view path, absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat("cannot make the folder '", path, "': ", why));
}

void RemoveContents(const std::string& path) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
    std::filesystem::remove_all(entry.path(), error);
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<WorkFolder>> WorkFolder::Create(absl::string_view output) {
  std::string path = absl::StrCat(output, ".work.partial");
  if (output.empty()) {
    const char* parent = std::getenv("TMPDIR");
    path = absl::StrCat(parent != nullptr && *parent != '\0' ? parent : "/tmp",
                        "/gguf-benchmark-XXXXXX");
    if (mkdtemp(path.data()) == nullptr) return CannotMake(path, std::strerror(errno));
  } else if (mkdir(path.c_str(), 0777) != 0 && errno != EEXIST) {
    return CannotMake(path, std::strerror(errno));
  }
  const int lock = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (lock < 0) return CannotMake(path, std::strerror(errno));
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    close(lock);
    return absl::FailedPreconditionError(absl::StrCat("another benchmark is using '", path,
                                                      "': wait for it, or choose another report"));
  }
  RemoveContents(path);
  return std::unique_ptr<WorkFolder>(new WorkFolder(std::move(path), lock));
}

WorkFolder::~WorkFolder() {
  std::error_code error;
  std::filesystem::remove_all(path_, error);
  close(lock_);
}

}  // namespace gguf
