// `evaluate` as a whole, for its own main and for programs that run it as a process of its own.

#ifndef GGUF_TOOLCHAIN_TOOLS_EVALUATE_COMMANDS_PROGRAM_H_
#define GGUF_TOOLCHAIN_TOOLS_EVALUATE_COMMANDS_PROGRAM_H_

namespace gguf {

// Parses "evaluate COMMAND ...", runs the command and returns the exit status.
int RunEvaluate(int argc, char** argv);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_EVALUATE_COMMANDS_PROGRAM_H_
