#include "tools/advice/gpu_memory.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"

extern char** environ;

namespace gguf {
namespace {

constexpr uint64_t kMebibyte = uint64_t{1} << 20;
constexpr uint64_t kMaxMebibytes = uint64_t{1} << 30;  // a pebibyte
constexpr size_t kMaxOutputBytes = 1 << 16;
constexpr size_t kShownBytes = 60;  // of output that is not understood
constexpr std::chrono::seconds kPatience(10);

constexpr char kRemedy[] = "say how much memory is free with --vram, such as --vram 8GiB";

// Starts nvidia-smi with its standard output on `write_end` and its errors dropped.
absl::StatusOr<pid_t> Start(int write_end) {
  static const char* const kArguments[] = {"nvidia-smi", "--query-gpu=memory.free",
                                           "--format=csv,noheader,nounits", nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  const absl::Cleanup destroy = [&] { posix_spawn_file_actions_destroy(&actions); };
  posix_spawn_file_actions_adddup2(&actions, write_end, STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  const int error = posix_spawnp(&child, kArguments[0], &actions, nullptr,
                                 const_cast<char* const*>(kArguments), environ);
  if (error == 0) return child;
  return absl::NotFoundError(
      absl::StrCat("no --vram given, and nvidia-smi cannot be started to find out (",
                   std::strerror(error), "); ", kRemedy));
}

// All that comes out of `read_end` until it ends; false when that takes too long or is too much.
bool ReadAll(int read_end, std::string* output) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (output->size() < kMaxOutputBytes) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd ready = {read_end, POLLIN, 0};
    const int num_ready = poll(&ready, 1, static_cast<int>(left.count()));
    if (num_ready < 0 && errno != EINTR) return false;
    if (num_ready <= 0) continue;
    char buffer[4096];
    const ssize_t count = read(read_end, buffer, sizeof(buffer));
    if (count == 0) return true;
    if (count < 0 && errno != EINTR) return false;
    if (count > 0) output->append(buffer, count);
  }
  return false;
}

}  // namespace

absl::StatusOr<std::vector<uint64_t>> QueryFreeGpuMemory() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return absl::UnavailableError(absl::StrCat("no pipe to nvidia-smi; ", kRemedy));
  }
  const absl::Cleanup close_read_end = [&] { close(ends[0]); };
  const absl::StatusOr<pid_t> child = Start(ends[1]);
  close(ends[1]);
  if (!child.ok()) return child.status();
  std::string output;
  const bool is_complete = ReadAll(ends[0], &output);
  if (!is_complete) kill(*child, SIGKILL);
  int state = 0;
  while (waitpid(*child, &state, 0) < 0 && errno == EINTR) {
  }
  if (!is_complete) {
    return absl::UnavailableError(absl::StrCat("nvidia-smi did not finish within ",
                                               kPatience.count(), " seconds; ", kRemedy));
  }
  if (!WIFEXITED(state) || WEXITSTATUS(state) != 0) {
    return absl::UnavailableError(
        absl::StrCat("nvidia-smi failed ('", EscapeText(output, kShownBytes), "'); ", kRemedy));
  }
  return ParseFreeGpuMemory(output);
}

absl::StatusOr<std::vector<uint64_t>> ParseFreeGpuMemory(absl::string_view output) {
  const auto malformed = [](absl::string_view found) {
    return absl::InvalidArgumentError(
        absl::StrCat("nvidia-smi said '", EscapeText(found, kShownBytes),
                     "', expected a number of MiB per card; ", kRemedy));
  };
  std::vector<uint64_t> free_bytes;
  for (absl::string_view line : absl::StrSplit(output, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (line.empty()) continue;
    uint64_t mebibytes = 0;
    if (!absl::SimpleAtoi(line, &mebibytes) || mebibytes > kMaxMebibytes) return malformed(line);
    free_bytes.push_back(mebibytes * kMebibyte);
  }
  if (free_bytes.empty()) return malformed(output);
  return free_bytes;
}

}  // namespace gguf
