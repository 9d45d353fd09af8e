// What is said of a command line that cannot be understood.

#ifndef GGUF_TOOLCHAIN_TOOLS_CLI_USAGE_H_
#define GGUF_TOOLCHAIN_TOOLS_CLI_USAGE_H_

#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace gguf {

// The one of `known` that `word` may be a misspelling of (at most two letters are wrong, missing,
// added or exchanged, and fewer than half of it); empty when there is none.
std::string Suggestion(absl::string_view word, absl::Span<const std::string> known);

// One line for an error that `app` threw when it parsed: unknown words and options with the ones
// that were probably meant, a missing or unknown command with all commands, else what CLI11 says.
std::string UsageMistake(const CLI::App& app, const CLI::ParseError& error);

// For a program with commands that was called without one: "no command given; the commands are ..".
std::string NoCommand(const CLI::App& app);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_CLI_USAGE_H_
