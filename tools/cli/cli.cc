#include "tools/cli/cli.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gguf/base/parallel.h"
#include "gguf/base/utf8.h"
#include "tools/cli/usage.h"

namespace gguf {
namespace {

constexpr int kMaxThreads = 4096;
constexpr char kUsagePayload[] = "gguf_toolchain/usage";
constexpr char kQuietPayload[] = "gguf_toolchain/printed";
constexpr char kWrittenPayload[] = "gguf_toolchain/written";

std::atomic<bool> interrupted{false};
std::atomic<int> signal_number{0};

extern "C" void OnSignal(int number) {
  // A second signal while the first is still being obeyed ends the process at once.
  if (interrupted.load()) std::_Exit(128 + number);
  signal_number.store(number);
  interrupted.store(true);
}

void InstallSignalHandlers() {
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

int Report(const std::string& program, const absl::Status& status) {
  if (status.ok()) return 0;
  if (interrupted.load() && absl::IsCancelled(status)) {
    const bool is_written = status.GetPayload(kWrittenPayload).has_value();
    std::fprintf(stderr, "%s: interrupted, %s\n", program.c_str(),
                 is_written ? Printable(status.message()).c_str() : "nothing written");
    return 128 + signal_number.load();
  }
  if (status.GetPayload(kQuietPayload).has_value()) return 1;
  std::fprintf(stderr, "%s: %s\n", program.c_str(), Printable(status.message()).c_str());
  return status.GetPayload(kUsagePayload).has_value() ? 2 : 1;
}

}  // namespace

void AddCommonOptions(CLI::App* app, bool has_json, const char* verbose_help,
                      CommonOptions* options) {
  app->set_version_flag("--version", absl::StrCat(app->get_name(), " ", kVersion));
  app->add_option("-t,--threads", options->threads, "threads [all cores this process may use]")
      ->check(CLI::Range(0, kMaxThreads));
  CLI::Option* quiet = app->add_flag("-q,--quiet", options->quiet, "print errors only");
  app->add_flag("-v,--verbose", options->verbose, verbose_help)->excludes(quiet);
  app->add_option("--progress", options->progress, "auto, always or never")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "always", "never"}));
  if (has_json) {
    app->add_flag("--json", options->json, "print the result as one JSON document");
  }
}

absl::Status UsageError(absl::string_view message) {
  absl::Status status = absl::InvalidArgumentError(message);
  status.SetPayload(kUsagePayload, absl::Cord());
  return status;
}

absl::Status FoundDifferences() {
  absl::Status status = absl::FailedPreconditionError("differences were found");
  status.SetPayload(kQuietPayload, absl::Cord());
  return status;
}

absl::Status InterruptedAfter(absl::string_view message) {
  absl::Status status = absl::CancelledError(message);
  status.SetPayload(kWrittenPayload, absl::Cord());
  return status;
}

const std::atomic<bool>& Interrupted() { return interrupted; }

int RunTool(CLI::App* app, int argc, char** argv, CommonOptions* options,
            const std::function<absl::Status()>& body) {
  try {
    app->parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app->exit(error);  // --help, --version
    std::fprintf(stderr, "%s: %s\nRun with --help for the options.\n", app->get_name().c_str(),
                 Printable(UsageMistake(*app, error)).c_str());
    return 2;
  }
  if (options->quiet && options->progress == "always") {
    return Report(app->get_name(), UsageError("--quiet leaves nothing to --progress always"));
  }
  if (options->threads == 0) options->threads = AvailableThreads();
  InstallSignalHandlers();
  return Report(app->get_name(), body());
}

absl::Status PrintResult(absl::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return absl::OkStatus();
  return absl::DataLossError("cannot write the result to standard output; the work itself is done");
}

void PrintWarnings(const std::vector<std::string>& warnings, const CommonOptions& options) {
  if (options.quiet) return;
  for (const std::string& warning : warnings) {
    std::fprintf(stderr, "warning: %s\n", Printable(warning).c_str());
  }
}

std::string Printable(absl::string_view text) {
  std::string out;
  while (!text.empty()) {  // quotes and backslashes stay: the text may hold escapes already
    const size_t plain = std::min(text.find_first_of("\"\\"), text.size());
    absl::StrAppend(&out, EscapeText(text.substr(0, plain)), text.substr(plain, 1));
    text.remove_prefix(std::min(plain + 1, text.size()));
  }
  return out;
}

std::string ExpandType(absl::string_view pattern, absl::string_view type) {
  return absl::StrReplaceAll(pattern, {{"{type}", type}});
}

}  // namespace gguf
