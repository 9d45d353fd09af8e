// What every program's command line has in common: options, exit codes, signals.

#ifndef GGUF_TOOLCHAIN_TOOLS_CLI_CLI_H_
#define GGUF_TOOLCHAIN_TOOLS_CLI_CLI_H_

#include <atomic>
#include <functional>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace gguf {

inline constexpr char kVersion[] = "0.1.0";

struct CommonOptions {
  int threads = 0;  // after RunTool: at least 1
  bool quiet = false;
  bool verbose = false;
  bool json = false;
  std::string progress = "auto";  // auto, always, never
};

// What --verbose does, as the help says it.
inline constexpr char kLinePerTensor[] = "print a line per tensor";
inline constexpr char kNothingVerbose[] = "taken by all programs; this one has no more to print";

// Adds --threads/-t, --quiet, --verbose, --progress and, with `has_json`, --json.
void AddCommonOptions(CLI::App* app, bool has_json, const char* verbose_help,
                      CommonOptions* options);

// An error in how the program was called: exit status 2 instead of 1.
absl::Status UsageError(absl::string_view message);

// A check that ran and found differences or faults, which are printed already: exit status 1 and no
// further message.
absl::Status FoundDifferences();

// The end of work that SIGINT or SIGTERM stopped after something of use was written: `message` says
// what. (Other Cancelled statuses say that nothing was written.)
absl::Status InterruptedAfter(absl::string_view message);

// True once SIGINT or SIGTERM arrived. RunTool installs the handlers.
const std::atomic<bool>& Interrupted();

// Parses the command line, runs `body` and returns the process's exit status: 0; 1 with one line
// `<program>: <message>` on standard error; 2 for wrong usage; 130 or 143 after SIGINT or SIGTERM.
int RunTool(CLI::App* app, int argc, char** argv, CommonOptions* options,
            const std::function<absl::Status()>& body);

// Writes to standard output; fails when it cannot take the text (a full disk, a closed pipe).
absl::Status PrintResult(absl::string_view text);

// Printed on standard error, unless quiet.
void PrintWarnings(const std::vector<std::string>& warnings, const CommonOptions& options);

// `text` with control characters and invalid UTF-8 escaped, for text that holds names from files.
// Quotes and backslashes stay as they are.
std::string Printable(absl::string_view text);

// "model-{type}.gguf" -> "model-Q5_K_M.gguf".
std::string ExpandType(absl::string_view pattern, absl::string_view type);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_CLI_CLI_H_
