#include "tools/benchmark_steps/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "tools/cli/cli.h"

namespace gguf {
namespace {

constexpr size_t kMostOutput = size_t{256} << 20;
constexpr size_t kMostComplaint = 16384;  // of which the end is kept
constexpr int kTickMilliseconds = 100;

// Two file descriptors that are closed with it.
class Pipe {
 public:
  Pipe() { is_open_ = pipe2(ends_.data(), O_CLOEXEC) == 0; }
  ~Pipe() {
    if (!is_open_) return;
    close(ends_[0]);
    CloseWriteEnd();
  }
  bool is_open() const { return is_open_; }
  int read_end() const { return ends_[0]; }
  int write_end() const { return ends_[1]; }
  void CloseWriteEnd() {
    if (ends_[1] >= 0) close(ends_[1]);
    ends_[1] = -1;
  }

 private:
  std::array<int, 2> ends_ = {-1, -1};
  bool is_open_ = false;
};

// Between fork and exec: only what a signal handler may do.
[[noreturn]] void BecomeChild(int out, int error, pid_t parent, char** arguments) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(1);  // it ended before the line above
  dup2(out, STDOUT_FILENO);
  dup2(error, STDERR_FILENO);
  execv("/proc/self/exe", arguments);
  _exit(127);
}

// Appends what there is to read; false at the end.
bool ReadSome(int descriptor, std::string* text) {
  std::array<char, 65536> buffer;
  const ssize_t count = read(descriptor, buffer.data(), buffer.size());
  if (count < 0) return errno == EINTR || errno == EAGAIN;
  text->append(buffer.data(), static_cast<size_t>(count));
  return count > 0;
}

std::string LastLine(absl::string_view text) {
  while (absl::ConsumeSuffix(&text, "\n")) {
  }
  const size_t start = text.rfind('\n');
  absl::string_view line = start == absl::string_view::npos ? text : text.substr(start + 1);
  const size_t colon = line.find(": ");  // "evaluate: what is wrong"
  if (colon != absl::string_view::npos &&
      line.substr(0, colon).find(' ') == absl::string_view::npos)
    line.remove_prefix(colon + 2);
  return std::string(line);
}

absl::Status ToStatus(int wait_status, absl::string_view complaint) {
  if (WIFSIGNALED(wait_status)) {
    const int number = WTERMSIG(wait_status);
    return absl::AbortedError(
        absl::StrCat("the measuring process was ended by signal ", number, " (", strsignal(number),
                     ")", number == SIGKILL ? ", as the system does when memory runs out" : ""));
  }
  if (WEXITSTATUS(wait_status) == 0) return absl::OkStatus();
  const std::string line = LastLine(complaint);
  return absl::FailedPreconditionError(
      line.empty()
          ? absl::StrCat("the measuring process ended with status ", WEXITSTATUS(wait_status))
          : line);
}

// Reads both pipes until the child closes them.
void Listen(pid_t child, const Pipe& out, const Pipe& error, const std::function<void()>& tick,
            std::string* output, std::string* complaint) {
  std::array<pollfd, 2> polled = {pollfd{out.read_end(), POLLIN, 0},
                                  pollfd{error.read_end(), POLLIN, 0}};
  const std::array<std::string*, 2> texts = {output, complaint};
  bool is_told = false;
  while (polled[0].fd >= 0 || polled[1].fd >= 0) {
    poll(polled.data(), polled.size(), kTickMilliseconds);
    for (size_t i = 0; i < polled.size(); ++i) {
      if (polled[i].fd < 0 || polled[i].revents == 0) continue;
      polled[i].revents = 0;
      if (!ReadSome(polled[i].fd, texts[i])) polled[i].fd = -1;
    }
    if (complaint->size() > 2 * kMostComplaint)
      complaint->erase(0, complaint->size() - kMostComplaint);
    if (!is_told && (Interrupted().load() || output->size() > kMostOutput)) {
      kill(child, SIGTERM);
      is_told = true;
    }
    tick();
  }
}

}  // namespace

absl::StatusOr<std::string> RunSelf(const std::vector<std::string>& arguments,
                                    const std::function<void()>& tick) {
  std::vector<std::string> words = {"benchmark"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  Pipe out, error;
  if (!out.is_open() || !error.is_open())
    return absl::ResourceExhaustedError("cannot make a pipe to a measuring process");
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) {
    return absl::ResourceExhaustedError(
        absl::StrCat("cannot start a measuring process: ", std::strerror(errno)));
  }
  if (child == 0) BecomeChild(out.write_end(), error.write_end(), parent, pointers.data());
  out.CloseWriteEnd();
  error.CloseWriteEnd();
  std::string output, complaint;
  Listen(child, out, error, tick, &output, &complaint);
  int wait_status = 0;
  while (waitpid(child, &wait_status, 0) < 0 && errno == EINTR) {
  }
  if (Interrupted().load()) return absl::CancelledError("interrupted");
  const absl::Status status = ToStatus(wait_status, complaint);
  if (!status.ok()) return status;
  return output;
}

}  // namespace gguf
